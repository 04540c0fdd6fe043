"""What one request needs of a server, whatever the server sends now."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from ...fetch.checks import ALLOW_CREDENTIALS, ALLOW_HEADERS, ALLOW_METHODS, ALLOW_ORIGIN, EXPOSE_HEADERS
from ...fetch.headers import Invalid, byte_lowercase, extract_header_list_values
from ...fetch.messages import CredentialsMode, Response
from ...fetch.origins import OPAQUE, origin_of
from ...traffic.classify import Kind
from ...traffic.correlate import Correlator
from ...traffic.host_policies import Answer, Way
from ...traffic.record import Record
from ...traffic.trusted_origins import is_loopback
from ...verdict.model import Verdict
from ...verdict.redact import names_a_secret
from ..advice import hidden_header_names
from ..contradictions import listed, methods_of

MAX_AGE_SECONDS: Final = 600
"""Long enough to spare most preflights, short enough to mend a mistake."""

_HANGS_ON_CREDENTIALS: Final = frozenset(
    {
        "allow-origin-wildcard-with-credentials",
        "allow-credentials-not-true",
        "method-wildcard-with-credentials",
        "header-wildcard-with-credentials",
    }
)


@dataclass(frozen=True, slots=True)
class Need:
    """What has to be allowed: ``origin`` to call with ``method`` and ``header_names``, with credentials or without.

    ``methods`` and ``header_names`` begin with what the server allows by name already. ``preflight`` says whether the
    browser asks first; ``exposed`` are the response headers that scripts should be able to read. ``answered`` says that
    something sends Access-Control-Allow-Origin already, which must not come twice; ``developing`` that a page on the
    developer's own machine calls a server elsewhere. ``also`` are other pages that the server has to allow;
    ``any_page`` says that it allows all of them by ``*``, which stays where no credentials are included.
    """

    origin: str
    method: str
    methods: tuple[str, ...]
    header_names: tuple[str, ...]
    credentials: bool
    preflight: bool
    exposed: tuple[str, ...] = ()
    answered: bool = False
    developing: bool = False
    also: tuple[str, ...] = ()
    any_page: bool = False

    @property
    def origins(self) -> tuple[str, ...]:
        """What the server's list of origins has to hold."""
        return ("*",) if self.any_page and not self.credentials else (self.origin, *self.also)


def need_of(record: Record, verdict: Verdict, correlator: Correlator) -> Need:
    """Return what a request needs, by itself, its preflight and its verdict."""
    request = record.exchange.request
    answer = record.exchange.response
    if record.kind is Kind.PREFLIGHT:
        method = request.headers.get("Access-Control-Request-Method") or request.method
        names, granted, preflight = record.asked_names, answer, True
    else:
        method = request.method
        asked = correlator.get(record.preflight or record.cached_grant)
        names = asked.asked_names if asked is not None else record.header_names
        granted = asked.exchange.response if asked is not None else None
        preflight = record.kind is Kind.CORS and (record.needs_preflight or asked is not None)
    origin = record.classification.origin or record.page_origin or OPAQUE
    return Need(
        origin,
        method,
        _with(_listed(granted, ALLOW_METHODS), [method], byte_exact=True),
        _with(_listed(granted, ALLOW_HEADERS), names, byte_exact=False),
        needs_credentials(verdict) or (origin != OPAQUE and _grants_credentials(answer, granted)),
        preflight,
        _exposed(answer, verdict),
        any(ALLOW_ORIGIN in seen.headers for seen in (answer, granted) if seen is not None),
        _is_loopback(record.classification.origin) and not _is_loopback(request.url),
        any_page=any(seen is not None and seen.headers.get(ALLOW_ORIGIN) == "*" for seen in (answer, granted)),
    )


def whole_need(need: Need, answers: Iterable[Answer]) -> Need:
    """Return what a server has to allow in one configuration: this request, what its page asks besides, and what works.

    ``answers`` are those of the server so far. Nothing that it grants now is taken away.
    """
    answers = tuple(answers)
    granting = [each for each in answers if each.allows]
    credentials = need.credentials or any(
        (each.way is Way.ECHO and each.allow_credentials == "true")
        or (each.origin == need.origin and each.with_cookie and not each.is_preflight)
        for each in granting
    )
    served = {need.origin, *(each.origin for each in granting)}
    preflights = [each for each in answers if each.is_preflight and each.origin in served]
    methods = [name for each in preflights for name in methods_of(each) if name != "*"]
    methods += [each.method for each in answers if each.origin in served and each.method]
    names = [name for each in preflights for name in (*listed(ALLOW_HEADERS, each.allow_headers), *each.asked_names)]
    exposed = [name for each in granting for name in listed(EXPOSE_HEADERS, each.expose_headers)]
    return replace(
        need,
        methods=_with(need.methods, methods, byte_exact=True),
        header_names=_with(need.header_names, (name for name in names if name != "*"), byte_exact=False),
        credentials=credentials,
        preflight=need.preflight or bool(preflights),
        exposed=_with(need.exposed, (name for name in exposed if name != "*"), byte_exact=False),
        answered=need.answered or bool(granting),
        also=tuple(sorted(served - {need.origin, OPAQUE})),
    )


def _grants_credentials(*responses: Response | None) -> bool:
    """Say whether the server allows credentials already, which a fix must not take away."""
    return any(
        seen is not None and seen.headers.get(ALLOW_CREDENTIALS) == "true" and seen.headers.get(ALLOW_ORIGIN) != "*"
        for seen in responses
    )


def _is_loopback(url: str | None) -> bool:
    origin = None if url is None else origin_of(url)
    return origin is not None and is_loopback(origin)


def needs_credentials(verdict: Verdict) -> bool:
    """Say whether credentials have to be allowed: they are included, or what fails does so only if they are."""
    if verdict.credentials.mode == CredentialsMode.INCLUDE.value:
        return True
    return any(finding.id in _HANGS_ON_CREDENTIALS for finding in verdict.findings)


def _listed(response: Response | None, name: str) -> list[str]:
    listed = None if response is None else extract_header_list_values(response.headers, name)
    return [] if listed is None or isinstance(listed, Invalid) else [value for value in listed if value != "*"]


def _with(listed: Iterable[str], more: Iterable[str], byte_exact: bool) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for value in (*listed, *more):
        found.setdefault(value if byte_exact else byte_lowercase(value), value)
    return tuple(found.values())


def _exposed(response: Response | None, verdict: Verdict) -> tuple[str, ...]:
    """Return what the server means to expose: what it lists, or where its list says nothing that counts, all."""
    if response is None:
        return ()
    meant = any(finding.id.startswith("expose-headers-") for finding in verdict.findings)
    hidden = hidden_names(response, needs_credentials(verdict)) if meant else ()
    return _with(_listed(response, EXPOSE_HEADERS), hidden, byte_exact=False)


def hidden_names(response: Response, credentials: bool) -> tuple[str, ...]:
    """Return the response headers that scripts cannot read and may want to, those aside that hold secrets."""
    mode = CredentialsMode.INCLUDE if credentials else CredentialsMode.NOT_INCLUDE
    return tuple(name for name in hidden_header_names(mode, response.headers) if not names_a_secret(name))
