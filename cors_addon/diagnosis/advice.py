"""What no browser blocks and a developer should still know. Never more than a note beside a verdict."""

from dataclasses import replace
from functools import lru_cache
from typing import Final

from ..catalogue import CATALOGUE
from ..catalogue.violation import Severity, Stage
from ..fetch.checks import ALLOW_CREDENTIALS, ALLOW_ORIGIN, EXPOSE_HEADERS, MAX_AGE, exposed_header_names
from ..fetch.headers import HeaderList, Invalid, extract_header_list_values, extract_max_age
from ..fetch.messages import CredentialsMode, is_ok_status
from ..fetch.methods import is_cors_safelisted_method
from ..fetch.resource_policy import timing_allow_origin_check
from ..fetch.safelists import FORBIDDEN_RESPONSE_HEADERS, SAFELISTED_RESPONSE_HEADERS
from ..traffic.classify import BrowserFamily, Kind, is_http_authentication
from ..traffic.correlate import Correlator
from ..traffic.credentials import CredentialsObserver
from ..traffic.exchange import ADDON_HEADER
from ..traffic.links import FOLLOW_SECONDS
from ..traffic.null_origin import null_origin_source
from ..traffic.origin_echoes import EchoObserver
from ..traffic.passing_modes import surviving_modes
from ..traffic.preflight_rules import CAPS
from ..traffic.record import Record
from ..verdict.conditions import BOTH_MODES
from ..verdict.failure_details import inert
from ..verdict.model import Condition, HeaderLine
from ..verdict.redact import redact
from .protocol_headers import needed_headers

_LINES_SHOWN: Final = 8
_LONGEST_NAMES: Final = 2_000
_MOST_SHARED: Final = 20
_NO_HEADERS: Final = HeaderList()
_LONGEST_CAP: Final = int(max(CAPS.values()))

# Header fields that servers and caches add and that no script asks for.
_UNREMARKABLE: Final = frozenset(
    {
        "accept-ch",
        "accept-ranges",
        "access-control-allow-credentials",
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-max-age",
        "age",
        "alt-svc",
        "connection",
        "content-encoding",
        "content-security-policy",
        "content-security-policy-report-only",
        "cross-origin-embedder-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "date",
        "expect-ct",
        "keep-alive",
        "nel",
        "origin-agent-cluster",
        "permissions-policy",
        "referrer-policy",
        "report-to",
        "reporting-endpoints",
        "server",
        "server-timing",
        "strict-transport-security",
        "timing-allow-origin",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "vary",
        "via",
        "x-cache",
        "x-cache-hits",
        "x-content-type-options",
        "x-dns-prefetch-control",
        "x-download-options",
        "x-frame-options",
        "x-permitted-cross-domain-policies",
        "x-powered-by",
        "x-served-by",
        "x-timer",
        "x-xss-protection",
    }
)

_NEVER_HIDDEN: Final = _UNREMARKABLE | FORBIDDEN_RESPONSE_HEADERS | SAFELISTED_RESPONSE_HEADERS | {ADDON_HEADER}


