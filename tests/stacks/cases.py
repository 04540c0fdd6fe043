"""The faults that every stack is given: what the server sends, what the page asks for, and what is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

PAGE: Final = "http://app.stacks.test"
COOKIE: Final = "session=1; Domain=stacks.test; Path=/"
BASIC: Final = "Basic dTpw"
"""User u, password p."""

Lines = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One server and the page's request to it.

    ``lines`` are what the server adds to every response by hand; ``options`` says that it answers OPTIONS with 204 and
    those lines; ``auth`` that nothing passes without a password, OPTIONS included. A store has a CORS ``rule`` instead.
    ``found`` are violations that the faulty server has at least.
    """

    name: str
    found: frozenset[str]
    method: str = "GET"
    path: str = "/item"
    headers: Lines = ()
    credentials: bool = False
    lines: Lines = ()
    options: bool = False
    auth: bool = False
    rule: Mapping[str, str] | None = None

    @property
    def preflight(self) -> bool:
        return self.method not in ("GET", "POST") or bool(self.headers)

    def loads(self, host: str) -> list[dict[str, object]]:
        """The page's requests, arguments of fetch(), one after the other.

        No preflight tells of credentials: before one comes a request with the cookie, from which they can be known.
        """
        url = f"http://{host}{self.path}"
        with_cookie = {"credentials": "include"} if self.credentials else {}
        request = {"url": url, "init": {"method": self.method, "headers": dict(self.headers), **with_cookie}}
        return [{"url": url, "init": with_cookie}, request] if self.credentials and self.preflight else [request]


def allow(
    origin: str = PAGE, credentials: str | None = None, methods: str | None = None, names: str | None = None
) -> Lines:
    said = {"Origin": origin, "Credentials": credentials, "Methods": methods, "Headers": names}
    return tuple((f"Access-Control-Allow-{name}", value) for name, value in said.items() if value is not None)


MISSING: Final = "allow-origin-missing"
CASES: Final = (
    Case("bare", frozenset({MISSING})),
    Case("error", frozenset({MISSING}), path="/fail"),
    Case("lost", frozenset({MISSING}), path="/nothing-here"),
    Case("cookie", frozenset({MISSING, "allow-credentials-not-true"}), credentials=True),
    Case(
        "put",
        frozenset({MISSING, "method-not-allowed", "header-not-allowed"}),
        method="PUT",
        headers=(("content-type", "application/json"), ("x-trace", "1")),
    ),
    Case(
        "patch-cookie",
        frozenset({MISSING, "method-not-allowed", "allow-credentials-not-true"}),
        method="PATCH",
        credentials=True,
    ),
    Case(
        "login",
        frozenset({MISSING, "preflight-status-not-ok", "header-not-allowed"}),
        headers=(("authorization", BASIC),),
        auth=True,
    ),
    Case(
        "star-cookie",
        frozenset({"allow-origin-wildcard-with-credentials", "allow-credentials-not-true"}),
        credentials=True,
        lines=allow("*"),
    ),
    Case("other", frozenset({"allow-origin-mismatch"}), lines=allow("http://old.stacks.test")),
    Case("list", frozenset({"allow-origin-multiple"}), lines=allow(f"{PAGE}, http://old.stacks.test")),
    Case("host", frozenset({"allow-origin-invalid"}), lines=allow("app.stacks.test")),
    Case(
        "spaces",
        frozenset({"allow-methods-invalid", "allow-headers-invalid"}),
        method="PUT",
        headers=(("x-trace", "1"),),
        lines=allow(methods="GET PUT", names="x-trace x-id"),
        options=True,
    ),
    Case(
        "stars-cookie",
        frozenset({"method-wildcard-with-credentials", "header-wildcard-with-credentials"}),
        method="DELETE",
        headers=(("x-trace", "1"),),
        credentials=True,
        lines=allow(credentials="true", methods="*", names="*"),
        options=True,
    ),
)

BY_NAME: Final = {case.name: case for case in CASES}
REFUSED: Final = frozenset({MISSING, "preflight-status-not-ok"})


def rule(origins: str, methods: str = "GET", names: str = "") -> Mapping[str, str]:
    return {"AllowedOrigins": origins, "AllowedMethods": methods, "AllowedHeaders": names, "MaxAgeInSeconds": "60"}


# A store answers by its rules: the first that fits, else no header, and 403 to a preflight. It shows no other faults.
STORE_CASES: Final = (
    BY_NAME["bare"],
    BY_NAME["lost"],
    BY_NAME["cookie"],
    BY_NAME["put"],
    replace(
        BY_NAME["star-cookie"], found=frozenset({"allow-origin-wildcard-with-credentials"}), lines=(), rule=rule("*")
    ),
    replace(BY_NAME["other"], found=frozenset({MISSING}), lines=(), rule=rule("http://old.stacks.test")),
    Case("get-only", REFUSED | {"method-not-allowed"}, method="PUT", rule=rule(PAGE)),
    Case("no-names", REFUSED | {"header-not-allowed"}, headers=(("x-trace", "1"),), rule=rule(PAGE)),
)
# With credentials and a preflight: the emulator of S3 answers preflights with `*`, where S3 names the page.
DELETES: Final = Case(
    "delete-cookie",
    REFUSED | {"method-not-allowed", "header-not-allowed", "allow-credentials-not-true"},
    method="DELETE",
    headers=(("x-trace", "1"),),
    credentials=True,
    rule=rule(PAGE),
)
BLOB_CASES: Final = tuple(replace(case, path=f"/files{case.path}") for case in (*STORE_CASES, DELETES))


@dataclass(frozen=True, slots=True)
class App:
    """A case at a host of its own, with a snippet in place or without: its faults are taken out then, but for auth."""

    host: str
    case: Case
    snippet: str | None = None

    def to_plain(self) -> dict[str, object]:
        """What the servers of frameworks are told."""
        faulty = self.snippet is None
        return {
            "host": self.host,
            "lines": [list(line) for line in self.case.lines] if faulty else [],
            "options": self.case.options and faulty,
            "auth": self.case.auth,
            "rule": self.case.rule and dict(self.case.rule),
            "snippet": self.snippet,
        }
