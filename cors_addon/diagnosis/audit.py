"""The audit: whom a server trusts, what it gives away, and what it makes browsers ask again and again.

Passive: everything follows from answers that pages asked for anyway. Quiet: a finding of severity ``risk`` needs an
answer that was given (200 to 299), to a page that a user's credentials went along with.
"""

from dataclasses import replace
from typing import Final

from ..catalogue import CATALOGUE
from ..catalogue.violation import Severity, Stage
from ..fetch.checks import ALLOW_CREDENTIALS, ALLOW_HEADERS, ALLOW_METHODS, ALLOW_ORIGIN, EXPOSE_HEADERS, MAX_AGE
from ..fetch.headers import HeaderList, Invalid, extract_header_list_values
from ..fetch.messages import is_ok_status
from ..fetch.origins import OPAQUE, Origin, origin_of
from ..traffic.address_spaces import address_space_of
from ..traffic.classify import Kind, is_http_authentication
from ..traffic.credentials import CredentialsObserver
from ..traffic.null_origin import null_origin_source
from ..traffic.public_suffixes import has_development_word, is_development_name
from ..traffic.record import Record
from ..traffic.repeated_preflights import RepeatObserver
from ..traffic.trusted_origins import Relation, Trusted, TrustObserver, answer_of, page_of, trusted_page
from ..verdict.conditions import BOTH_MODES
from ..verdict.failure_details import inert
from ..verdict.model import Condition, HeaderLine

# Names that hold a secret wherever they are used; "token" alone would find page tokens and the like.
SECRET_NAMES: Final = frozenset(
    {
        "api-key",
        "apikey",
        "authorization",
        "x-access-token",
        "x-amz-security-token",
        "x-amzn-remapped-authorization",
        "x-api-key",
        "x-auth-token",
        "x-id-token",
        "x-jwt",
        "x-jwt-token",
        "x-refresh-token",
        "x-secret",
        "x-session-token",
        "x-subject-token",
        "x-vault-token",
    }
)
_NEVER_EXPOSED: Final = ("set-cookie", "set-cookie2")
_NEVER_ALLOWED: Final = ("CONNECT", "TRACE", "TRACK")
_PRIVATE_NETWORK: Final = "Access-Control-Allow-Private-Network"
_MOST_SHOWN: Final = 300


def audit_conditions(
    record: Record, credentials: CredentialsObserver, trust: TrustObserver, repeats: RepeatObserver
) -> list[Condition]:
    """Return what the audit has to say about an exchange; empty for whatever CORS does not judge."""
    response = answer_of(record)
    if response is None or record.kind not in (Kind.CORS, Kind.PREFLIGHT) or not is_ok_status(response.status):
        return []
    headers = response.headers
    allowed = headers.allow_origin
    if allowed is None:
        return []
    if record.kind is Kind.PREFLIGHT:
        return _about_preflight(record, headers, trust, repeats)
    found = _about_address(record, headers) if allowed == "*" else _about_trust(record, headers, credentials, trust)
    if headers.expose_headers is not None:
        found += _about_secrets(headers, is_echo=any(each.violation.id == ECHOED for each in found))
    return found


# --- whom it trusts -----------------------------------------------------------------------------------------------

ECHOED: Final = "origin-echoed-with-credentials"
LOOSE: Final = "origin-pattern-too-loose"
NULL: Final = "null-origin-with-credentials"
INSECURE: Final = "http-origin-with-credentials"
LOCALHOST: Final = "localhost-origin-with-credentials"
SHARED: Final = "shared-hosting-origin-with-credentials"


def severity_of_trust(headers: HeaderList, host: Origin, address: str) -> Severity:
    """Return how much it matters that a page is trusted: a risk only where a user's credentials were at stake.

    ``headers`` are the request's. A token that a script puts into a header is no such credential, since no other page
    has it, and a server on the developer's own machine is not anybody's.
    """
    ambient = headers.cookie is not None or is_http_authentication(headers.authorization or "")
    is_own = address_space_of(host, address) == "loopback"
    return Severity.RISK if ambient and not is_own else Severity.ADVICE


def _about_trust(
    record: Record, headers: HeaderList, credentials: CredentialsObserver, trust: TrustObserver
) -> list[Condition]:
    trusted = trusted_page(record)
    host = None if trusted is None else origin_of(record.exchange.request.url)
    if trusted is None or host is None:
        return []
    address = record.exchange.server_address

    def severity() -> Severity:
        return severity_of_trust(record.exchange.request.headers, host, address)

    if trusted == OPAQUE:
        source = null_origin_source(record, credentials.correlator, credentials.pages) or ""
        return [replace(_note(NULL, {}, headers, severity(), asked=trusted), detail=source)]
    page = page_of(trusted)
    if page is None:
        return []
    others = trust.others(record)
    for relation, name in ((Relation.UNRELATED, ECHOED), (Relation.LOOKALIKE, LOOSE)) if others else ():
        other = next((each for each in others if each.relation is relation), None)
        if other is not None:
            params = {"origin": inert(trusted), "other": inert(other.origin)}
            return [_note(name, params, headers, severity(), asked=trusted, other=other)]
    found = []
    if page.is_loopback:
        if is_public(host, address) and severity() is Severity.RISK:
            found.append(_note(LOCALHOST, {"origin": inert(trusted)}, headers, Severity.ADVICE, asked=trusted))
    elif page.origin.scheme == "http" and host.scheme == "https":
        found.append(_note(INSECURE, {"origin": inert(trusted)}, headers, severity(), asked=trusted))
    if page.service is not None and address_space_of(host, address) is None:
        tenant = next((each for each in others if each.relation is Relation.SAME_SERVICE), None)
        weight = Severity.INFO if tenant is None else severity()
        params = {"origin": inert(trusted), "service": page.service}
        found.append(_note(SHARED, params, headers, weight, asked=trusted, other=tenant))
    return found


