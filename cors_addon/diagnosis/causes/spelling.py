"""Headers and values of the server that are misspelt."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from ...catalogue.violation import FixOwner, Severity
from ...fetch.checks import ALLOW_CREDENTIALS, ALLOW_HEADERS, ALLOW_METHODS, ALLOW_ORIGIN, EXPOSE_HEADERS
from ...fetch.headers import byte_lowercase, byte_uppercase
from ...traffic.host_policies import Sighting
from ...verdict.model import Cause, Confidence, Finding
from ..owner import MINE
from .cause import CauseEntry
from .context import Scene, name_of, shown
from .edit_distance import distance

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

NAME: Final = CauseEntry(
    "response-header-misspelt",
    "The server misspells the name of the header",
    "The response lacks the header and has another whose name differs by a few letters.",
    FixOwner.SERVER,
    "Correct the name of the header: browsers read the exact name only.",
)
REQUEST_NAME: Final = CauseEntry(
    "request-header-in-response",
    "The server responds with a request header",
    "The response has Access-Control-Request-Method, Access-Control-Request-Headers or Origin, and lacks the header "
    "that answers them.",
    FixOwner.SERVER,
    "Answer Access-Control-Request-Method with Access-Control-Allow-Methods, Access-Control-Request-Headers with "
    "Access-Control-Allow-Headers, and Origin with Access-Control-Allow-Origin.",
)
LISTED_NAME: Final = CauseEntry(
    "allowed-header-misspelt",
    "Access-Control-Allow-Headers misspells the request header",
    "A name in Access-Control-Allow-Headers differs by a few letters, or by - and _, from the requested one.",
    FixOwner.SERVER,
    "Correct the name in the list. Letter case does not matter there.",
)
OTHER_LIST: Final = CauseEntry(
    "allowed-in-wrong-list",
    "The name is in the wrong list",
    "What one Access-Control list of the response lacks is in another list of the same response.",
    FixOwner.SERVER,
    "List request headers in Access-Control-Allow-Headers, methods in Access-Control-Allow-Methods, and response "
    "headers that scripts may read in Access-Control-Expose-Headers.",
)
METHOD_CASE: Final = CauseEntry(
    "method-letter-case",
    "The method and the list differ in letter case",
    "The list has the method in another letter case: browsers upper-case only GET, HEAD, POST, PUT, DELETE and "
    "OPTIONS by themselves, and compare with letter case.",
    FixOwner.CLIENT,
    "Write the method in capitals, in the page's code and in the server's list.",
)
DEFAULT_METHODS: Final = CauseEntry(
    "default-method-list",
    "The CORS middleware lists its default methods only",
    "The list is the one with which CORS libraries start: GET, HEAD, POST, or GET alone.",
    FixOwner.SERVER,
    "List the methods that the API takes in the configuration of the CORS middleware.",
)
TRUE: Final = CauseEntry(
    "true-misspelt",
    "Access-Control-Allow-Credentials is not written true",
    "The value is True, TRUE, 1, yes or true in quotation marks: browsers accept true in lower case only.",
    FixOwner.SERVER,
    "Write true, in lower case: a boolean printed by the program is often True.",
)
MALFORMED: Final = CauseEntry(
    "list-malformed",
    "The list has a form that HTTP does not have",
    "The value has brackets, quotation marks, semicolons or spaces between its elements.",
    FixOwner.SERVER,
    "Separate the elements by commas, without brackets or quotation marks: `GET, POST, PUT`.",
)
LITERAL_STAR: Final = CauseEntry(
    "wildcard-with-credentials",
    "The server sends *, which does not cover a request with credentials",
    "With credentials, * is no wildcard but a value like any other.",
    FixOwner.SERVER,
    "Name the page's origin, the methods and the header names instead of *, with Vary: Origin.",
)
NO_NEED: Final = CauseEntry(
    "credentials-not-needed",
    "The page includes credentials, and this API allows none",
    "The server sends * and no Access-Control-Allow-Credentials, as public APIs do.",
    FixOwner.CLIENT,
    "Make the request without credentials: omit credentials: 'include' (fetch), withCredentials (XMLHttpRequest, "
    "axios, "
    'SignalR) or crossorigin="use-credentials". If the API needs cookies: name the page\'s origin instead of *, and '
    "add Access-Control-Allow-Credentials: true.",
)
ON_REQUEST: Final = CauseEntry(
    "response-header-on-request",
    "The page sends a response header, a header that only servers send",
    "The preflight asks for an Access-Control- header: the page's code sets it on the request, where it has no effect "
    "and needs permission itself.",
    FixOwner.CLIENT,
    "Remove the Access-Control- headers from the request: take them out of the page's code. Only servers send them.",
)

ENTRIES: Final = (
    *(NAME, REQUEST_NAME, LISTED_NAME, OTHER_LIST, ON_REQUEST, METHOD_CASE, DEFAULT_METHODS, MALFORMED),
    *(TRUE, LITERAL_STAR, NO_NEED),
)

_SESSION_COOKIE: Final = re.compile(r"sess|(?<![a-z])sid(?![a-z])|auth|token|jwt", re.IGNORECASE)
_WANTED: Final = {
    "allow-origin-missing": ALLOW_ORIGIN,
    "allow-credentials-not-true": ALLOW_CREDENTIALS,
    "method-not-allowed": ALLOW_METHODS,
    "header-not-allowed": ALLOW_HEADERS,
    "header-not-exposed": EXPOSE_HEADERS,
}
_RIGHT: Final = frozenset(
    {
        *("accesscontrolalloworigin", "accesscontrolallowcredentials", "accesscontrolallowmethods"),
        *("accesscontrolallowheaders", "accesscontrolexposeheaders", "accesscontrolmaxage"),
        *("accesscontrolrequestmethod", "accesscontrolrequestheaders", "timingalloworigin"),
        *("accesscontrolallowprivatenetwork", "accesscontrolallowlocalnetwork"),
    }
)
_ASKED: Final = {
    ALLOW_ORIGIN: "origin",
    ALLOW_METHODS: "access-control-request-method",
    ALLOW_HEADERS: "access-control-request-headers",
}
_DEFAULTS: Final = {
    frozenset({"GET", "HEAD", "POST"}): ("with which @fastify/cors, rs/cors and Spring start", ""),
    # GET alone is what many a server means; of these it is known to be the default.
    frozenset({"GET"}): ("with which Starlette and FastAPI start", "uvicorn|hypercorn|granian|daphne"),
}
_FAR: Final = 9
_STANDARD: Final = frozenset({"accept", "origin", "host", "date", "range", "referer", "user-agent", "cache-control"})
"""Names that lists of allowed headers hold for themselves: none of them is another name, misspelt."""
_LONGEST: Final = 100
"""A name that is longer has nothing to do with any of these."""

_NOT_LETTERS: Final = re.compile(r"[^a-z0-9]+")


def names(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a header that is missing: is it there under another name?"""
    wanted = _WANTED[finding.id]
    if wanted in scene.headers:
        return
    for name in scene.headers.names():
        if len(name) <= _LONGEST and _is_meant(name, wanted):
            message = f"the response has {shown(name, 60)}, and browsers look for {wanted}"
            yield NAME.named(HIGH, message, (scene.id,))
            return
    asked = _ASKED.get(wanted)
    if asked is not None and asked in scene.headers:
        yield REQUEST_NAME.named(HIGH, f"the response has {asked}, a request header", (scene.id,))


