"""What injection is tried on before browsers: what headers cure, what none does and why, and the rules that do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from tests.browser.cases import CASES
from tests.browser.cases.case import (
    API,
    APP,
    APP_S,
    CREDENTIALED,
    DEAD_S,
    OTHER,
    OTHER_S,
    THIRD,
    THIRD_S,
    Case,
    Endpoint,
    Lines,
    Load,
    Page,
    allow_credentials,
    allow_headers,
    allow_methods,
    allow_origin,
    at,
    fetch,
    load,
    location,
    ok,
    one,
)
from tests.browser.cases.loaders import GIF
from tests.browser.server import Answer

# --- what headers cure: each violation, in each credentials mode where it fails --------------------------------------

MODES = ("omit", "same-origin", "include")
INCLUDE = ("include",)


@dataclass(frozen=True, slots=True)
class Wrong:
    """A server's fault: the violation, the modes in which it is one, the request, and the answers that hold it."""

    violation: str
    modes: tuple[str, ...]
    method: str
    names: tuple[str, ...]
    answer: Answer
    preflight: Answer | None = None


def _preflight(*lines: Lines, status: int = 204) -> Answer:
    return Answer(status, tuple(line for some in lines for line in some))


_METHODS = allow_methods("<method>")
_HEADERS = allow_headers("<headers>")
_GOOD = ok(CREDENTIALED)

FAULTS: tuple[Wrong, ...] = (
    Wrong("allow-origin-missing", MODES, "GET", (), ok()),
    Wrong("allow-origin-missing", MODES, "PUT", (), _GOOD, _preflight(_METHODS)),
    Wrong("allow-origin-multiple", MODES, "GET", (), ok(allow_origin("<origin>", "*"), allow_credentials("true"))),
    Wrong("allow-origin-multiple", MODES, "PUT", (), _GOOD, _preflight(allow_origin("<origin>, *"), _METHODS)),
    Wrong("allow-origin-invalid", MODES, "GET", (), ok(allow_origin("app.test"), allow_credentials("true"))),
    Wrong("allow-origin-invalid", MODES, "PUT", (), _GOOD, _preflight(allow_origin("app.test"), _METHODS)),
    Wrong("allow-origin-mismatch", MODES, "GET", (), ok(allow_origin("http://else.test"), allow_credentials("true"))),
    Wrong("allow-origin-mismatch", MODES, "PUT", (), _GOOD, _preflight(allow_origin("http://else.test"), _METHODS)),
    Wrong(
        "allow-origin-wildcard-with-credentials", INCLUDE, "GET", (), ok(allow_origin("*"), allow_credentials("true"))
    ),
    Wrong(
        "allow-origin-wildcard-with-credentials",
        INCLUDE,
        "PUT",
        (),
        _GOOD,
        _preflight(allow_origin("*"), allow_credentials("true"), _METHODS),
    ),
    Wrong("allow-credentials-not-true", INCLUDE, "GET", (), ok(allow_origin("<origin>"), allow_credentials("True"))),
    Wrong("allow-credentials-not-true", INCLUDE, "PUT", (), _GOOD, _preflight(allow_origin("<origin>"), _METHODS)),
    Wrong("preflight-status-not-ok", MODES, "PUT", (), _GOOD, _preflight(CREDENTIALED, _METHODS, status=405)),
    Wrong(
        "preflight-redirect", MODES, "PUT", (), _GOOD, _preflight(CREDENTIALED, _METHODS, location("/x"), status=302)
    ),
    Wrong("allow-methods-invalid", MODES, "PUT", (), _GOOD, _preflight(CREDENTIALED, allow_methods("GET PUT"))),
    Wrong("allow-headers-invalid", MODES, "GET", ("x-key",), _GOOD, _preflight(CREDENTIALED, allow_headers("x key"))),
    Wrong("method-not-allowed", MODES, "PUT", (), _GOOD, _preflight(CREDENTIALED, allow_methods("GET, POST"))),
    Wrong("method-wildcard-with-credentials", INCLUDE, "PUT", (), _GOOD, _preflight(CREDENTIALED, allow_methods("*"))),
    Wrong("header-not-allowed", MODES, "GET", ("x-key", "authorization"), _GOOD, _preflight(CREDENTIALED)),
    Wrong(
        "header-wildcard-with-credentials",
        INCLUDE,
        "GET",
        ("x-key",),
        _GOOD,
        _preflight(CREDENTIALED, allow_headers("*")),
    ),
)
REQUIRE_CORP: Lines = (("Cross-Origin-Embedder-Policy", "require-corp"),)