def is_public(host: Origin, address: str) -> bool:
    """Say whether a server is one that others use, so far as its name and address tell."""
    if address_space_of(host, address) is not None or has_development_word(host.host):
        return False
    return bool(address) or not is_development_name(host.host)


# --- what it gives away -------------------------------------------------------------------------------------------


def _about_address(record: Record, headers: HeaderList) -> list[Condition]:
    address = record.exchange.server_address
    host = origin_of(record.exchange.request.url)
    space = None if host is None else address_space_of(host, address)
    if host is None or space is None:
        return []
    opened = headers.allow_private_network == "true"
    page = page_of(record.classification.origin or "")
    if space == "loopback" and not opened and page is not None and page.is_loopback:
        # A developer's own page and server: everybody has that, and nobody wants to be told.
        return []
    severity = Severity.ADVICE if space == "local" or opened else Severity.INFO
    params = {"host": inert(host.host), "address": inert(address or host.host)}
    lines = (ALLOW_ORIGIN, _PRIVATE_NETWORK) if opened else (ALLOW_ORIGIN,)
    return [_note("private-address-wildcard", params, headers, severity, lines)]


def _about_secrets(headers: HeaderList, is_echo: bool) -> list[Condition]:
    listed = extract_header_list_values(headers, EXPOSE_HEADERS)
    if listed is None or isinstance(listed, Invalid):
        return []
    found = []
    names = {name.lower() for name in listed}
    never = [name for name in _NEVER_EXPOSED if name in names]
    if never:
        found.append(_note("expose-headers-forbidden", {"names": ", ".join(never)}, headers, None, (EXPOSE_HEADERS,)))
    if not is_echo and headers.allow_origin not in ("*", OPAQUE):
        return found
    exposed = SECRET_NAMES if "*" in names and headers.allow_origin == "*" else SECRET_NAMES & names
    secrets = sorted(name for name in exposed if name in headers)
    if secrets:
        params = {"names": inert(", ".join(secrets))}
        found.append(_note("secret-header-exposed", params, headers, None, (ALLOW_ORIGIN, EXPOSE_HEADERS)))
    return found


# --- what it makes browsers ask -----------------------------------------------------------------------------------


def _about_preflight(
    record: Record, headers: HeaderList, trust: TrustObserver, repeats: RepeatObserver
) -> list[Condition]:
    found = []
    for what, line, copied in (
        ("methods", ALLOW_METHODS, trust.copied_method(record)),
        ("headers", ALLOW_HEADERS, trust.copied_headers(record)),
    ):
        if copied is not None:
            value, flow = copied
            other = HeaderLine("response", line, f"{inert(value)} (flow {flow})")
            found.append(_note("preflight-echoed", {"what": what}, headers, None, (line,), more=(other,)))
    listed = (headers.allow_methods or "").upper()
    if any(name in listed for name in _NEVER_ALLOWED):
        methods = extract_header_list_values(headers, ALLOW_METHODS)
        known = {method.upper() for method in methods} if isinstance(methods, list) else set()
        never = [name for name in _NEVER_ALLOWED if name in known]
        if never:
            params = {"names": ", ".join(never)}
            found.append(_note("allow-methods-forbidden", params, headers, None, (ALLOW_METHODS,)))
    if headers.max_age is None:
        earlier = repeats.before(record)
        response = None if earlier is None else earlier.exchange.response
        if earlier is not None and response is not None and response.headers.max_age is None:
            seconds = f"{record.exchange.started - earlier.over:.0f}"
            found.append(_note("max-age-missing", {"seconds": seconds}, headers, None, (MAX_AGE,)))
    return found


def _note(
    name: str,
    params: dict[str, str],
    headers: HeaderList,
    severity: Severity | None,
    lines: tuple[str, ...] = (ALLOW_ORIGIN, ALLOW_CREDENTIALS),
    *,
    asked: str = "",
    other: Trusted | None = None,
    more: tuple[HeaderLine, ...] = (),
) -> Condition:
    evidence = [HeaderLine("request", "Origin", inert(asked, _MOST_SHOWN))] if asked else []
    for line in lines:
        value = headers.get(line)
        evidence.append(HeaderLine("response", line, None if value is None else inert(value, _MOST_SHOWN)))
    if other is not None:
        evidence.append(HeaderLine("response", ALLOW_ORIGIN, f"{inert(other.origin)} (flow {other.exchange_id})"))
    return Condition(
        CATALOGUE[name],
        Stage.RESPONSE,
        BOTH_MODES,
        frozenset(),
        params,
        evidence=(*evidence, *more),
        severity=severity,
    )