_MOST_LISTED: Final = 200
"""Names of a list that are looked at, lest a server make one out of many thousands."""


@lru_cache(4096)
def _is_meant(name: str, wanted: str) -> bool:
    plain, written = _plain(wanted), _plain(name)
    if written in _RIGHT:
        return written == plain and name != wanted.lower()
    return distance(written, plain, 3) <= 3 or written in (f"x{plain}", plain.replace("accesscontrol", ""))


def header_not_listed(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a request header that the preflight's answer does not allow."""
    name = finding.params.get("name", "").lower()
    if name.startswith("access-control-"):
        yield ON_REQUEST.named(HIGH, f"the page's code sets {shown(name, 60)} on its request", (scene.id,))
        return
    listed = [each for each in scene.listed(ALLOW_HEADERS)[:_MOST_LISTED] if byte_lowercase(each) not in _STANDARD]
    apart, near = min(((_apart(byte_lowercase(each), name), each) for each in listed), default=(_FAR, ""))
    if apart < _FAR:
        message = f"the list has {shown(near, 60)}, and the request needs {shown(name, 60)}"
        yield LISTED_NAME.named(HIGH if apart < 2 else MEDIUM, message, (scene.id,))
    for other in (EXPOSE_HEADERS, ALLOW_METHODS):
        if name and name in [byte_lowercase(each) for each in scene.listed(other)]:
            yield OTHER_LIST.named(HIGH, f"{shown(name, 60)} is in {other} of the same response", (scene.id,))


def method_not_listed(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a method that the preflight's answer does not allow."""
    method = scene.method
    listed = scene.listed(ALLOW_METHODS)
    other = next((each for each in listed if byte_uppercase(each) == byte_uppercase(method) and each != method), None)
    if other is not None:
        message = f"the request has {shown(method, 20)}, and the list {shown(other, 20)}"
        if other == byte_uppercase(method):
            fix = f"Write the method in capitals in the page's code: '{shown(other, 20)}', not '{shown(method, 20)}'."
            yield METHOD_CASE.named(HIGH, message, (scene.id,), who=FixOwner.CLIENT, fix=fix)
            return
        yield METHOD_CASE.named(HIGH, message, (scene.id,), who=FixOwner.SERVER)
        return
    if method in scene.listed(ALLOW_HEADERS):
        yield OTHER_LIST.named(HIGH, f"{shown(method, 20)} is in {ALLOW_HEADERS} of the same response", (scene.id,))
    default, servers = _DEFAULTS.get(frozenset(listed) - {"OPTIONS"}, ("", ""))
    if default and (not servers or re.match(servers, scene.server.lower())):
        yield DEFAULT_METHODS.named(MEDIUM, f"the list {', '.join(listed)} is the default {default}", (scene.id,))


def malformed(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a list that does not parse."""
    name = ALLOW_METHODS if finding.id == "allow-methods-invalid" else ALLOW_HEADERS
    if finding.id == "expose-headers-invalid":
        name = EXPOSE_HEADERS
    value = scene.headers.get(name) or ""
    how = (
        "it has the brackets of a program's list"
        if re.search(r"^\s*[\[({].*[\])}]\s*$", value)
        else "it has quotation marks"
        if '"' in value or value.startswith("'")
        else "it is separated by semicolons"
        if ";" in value
        else "it is separated by vertical bars"
        if "|" in value
        else "it is separated by spaces"
        if re.search(r"[\w-]\s+[\w-]", value)
        else ""
    )
    if how:
        yield MALFORMED.named(HIGH, f"{name} is {shown(value, 100)}: {how}", (scene.id,))


def credentials(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For an Access-Control-Allow-Credentials that is not true."""
    value = scene.headers.get(ALLOW_CREDENTIALS)
    if value is None:
        if scene.headers.get(ALLOW_ORIGIN) == "*":
            yield from wildcard(finding, scene)
        return
    bare = value.strip("\"'` ").lower()
    if bare in ("true", "1", "yes", "on", "y", "t", "ture", "tru"):
        yield TRUE.named(HIGH, f"{ALLOW_CREDENTIALS} is {shown(value, 40)}", (scene.id,))


def wildcard(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a * that credentials keep from being one."""
    if finding.id in ("allow-origin-wildcard-with-credentials", "allow-credentials-not-true"):
        allowed = scene.headers.get(ALLOW_CREDENTIALS)
        elsewhere = _allows_credentials_elsewhere(scene)
        if allowed is None and "set-cookie" in scene.headers:
            message = f"{ALLOW_ORIGIN} is *, and the response sets a cookie"
            yield LITERAL_STAR.named(MEDIUM, message, (scene.id,), fix=_with_credentials(scene))
            return
        session = _session_cookie(scene)
        if allowed is None and session:
            message = f"{ALLOW_ORIGIN} is *, and the request has the host's cookie {session}, which names a session"
            yield LITERAL_STAR.named(MEDIUM, message, (scene.id,), fix=_with_credentials(scene))
            return
        if allowed is None and elsewhere is not None:
            message = f"{ALLOW_ORIGIN} is *, and {name_of(elsewhere)} allows credentials"
            yield LITERAL_STAR.named(MEDIUM, message, (scene.id, elsewhere.flow), fix=_with_credentials(scene))
            return
        if allowed is None:
            message = f"{ALLOW_ORIGIN} is * and {ALLOW_CREDENTIALS} is not sent"
            # Whether credentials are included is open then.
            title = "* does not cover a request with credentials, and this API allows none"
            is_open = finding.severity is Severity.CONDITIONAL
            yield NO_NEED.named(MEDIUM, message, (scene.id,), title=title if is_open else None)
            return
        message = f"{ALLOW_ORIGIN} is * beside {ALLOW_CREDENTIALS}: {shown(allowed, 20)}"
    else:
        name = ALLOW_METHODS if finding.id == "method-wildcard-with-credentials" else ALLOW_HEADERS
        message = f"{name} is {shown(scene.headers.get(name) or '', 60)}, and credentials are included"
    yield LITERAL_STAR.named(HIGH, message, (scene.id,))


def _session_cookie(scene: Scene) -> str:
    """Return the name of a session cookie that the request carries to a server of the page's author."""
    if scene.owner.kind != MINE:
        return ""
    names = (pair.partition("=")[0].strip() for pair in (scene.record.exchange.request.headers.cookie or "").split(";"))
    return next((shown(name, 40) for name in names if _SESSION_COOKIE.search(name)), "")


def _with_credentials(scene: Scene) -> str:
    return (
        f"Name the page's origin instead of *: {ALLOW_ORIGIN}: {shown(scene.origin, 100)}, with "
        f"{ALLOW_CREDENTIALS}: true and Vary: Origin."
    )


def _allows_credentials_elsewhere(scene: Scene) -> Sighting | None:
    return next((each for each in scene.of_host if each.answer.allow_credentials == "true"), None)


def _plain(name: str) -> str:
    return _NOT_LETTERS.sub("", name.lower())


def _apart(listed: str, wanted: str) -> int:
    """Return by how many letters two names differ, ``_FAR`` where they are no misspelling of each other."""
    if min(len(listed), len(wanted)) < 4:
        return _FAR
    if _plain(listed) == _plain(wanted):
        return 0
    if re.sub("[0-9]", "", listed) == re.sub("[0-9]", "", wanted):
        return _FAR
    limit = 2 if min(len(listed), len(wanted)) >= 8 else 1
    apart = distance(listed, wanted, limit)
    return apart if apart <= limit else _FAR