def corp(value: str) -> Lines:
    return (("Cross-Origin-Resource-Policy", value),)


def _cured() -> list[tuple[str, Case]]:
    cases: list[tuple[str, Case]] = []

    def add(violation: str, page: Page, call: Load, serve: Mapping[str, Endpoint], slug: str = "") -> None:
        cases.append((violation, Case(f"cure-{len(cases)}-{violation}{slug}", violation, page, (call,), serve)))

    for scheme, page, target in (("http", APP, OTHER), ("https", APP_S, OTHER_S)):
        for fault in FAULTS:
            for mode in fault.modes:
                call = fetch(at(target), fault.method, credentials=mode, headers=dict.fromkeys(fault.names, "1"))
                add(fault.violation, Page(page), call, one(fault.answer, fault.preflight), f"-{scheme}-{mode}")
    # On a host of its own: an image's Referer does not tell the pages of a host apart.
    embedder = Page(THIRD_S, REQUIRE_CORP)
    picture, other = load("img", at(OTHER_S)), at(OTHER_S)
    for violation, where, load_it, lines in (
        ("corp-not-same-origin", Page(APP), load("img", at(OTHER)), corp("same-origin")),
        ("corp-not-same-origin", Page(APP_S), fetch(other, mode="no-cors"), corp("same-origin")),
        ("corp-not-same-origin", Page(APP_S), fetch(other, mode="no-cors", credentials="include"), corp("same-origin")),
        ("corp-not-same-origin", Page(APP_S), fetch(other, mode="no-cors", credentials="omit"), corp("same-origin")),
        ("corp-not-same-site", Page(APP_S), picture, corp("same-site")),
        ("corp-coep", embedder, picture, ()),
        ("corp-coep", embedder, fetch(other, mode="no-cors"), ()),
        ("corp-coep", embedder, fetch(other, mode="no-cors", credentials="include"), ()),
    ):
        add(violation, where, load_it, one(ok(lines, kind="image/gif", body=GIF)))
    return cases


CURED: tuple[tuple[str, Case], ...] = tuple(_cured())

# --- what the browsers' table of cases holds beside: shapes of wrong headers -----------------------------------------

SHAPES = (
    "acao-http-*",
    "acac-http-*",
    "acam-http-*",
    "acah-http-*",
    "preflight-*",
    "status-*-bare",
    "redirect-[ab]-*",
    "redirect-hop-*",
    "redirect-include*",
    "redirect-login*",
    "redirect-put-*",
    "redirect-own-put-*",
    "redirect-manual*",
    "redirect-error*",
    "redirect-to-*",
    "redirect-too-many",
    "redirect-same-*",
    "redirect-worker",
    "redirect-https-*",
    "redirect-no-location-*",
    "xhr-*",
    "actual-fails-after-good-preflight",
    "from-http-worker-bare",
    "from-http-own-frame-bare",
    "from-http-sandbox-bare",
    "from-http-data-bare",
    "*-http-anonymous-bare",
    "*-http-use-credentials-any",
    "font-http-bare",
    "module-http-bare",
    "eventsource-http-bare",
    "eventsource-http-credentials-any",
)
# Whose preflights go to the server and have their answers mended; those of the others are answered in the proxy.
REPAIRED = ("acam-*", "acah-*", "preflight-*")


def _is_repeatable(case: Case) -> bool:
    """Say whether every phase finds the same servers, and the page can tell how a load ended."""
    same = all(len(endpoint.actual) <= 1 and len(endpoint.preflight) <= 1 for endpoint in case.serve.values())
    return same and not case.silent and len(case.loads) == 1


SHAPED: tuple[Case, ...] = tuple(
    case for case in CASES if any(fnmatchcase(case.name, shape) for shape in SHAPES) and _is_repeatable(case)
)

# --- what no header cures -------------------------------------------------------------------------------------------

