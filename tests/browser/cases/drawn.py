"""Cases drawn by lot: what nobody thought of putting together, for `python -m tests.browser.compare --drawn N`."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from tests.browser.cases.case import (
    ANY,
    API,
    API_S,
    APP,
    APP_S,
    ECHO,
    LOCAL,
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
    max_age,
)
from tests.browser.server import Answer, Fault

SITES = {
    "http": (API, OTHER, OTHER, THIRD, APP, "http://app.test:8080", LOCAL, OTHER_S, API_S),
    "https": (API_S, OTHER_S, OTHER_S, THIRD_S, APP_S, "https://app.test:8443"),
}
PAGES = (
    *(Page(APP), Page(APP), Page(APP), Page(APP_S), Page(APP_S), Page(APP_S), Page(LOCAL)),
    Page(APP, (("Referrer-Policy", "no-referrer"),)),
    Page(APP, (("Referrer-Policy", "same-origin"),)),
    Page(LOCAL, (("Referrer-Policy", "no-referrer"),)),
    Page(APP_S, (("Referrer-Policy", "no-referrer"),)),
    Page(APP_S, (("Referrer-Policy", "origin"),)),
    Page(APP_S, (("Cross-Origin-Embedder-Policy", "require-corp"),)),
    Page(APP_S, (("Cross-Origin-Embedder-Policy", "credentialless"),)),
    Page(APP_S, private=True),
)
METHODS = ("GET",) * 8 + ("POST",) * 4 + ("PUT", "PUT", "DELETE", "HEAD", "PATCH", "patch", "OPTIONS", "FROB", "put")
ASKED: tuple[tuple[str, str], ...] = (
    ("Content-Type", "application/json"),
    ("Content-Type", "text/plain;charset=x"),
    ("Content-Type", "multipart/form-data; boundary=a"),
    ("Content-Type", "application/x-www-form-urlencoded"),
    ("Content-Type", 'text/plain; charset="a'),
    ("Authorization", "Bearer x"),
    ("X-Custom", "1"),
    ("X-Api-Key", "1"),
    ("traceparent", "00-1-1-01"),
    ("Accept", "application/json"),
    ("Accept", "a" * 129),
    ("Accept", 'text/html; q="1'),
    ("Accept-Language", "de, en;q=0.5"),
    ("Accept-Language", "de_DE"),
    ("Content-Language", "en"),
    ("Range", "bytes=0-9"),
    ("Range", "bytes=-9"),
    ("If-None-Match", '"a"'),
    ("If-Modified-Since", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ("Cache-Control", "no-cache"),
    ("Pragma", "no-cache"),
    ("X-Requested-With", "XMLHttpRequest"),
    ("Save-Data", "on"),
    ("DPR", "2"),
    ("Viewport-Width", "100"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("X-HTTP-Method-Override", "TRACE"),
    ("Purpose", "prefetch"),
    ("Sec-X", "1"),
)
ALLOWED_METHODS = (
    *("<method>",) * 8,
    *("*", "*", "GET, POST, PUT", "put, patch", "", "GET PUT", "PUT, DELETE, PATCH, FROB"),
)
ALLOWED_HEADERS = (
    *("<headers>",) * 8,
    *("*", "*", "x-custom, content-type", "X-CUSTOM,,authorization", "", "*, authorization", "a b"),
)
OTHERS = ("http://else.test", "https://app.test", "http://app.test", "null", "http://app.test/", "HTTP://APP.TEST")


T = TypeVar("T")


class Lot:
    """Draws the parts of cases; what mostly stands in real traffic is drawn most."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def one(self, of: Sequence[T]) -> T:
        return self._random.choice(of)

    def origin_lines(self) -> Lines:
        return self.one(
            (
                *(ECHO,) * 9,
                *(ANY,) * 5,
                *((),) * 3,
                allow_origin(self.one(OTHERS)),
                allow_origin(self.one(OTHERS)),
                allow_origin(""),
                allow_origin("<origin>, *"),
                allow_origin("<origin>", self.one(("*", "<origin>", "", "http://else.test"))),
                allow_origin("*", "*"),
                allow_origin(" <origin> "),
                allow_origin("<origin>/"),
                allow_origin("\t*"),
            )
        )

    def credentials_lines(self) -> Lines:
        return self.one(
            (
                *((),) * 6,
                *(allow_credentials("true"),) * 5,
                allow_credentials(self.one(("True", "TRUE", "false", "", "1", " true ", "true,true"))),
                allow_credentials("true", "true"),
            )
        )

    def shared(self) -> Lines:
        """Draw the lines that any response can have."""
        lines = self.origin_lines() + self.credentials_lines()
        if self.chance(0.2):
            lines += (("Vary", self.one(("Origin", "Accept-Encoding", "*", "origin, Accept"))),)
        if self.chance(0.2):
            lines += (("Access-Control-Expose-Headers", self.one(("*", "X-A, X-B", "", "(x)", "ETag", "*, X-A"))),)
        if self.chance(0.1):
            lines += (("Timing-Allow-Origin", self.one(("*", "<origin>", "null"))),)
        if self.chance(0.12):
            lines += (("Cross-Origin-Resource-Policy", self.one(("same-origin", "same-site", "cross-origin", "x"))),)
        if self.chance(0.1):
            lines += (("X-Content-Type-Options", self.one(("nosniff", "nosniff", "NOSNIFF", "nosniff, x", "x"))),)
        if self.chance(0.15):
            lines += (("Cache-Control", self.one(("max-age=60", "no-store", "no-cache", "private, max-age=60"))),)
        if self.chance(0.12):
            lines += (("ETag", '"a"'),)
        if self.chance(0.15):
            attributes = self.one(
                ("", "; Secure; SameSite=None", "; SameSite=Lax", "; Secure; SameSite=None; HttpOnly")
            )
            lines += (("Set-Cookie", f"sid=1; Path=/c/<case>/{attributes}"),)
        return lines

    def actual(self) -> Answer:
        status = self.one((200,) * 14 + (201, 202, 206, 304, 400, 403, 404, 404, 409, 500, 502, 503))
        kind = self.one(
            ("text/plain",) * 3 + ("application/json", "text/html", "text/css", "text/javascript", "image/gif")
        )
        body = b"" if status == 304 else self.one((b"fine", b"", b"{}", b"<p>no", b"/**/"))
        fault = self.one((Fault.NONE,) * 40 + (Fault.RESET, Fault.TRUNCATE))
        return Answer(status, (("Content-Type", kind), *self.shared()), body, fault)

    def preflight(self) -> Answer:
        status = self.one((204,) * 8 + (200,) * 8 + (201, 299, 304, 301, 302, 400, 401, 403, 404, 405, 500, 503))
        lines = self.shared()
        if self.chance(0.9):
            lines += allow_methods(*(self.one(ALLOWED_METHODS) for _ in range(self.one((1, 1, 1, 1, 2)))))
        if self.chance(0.9):
            lines += allow_headers(*(self.one(ALLOWED_HEADERS) for _ in range(self.one((1, 1, 1, 1, 2)))))
        if self.chance(0.4):
            lines += max_age(*(self.one(("60", "0", "-1", "1", "x", "600", "")) for _ in range(self.one((1, 1, 1, 2)))))
        if status in (301, 302):
            lines += (("Location", at(OTHER_S, "z")),)
        return Answer(status, lines, b"", self.one((Fault.NONE,) * 40 + (Fault.RESET,)))

    def endpoint(self) -> Endpoint:
        """Draw one answer or two: browsers that ask again are answered otherwise."""
        again = self.one((1, 1, 1, 2))
        return Endpoint(
            tuple(self.actual() for _ in range(again)), tuple(self.preflight() for _ in range(self.one((1, 1, 1, 2))))
        )

    def hop(self, to: str) -> Endpoint:
        status = self.one((301, 302, 302, 302, 303, 307, 307, 308))
        return Endpoint((Answer(status, (("Location", to), *self.shared())),), (self.preflight(),))

    def fetch(self, scheme: str, url: str) -> Load:
        init: dict[str, Any] = {"method": self.one(METHODS)}
        if self.chance(0.45):
            init["headers"] = dict(self.one(ASKED) for _ in range(self.one((1, 1, 2, 3))))
        if self.chance(0.55):
            init["credentials"] = self.one(("include", "include", "include", "omit", "same-origin"))
        if init["method"] in ("POST", "PUT", "PATCH") and self.chance(0.6):
            init["body"] = self.one(("x", "", "{}"))
        if self.chance(0.1):
            init["mode"] = self.one(("no-cors", "no-cors", "same-origin", "cors"))
        if self.chance(0.1):
            init["redirect"] = self.one(("manual", "error"))
        if self.chance(0.15):
            init["cache"] = self.one(("no-store", "reload", "no-cache", "force-cache"))
        if self.chance(0.15):
            init["referrerPolicy"] = self.one(("no-referrer", "origin", "unsafe-url", "same-origin", "strict-origin"))
        if self.chance(0.05):
            init["keepalive"] = True
        if self.chance(0.04) and init.get("mode") != "no-cors":
            init["integrity"] = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
        places = ("page",) * 12 + ("worker", "worker", "data", f"frame {self.one(SITES[scheme])}")
        places += (f"sandbox {self.one((APP_S, OTHER_S) if scheme == 'https' else (APP, OTHER))}",)
        if scheme == "https":
            places += ("serviced", "serviced")
        return Load("fetch", url, {"init": init}, self.one(places))

    def xhr(self, url: str) -> Load:
        options: dict[str, Any] = {"method": self.one(METHODS), "withCredentials": self.chance(0.5)}
        if self.chance(0.4):
            options["headers"] = dict(self.one(ASKED) for _ in range(self.one((1, 1, 2))))
        if options["method"] in ("POST", "PUT") and self.chance(0.6):
            options["body"] = "x"
        options["upload"] = self.chance(0.1)
        options["sync"] = self.chance(0.1)
        return Load("xhr", url, options)

    def element(self, url: str) -> Load:
        how = self.one(("img", "script", "style", "track", "audio", "preload", "preload"))
        options: dict[str, Any] = {}
        if self.chance(0.75):
            options["crossorigin"] = self.one(("anonymous", "use-credentials", ""))
        if how == "preload":
            options["rel"] = self.one(("preload", "preload", "modulepreload", "prefetch", "icon", "manifest"))
            if options["rel"] == "preload":
                options["as"] = self.one(("fetch", "font", "image", "script", "style", "track"))
        if how == "audio":
            options["element"] = self.one(("audio", "video"))
        if how == "script" and self.chance(0.4):
            options["type"] = "module"
        return Load(how, url, options)

    def other(self, url: str) -> Load:
        how = self.one(
            ("font", "module", "eventsource", "beacon", "mask", "iframe", "form", "ping", "object", "websocket")
        )
        options: dict[str, Any] = {}
        if how == "eventsource":
            options["withCredentials"] = self.chance(0.5)
        if how == "beacon" and self.chance(0.5):
            options["type"] = self.one(("application/json", "text/plain", "application/x-www-form-urlencoded"))
        return Load(how, url, options)

    def case(self, name: str) -> Case:
        page = self.one(PAGES)
        scheme = page.origin.partition(":")[0]
        sites = SITES[scheme]
        serve = {"a": self.endpoint()}
        target = at(self.one(sites))
        for leaf in "bcd"[: self.one((0,) * 10 + (1, 1, 2, 3))]:
            serve[leaf] = self.hop(target)
            target = at(self.one(sites), leaf)
        if any("/z" in value for each in serve.values() for answer in each.preflight for _, value in answer.headers):
            serve["z"] = self.endpoint()
        fetch = partial(self.fetch, scheme)
        hows: tuple[Callable[[str], Load], ...] = (*(fetch,) * 6, self.xhr, self.element, self.element, self.other)
        first = self.one(hows)
        loads = [first(target)]
        for number in range(self.one((0, 0, 0, 1, 1, 2))):
            # Another load of the very same URL meets what browsers keep, and is easily mistaken for the first.
            url = target if self.chance(0.2) else f"{target}?{number}"
            loads.append(loads[0] if self.chance(0.4) else self.one((first, fetch))(url))
        return Case(name, "drawn", page, tuple(loads), serve, silent=True)


def drawn(seed: int, count: int) -> tuple[Case, ...]:
    """Draw so many cases; the same seed draws the same ones."""
    lot = Lot(seed)
    return tuple(lot.case(f"drawn-{seed}-{number}") for number in range(count))
