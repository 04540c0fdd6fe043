"""The CORS check and the checks of CORS-preflight fetch.

Each function walks the standard's steps in their order. ``*_failures`` yield every condition that fails, so that a
reader sees all that is wrong at once; the functions named as in the standard return the first.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from .headers import HeaderList, Invalid, byte_lowercase, extract_header_list_values
from .messages import CredentialsMode, Response, is_ok_status
from .methods import is_cors_safelisted_method
from .safelists import FORBIDDEN_RESPONSE_HEADERS, SAFELISTED_RESPONSE_HEADERS, is_cors_non_wildcard_request_header_name

ALLOW_ORIGIN = "Access-Control-Allow-Origin"
ALLOW_CREDENTIALS = "Access-Control-Allow-Credentials"
ALLOW_METHODS = "Access-Control-Allow-Methods"
ALLOW_HEADERS = "Access-Control-Allow-Headers"
EXPOSE_HEADERS = "Access-Control-Expose-Headers"
MAX_AGE = "Access-Control-Max-Age"


class Step(Enum):
    """The step of the standard at which a check fails."""

    ALLOW_ORIGIN_MISSING = "no Access-Control-Allow-Origin"
    ALLOW_ORIGIN_WILDCARD = "* where credentials are included"
    ALLOW_ORIGIN_DIFFERS = "Access-Control-Allow-Origin is another value than the origin"
    ALLOW_CREDENTIALS = "Access-Control-Allow-Credentials is not true"
    STATUS = "status is not ok"
    ALLOW_METHODS_INVALID = "Access-Control-Allow-Methods does not parse"
    ALLOW_HEADERS_INVALID = "Access-Control-Allow-Headers does not parse"
    METHOD = "method is not allowed"
    NON_WILDCARD_HEADER = "a header that * does not cover is not listed"
    HEADER = "header is not allowed"

    # Enum's own asks the name, and every verdict is full of sets and dictionaries of these.
    __hash__ = object.__hash__


ACCESS_STEPS: Final = frozenset(
    {Step.ALLOW_ORIGIN_MISSING, Step.ALLOW_ORIGIN_WILDCARD, Step.ALLOW_ORIGIN_DIFFERS, Step.ALLOW_CREDENTIALS}
)
"""The steps of the CORS check."""


@dataclass(frozen=True, slots=True)
class Success:
    """The check passed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The check failed at ``step``; ``value`` is the offending header value, method or header name, as sent."""

    step: Step
    value: str | None = None


SUCCESS = Success()


def cors_failures(origin: str, credentials: CredentialsMode, headers: HeaderList) -> Iterator[Failure]:
    """Yield every condition of the CORS check that the response fails; ``origin`` is the serialized request origin.

    https://fetch.spec.whatwg.org/#concept-cors-check
    """
    include = credentials is CredentialsMode.INCLUDE
    allow_origin = headers.allow_origin
    if allow_origin is None:
        yield Failure(Step.ALLOW_ORIGIN_MISSING)
    elif allow_origin != origin and (include or allow_origin != "*"):
        yield Failure(Step.ALLOW_ORIGIN_WILDCARD if allow_origin == "*" else Step.ALLOW_ORIGIN_DIFFERS, allow_origin)
    if include:
        allow_credentials = headers.allow_credentials
        if allow_credentials != "true":
            yield Failure(Step.ALLOW_CREDENTIALS, allow_credentials)


def cors_check(origin: str, credentials: CredentialsMode, headers: HeaderList) -> Success | Failure:
    """Run the CORS check and return its first failure, or ``SUCCESS``.

    https://fetch.spec.whatwg.org/#concept-cors-check
    """
    return next(cors_failures(origin, credentials, headers), SUCCESS)


@dataclass(frozen=True, slots=True)
class PreflightRequest:
    """What a preflight asks for: serialized origin, method, and the lower-cased unsafe header names."""

    origin: str
    method: str
    header_names: tuple[str, ...]


def preflight_failures(asked: PreflightRequest, credentials: CredentialsMode, response: Response) -> Iterator[Failure]:
    """Yield every condition of CORS-preflight fetch that the answer fails, in the standard's order.

    https://fetch.spec.whatwg.org/#cors-preflight-fetch-0
    ``credentials`` is the mode of the actual request: the preflight itself never carries any. The step for a missing
    Access-Control-Allow-Methods under the use-CORS-preflight flag is left out: no preflight shows that flag, and
    Chromium lacks the step. An unlisted Authorization fails at two steps; it is yielded once, at
    ``NON_WILDCARD_HEADER`` where ``*`` would have covered any other name, else at ``HEADER``.
    """
    include = credentials is CredentialsMode.INCLUDE
    yield from cors_failures(asked.origin, credentials, response.headers)
    if not is_ok_status(response.status):
        yield Failure(Step.STATUS, str(response.status))
    methods = extract_header_list_values(response.headers, ALLOW_METHODS)
    names = extract_header_list_values(response.headers, ALLOW_HEADERS)
    if isinstance(methods, Invalid):
        yield Failure(Step.ALLOW_METHODS_INVALID, response.headers.allow_methods)
    if isinstance(names, Invalid):
        yield Failure(Step.ALLOW_HEADERS_INVALID, response.headers.allow_headers)
    if not isinstance(methods, Invalid):
        listed = methods or []
        if (
            asked.method not in listed
            and not is_cors_safelisted_method(asked.method)
            and (include or "*" not in listed)
        ):
            yield Failure(Step.METHOD, asked.method)
    if not isinstance(names, Invalid):
        lowered = {byte_lowercase(name) for name in names or []}
        wildcard = "*" in lowered and not include
        for name in asked.header_names:
            if name in lowered:
                continue
            if not wildcard:
                yield Failure(Step.HEADER, name)
            elif is_cors_non_wildcard_request_header_name(name):
                yield Failure(Step.NON_WILDCARD_HEADER, name)


def preflight_check(asked: PreflightRequest, credentials: CredentialsMode, response: Response) -> Success | Failure:
    """Judge a preflight's answer and return the first failure, or ``SUCCESS``.

    https://fetch.spec.whatwg.org/#cors-preflight-fetch-0
    """
    return next(preflight_failures(asked, credentials, response), SUCCESS)


def requested_header_names(headers: HeaderList) -> tuple[str, ...]:
    """Return the header names that a preflight asks for, lower-cased, each once, in their order.

    https://fetch.spec.whatwg.org/#http-access-control-request-headers
    Intermediaries may have split the line or added spaces, so it is read as a list; what is no token is kept as it is,
    since a server's list can never contain it.
    """
    names: dict[str, None] = {}
    for line in headers.get_all("Access-Control-Request-Headers"):
        for part in line.split(","):
            name = byte_lowercase(part.strip(" \t"))
            if name:
                names[name] = None
    return tuple(names)


def exposed_header_names(credentials: CredentialsMode, headers: HeaderList) -> frozenset[str]:
    """Return the lower-cased names of the response headers that a script may read.

    https://fetch.spec.whatwg.org/#concept-response-cors-exposed-header-name-list
    """
    listed = extract_header_list_values(headers, EXPOSE_HEADERS)
    present = [name for name in headers.names() if name not in FORBIDDEN_RESPONSE_HEADERS]
    if isinstance(listed, Invalid) or listed is None:
        exposed: Iterable[str] = ()
    elif "*" in listed and credentials is not CredentialsMode.INCLUDE:
        exposed = present
    else:
        exposed = {byte_lowercase(name) for name in listed}
    allowed = SAFELISTED_RESPONSE_HEADERS.union(exposed)
    return frozenset(name for name in present if name in allowed)
