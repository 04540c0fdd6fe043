"""What a case is: a page, what it loads, and what the servers answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.browser.server import Answer

Lines = tuple[tuple[str, str], ...]

# Sites: APP's page calls API (same site) and OTHER (cross-site); THIRD is where redirects go on to.
APP, API, OTHER, THIRD = "http://app.test", "http://api.app.test", "http://other.test", "http://third.test"
APP_S, API_S, OTHER_S, THIRD_S = "https://app.test", "https://api.app.test", "https://other.test", "https://third.test"
LOCAL = "http://localhost"
DEAD, DEAD_S, BAD_TLS = "http://dead.test", "https://dead.test", "https://badtls.test"


@dataclass(frozen=True, slots=True)
class Page:
    """A document that cases run in; `headers` are its own response headers (COEP, Referrer-Policy).

    `private` opens it in a private window, where Chromium keeps no cookies of other sites.
    """

    origin: str
    headers: Lines = ()
    private: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """One thing that a page does (`runner.js` has one function a `how`), and where.

    Places are `page`, `worker`, `data` (a frame with a data: document), `serviced` (a frame under a service worker that
    makes every request again), `frame ORIGIN` and `sandbox ORIGIN`.
    """

    how: str
    url: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    where: str = "page"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The answers at one URL, in order of being asked; the last one repeats. Preflights are counted on their own."""

    actual: tuple[Answer, ...]
    preflight: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """`serve` maps the last segment of a URL to what is answered there; `why` is the reason for the case.

    A `silent` case may end without a request on the wire, or without the page hearing of the end.
    """

    name: str
    why: str
    page: Page
    loads: tuple[Load, ...]
    serve: Mapping[str, Endpoint]
    silent: bool = False


def at(site: str, leaf: str = "a") -> str:
    """A URL of the case: `<case>` becomes its name, so that no two cases share a URL."""
    return f"{site}/c/<case>/{leaf}"


def fetch(
    url: str,
    method: str = "GET",
    *,
    credentials: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
    where: str = "page",
    stream: str | None = None,
    **init: str | bool,
) -> Load:
    options: dict[str, object] = {"method": method, **init}
    if credentials is not None:
        options["credentials"] = credentials
    if headers is not None:
        options["headers"] = dict(headers)
    if body is not None:
        options["body"] = body
    return Load("fetch", url, {"init": options, **({"stream": stream} if stream else {})}, where)


def load(how: str, url: str, where: str = "page", **options: object) -> Load:
    return Load(how, url, options, where)


def allow_origin(*values: str) -> Lines:
    return tuple(("Access-Control-Allow-Origin", value) for value in values)


def allow_credentials(*values: str) -> Lines:
    return tuple(("Access-Control-Allow-Credentials", value) for value in values)


def allow_methods(*values: str) -> Lines:
    return tuple(("Access-Control-Allow-Methods", value) for value in values)


def allow_headers(*values: str) -> Lines:
    return tuple(("Access-Control-Allow-Headers", value) for value in values)


def max_age(*values: str) -> Lines:
    return tuple(("Access-Control-Max-Age", value) for value in values)


def location(url: str) -> Lines:
    return (("Location", url),)


ECHO = allow_origin("<origin>")
ANY = allow_origin("*")
CREDENTIALED = ECHO + allow_credentials("true")
PREFLIGHT_OK = Answer(204, ECHO + allow_methods("<method>") + allow_headers("<headers>"))
PREFLIGHT_OK_CREDENTIALED = Answer(204, CREDENTIALED + allow_methods("<method>") + allow_headers("<headers>"))


def ok(*lines: Lines, body: bytes = b"fine", kind: str = "text/plain", status: int = 200) -> Answer:
    flat = tuple(line for some in lines for line in some)
    return Answer(status, (("Content-Type", kind), *flat), body)


def redirect(status: int, to: str, *lines: Lines) -> Answer:
    flat = tuple(line for some in lines for line in some)
    return Answer(status, (*location(to), *flat))


def one(answer: Answer, preflight: Answer | None = None) -> Mapping[str, Endpoint]:
    """A case with a single URL, `at(site)`."""
    return {"a": Endpoint((answer,), (preflight,) if preflight else ())}