def advice_conditions(record: Record, credentials: CredentialsObserver, echoes: EchoObserver) -> list[Condition]:
    """Return the advisories for an exchange; empty for whatever CORS does not judge."""
    found: list[Condition] = []
    source = null_origin_source(record, credentials.correlator, credentials.pages)
    if source is not None and record.kind is not Kind.PREFLIGHT:
        found.append(_note("origin-null", {"source": inert(source, 300)}))
    if record.kind not in (Kind.CORS, Kind.PREFLIGHT):
        return found
    response = record.exchange.response
    if response is None or record.exchange.error is not None:
        return found
    headers = response.headers
    if headers.allow_origin == "*" and headers.allow_credentials == "true":
        found.append(_note("allow-credentials-with-wildcard", {}, headers, ALLOW_ORIGIN, ALLOW_CREDENTIALS))
    if record.kind is Kind.PREFLIGHT:
        found += _about_max_age(record, headers)
        if record.unfollowed and len(surviving_modes(record)) == 2:
            note = _note("preflight-not-followed", {"url": inert(redact(record.exchange.request.url))})
            found.append(replace(note, detail=_why_not_followed(record, credentials)))
        return found
    if record.preflight is None and record.cached_grant is None and _surely_needs_preflight(record):
        found.append(_note("preflight-not-seen", {"method": inert(record.exchange.request.method)}))
    echo = echoes.other(record)
    if echo is not None:
        value = inert(headers.allow_origin or "")
        note = _note("vary-origin-missing", {"value": value}, headers, ALLOW_ORIGIN, "Vary")
        other = HeaderLine("response", ALLOW_ORIGIN, f"{inert(echo.origin)} (flow {echo.exchange_id})")
        found.append(replace(note, evidence=(*note.evidence, other)))
    if surviving_modes(record):
        found += _about_exposure(record, headers, credentials)
    return found


def _note(name: str, params: dict[str, str], headers: HeaderList | None = None, *lines: str) -> Condition:
    evidence = []
    for line in lines:
        values = headers.get_all(line) if headers is not None else ()
        evidence += [HeaderLine("response", line, inert(value, 2000)) for value in values[:_LINES_SHOWN]]
        if not values:
            evidence.append(HeaderLine("response", line, None))
    return Condition(CATALOGUE[name], Stage.RESPONSE, BOTH_MODES, frozenset(), params, "", tuple(evidence))


def _surely_needs_preflight(record: Record) -> bool:
    """Say whether a preflight must have gone before: HTTP authentication may be the browser's, which asks nobody.

    Most HARs leave out preflights.
    """
    if record.exchange.source == "har":
        return False
    if not is_cors_safelisted_method(record.exchange.request.method):
        return True
    by_browser = is_http_authentication(record.exchange.request.headers.authorization or "")
    return any(name != "authorization" or not by_browser for name in record.header_names)


def _why_not_followed(record: Record, credentials: CredentialsObserver) -> str:
    exchange = record.exchange
    ended = exchange.ended or exchange.started
    if credentials.pages.loaded_since(exchange.client, exchange.started, ended + FOLLOW_SECONDS):
        return "another page was loaded meanwhile"
    return ""


def _about_max_age(record: Record, headers: HeaderList) -> list[Condition]:
    age = extract_max_age(headers)
    value = inert(headers.max_age or "") or "empty"
    if isinstance(age, Invalid):
        return [_note("max-age-invalid", {"value": value}, headers, MAX_AGE)]
    if age is not None and age > CAPS.get(record.browser or BrowserFamily.CHROMIUM, _LONGEST_CAP):
        return [_note("max-age-capped", {"value": value}, headers, MAX_AGE)]
    return []


def _ever_hidden(names: tuple[str, ...]) -> list[str]:
    # Whatever is longer must not fill the cache.
    return [*(_known_hidden(names) if sum(map(len, names)) <= _LONGEST_NAMES else _known_hidden.__wrapped__(names))]


@lru_cache(1024)
def _known_hidden(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in _NEVER_HIDDEN)


_ALMOST: Final = frozenset(
    {
        *("access-control-expose-header", "access-control-exposed-headers", "access-control-exposed-header"),
        *("access-control-exposes-headers", "access-control-expose", "allow-access-expose-headers"),
    }
)
"""How Access-Control-Expose-Headers is misspelt."""


def hidden_header_names(mode: CredentialsMode, headers: HeaderList) -> list[str]:
    """Return the lower-cased names of the response headers that scripts may want to read and cannot."""
    wanted = _ever_hidden(headers.names())
    if not wanted or headers.expose_headers is None:
        return wanted
    exposed = exposed_header_names(mode, headers)
    return [name for name in wanted if name not in exposed]