INCURABLE: dict[str, str] = {
    "redirect-url-credentials": "no header makes a browser follow a redirect to a URL with a user name or password",
    "redirect-scheme": "no header makes a browser follow a redirect away from http and https",
    "redirect-too-many": "the server redirects without end; only another Location would help",
    "mode-same-origin": "the page itself asked for a response of its own origin and no other",
    "network-error": "there is no response to add headers to, and mitmproxy's own error page cannot be given any",
    "nosniff-mime": "the content type does not fit what the page loads, and a rule does not change types",
    "orb-blocked": "the content type does not fit what the page loads, and a rule does not change types",
}


def _incurable_cases() -> list[tuple[str, Case]]:
    page, other = Page(APP_S), OTHER_S
    typed = ok((("X-Content-Type-Options", "nosniff"),), kind="application/json", body=b"{}")
    to = {
        "redirect-url-credentials": "https://user:secret@other.test/c/<case>/b",
        "redirect-scheme": "ftp://other.test/",
        "redirect-too-many": at(other),
    }
    cases = [
        (
            violation,
            fetch(at(other)),
            {"a": Endpoint((Answer(302, CREDENTIALED + location(where)),)), "b": Endpoint((_GOOD,))},
        )
        for violation, where in to.items()
    ]
    cases += [
        (
            "mode-same-origin",
            fetch(at(APP_S), mode="same-origin"),
            {"a": Endpoint((Answer(302, location(at(other))),))},
        ),
        ("network-error", fetch(at(DEAD_S)), {}),
        ("nosniff-mime", load("script", at(other)), {"a": Endpoint((typed,))}),
        ("orb-blocked", load("img", at(other)), {"a": Endpoint((typed,))}),
    ]
    return [(name, Case(f"never-{name}", INCURABLE[name], page, (call,), serve)) for name, call, serve in cases]


NEVER: tuple[tuple[str, Case], ...] = tuple(_incurable_cases())

_NULL = "the page's origin is null, which sandboxed frames of any site share; a rule never lists it"
_NO_CREDENTIALS = "the hop's origin is null, and no rule allows credentials for null"
_TARGET = "the redirect's target is one that browsers refuse before they ask anybody"
# Cases of the browsers' table that stay blocked.
STAY_BLOCKED: dict[str, str] = {
    "from-http-sandbox-*": _NULL,
    "from-http-data-*": _NULL,
    "redirect-login": _NO_CREDENTIALS,
    "redirect-login-bare": _NO_CREDENTIALS,
    "redirect-to-user-*": INCURABLE["redirect-url-credentials"],
    "redirect-to-data": INCURABLE["redirect-scheme"],
    "redirect-to-ftp": INCURABLE["redirect-scheme"],
    "redirect-to-about": INCURABLE["redirect-scheme"],
    "redirect-to-file": INCURABLE["redirect-scheme"],
    "redirect-to-mailto": INCURABLE["redirect-scheme"],
    "redirect-to-unparsable": _TARGET,
    "redirect-to-bad-port": _TARGET,
    "redirect-too-many": INCURABLE["redirect-too-many"],
    "redirect-same-origin-mode": INCURABLE["mode-same-origin"],
    "redirect-https-same-origin-mode": INCURABLE["mode-same-origin"],
    "redirect-worker": "a worker's script has to come from the page's own origin",
    "redirect-https-worker": "a worker's script has to come from the page's own origin",
    "redirect-error*": "the page wants no redirects",
    "redirect-https-img*": "the bytes are no picture",
    "font-http-bare": "the bytes are no font",
}

# --- the rules -------------------------------------------------------------------------------------------------------

SITES = {
    "hosts": [urlsplit(site).netloc for site in (APP, API, OTHER, THIRD, DEAD_S)],
    "allow_origins": [
        f"{scheme}://{urlsplit(site).netloc}" for scheme in ("http", "https") for site in (APP, API, THIRD)
    ],
}
_CURES = {**SITES, "allow_credentials": True, "resource_policy": "cross-origin", "timing_allow_origin": True}
CURES: tuple[dict[str, object], ...] = (
    {
        "name": "what the servers say to preflights",
        "paths": [f"/c/{glob}/**" for glob in REPAIRED],
        "preflight": "repair",
        **_CURES,
    },
    {"name": "whatever the servers send", **_CURES},
)