def _exposed_by_preflight(record: Record, correlator: Correlator) -> frozenset[str]:
    """Return the names that the response to the preflight lists, where browsers do not look for them."""
    preflight = correlator.get(record.preflight or record.cached_grant)
    granted = None if preflight is None else preflight.exchange.response
    value = None if granted is None else granted.headers.expose_headers
    return frozenset(name.strip().lower() for name in (value or "").split(",")) - {""}


def _hidden(
    record: Record, headers: HeaderList, mode: CredentialsMode, listed: list[str], correlator: Correlator
) -> list[Condition]:
    """Tell of hidden headers: as advice where a protocol needs them, errors included, and else in passing."""
    exposed = exposed_header_names(mode, headers) if listed else frozenset()
    needed = needed_headers(record)
    lacking = [name for name in (needed.names if needed is not None else ()) if name not in exposed]
    if needed is not None and lacking:
        note = _note("header-not-exposed", {"names": inert(", ".join(lacking))}, headers, EXPOSE_HEADERS)
        line = f"{EXPOSE_HEADERS}: {inert(', '.join([*listed, *lacking]), 2000)}"
        return [replace(note, severity=Severity.ADVICE if needed.sure else Severity.INFO, needed=line)]
    response = record.exchange.response
    hidden = hidden_header_names(mode, headers) if response is not None and is_ok_status(response.status) else []
    if not hidden:
        return []
    early = _exposed_by_preflight(record, correlator) if headers.expose_headers is None else frozenset()
    if any(name in _ALMOST for name in hidden) or not early.isdisjoint(hidden):
        # The server means to expose them: a letter is wrong, or the place.
        note = _note("header-not-exposed", {"names": inert(", ".join(hidden))}, headers, EXPOSE_HEADERS)
        return [replace(note, severity=Severity.ADVICE)]
    if headers.expose_headers is None and len(hidden) <= _MOST_SHARED:
        # A server's responses lack the same, one after the other.
        return [_unexposed(tuple(hidden))]
    return [_note("header-not-exposed", {"names": inert(", ".join(hidden))}, headers, EXPOSE_HEADERS)]


@lru_cache(512)
def _unexposed(hidden: tuple[str, ...]) -> Condition:
    return _note("header-not-exposed", {"names": inert(", ".join(hidden))}, _NO_HEADERS, EXPOSE_HEADERS)


def _about_exposure(record: Record, headers: HeaderList, credentials: CredentialsObserver) -> list[Condition]:
    found: list[Condition] = []
    listed = None if headers.expose_headers is None else extract_header_list_values(headers, EXPOSE_HEADERS)
    if isinstance(listed, Invalid):
        found.append(
            _note("expose-headers-invalid", {"value": inert(headers.expose_headers or "")}, headers, EXPOSE_HEADERS)
        )
    assert record.exchange.response is not None
    hidden_by_wildcard = isinstance(listed, list) and "*" in listed
    cookies = headers.set_cookie is not None
    mode: CredentialsMode | None = None
    if hidden_by_wildcard or cookies:
        mode = credentials.assess(record).mode
    if hidden_by_wildcard and mode is CredentialsMode.INCLUDE:
        found.append(_note("expose-headers-wildcard-with-credentials", {}, headers, EXPOSE_HEADERS))
    elif not isinstance(listed, Invalid):
        found += _hidden(record, headers, mode or CredentialsMode.NOT_INCLUDE, listed or [], credentials.correlator)
    if cookies and mode is CredentialsMode.NOT_INCLUDE:
        names = ", ".join(value.partition("=")[0].strip() for value in headers.get_all("Set-Cookie"))
        found.append(_note("set-cookie-ignored", {"names": inert(names)}))
    if headers.timing_allow_origin is not None and not timing_allow_origin_check(
        record.classification.origin or "null", headers
    ):
        origin = inert(record.classification.origin or "null")
        found.append(_note("timing-allow-origin-missing", {"origin": origin}, headers, "Timing-Allow-Origin"))
    return found
