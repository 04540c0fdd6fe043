"""Every condition that an exchange fails, for each judge and both credentials modes."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from ..catalogue import CATALOGUE
from ..catalogue.violation import Severity, Stage
from ..fetch.checks import (
    ALLOW_ORIGIN,
    Failure,
    PreflightRequest,
    Step,
    cors_failures,
    preflight_failures,
    requested_header_names,
)
from ..fetch.headers import HeaderList
from ..fetch.messages import CredentialsMode, Response
from ..fetch.origins import is_potentially_trustworthy, origin_of, serialize_origin
from ..fetch.redirects import RedirectStep, redirect_failure, redirect_target
from ..traffic.classify import Kind
from ..traffic.exchange import Exchange
from ..traffic.passing_modes import is_preflight_at_home
from ..traffic.record import Record
from . import failure_details
from .browsers import ACCESS, ALL_JUDGES, counts_lines, headers_as_seen
from .model import Condition, HeaderLine, Judge
from .redact import redact

BOTH_MODES: Final = frozenset(CredentialsMode)
_NOT_FIREFOX: Final = ALL_JUDGES - {Judge.FIREFOX}
_NAMES_TOLD: Final = 20
_Check = Callable[[CredentialsMode, Response], Iterable[Failure]]


def access_conditions(
    exchange: Exchange, origin: str, stage: Stage, headers: HeaderList | None = None
) -> list[Condition]:
    """Return what fails in the CORS check of a response or redirect.

    ``headers`` stands in for the response's own where a cached response was confirmed by a 304.
    """

    def check(mode: CredentialsMode, response: Response) -> Iterable[Failure]:
        return cors_failures(origin, mode, response.headers)

    return _conditions(exchange, origin, stage, check, headers, None)


def preflight_conditions(exchange: Exchange, origin: str) -> list[Condition]:
    """Return what fails in a preflight's answer."""
    request, response = exchange.request, exchange.response
    assert response is not None
    asked = PreflightRequest(
        origin,
        request.headers.request_method or "",
        requested_header_names(request.headers),
    )

    def check(mode: CredentialsMode, response: Response) -> Iterable[Failure]:
        return preflight_failures(asked, mode, response)

    found = _conditions(exchange, origin, Stage.PREFLIGHT, check, None, asked)
    if is_preflight_at_home(exchange):
        found = _without_access(found, Judge.FIREFOX)
    target = redirect_target(request.url, response)
    if target is None:
        return found
    found = [condition for condition in found if condition.violation.id != "preflight-status-not-ok"]
    shown = _location(response)
    location = failure_details.inert(shown)
    found.append(
        Condition(
            CATALOGUE["preflight-redirect"],
            Stage.PREFLIGHT,
            BOTH_MODES,
            ALL_JUDGES,
            {"status": str(response.status), "location": location},
            evidence=(
                HeaderLine("response", ":status", str(response.status)),
                HeaderLine("response", "Location", failure_details.inert(shown, 2000)),
            ),
        )
    )
    return found


def _without_access(conditions: list[Condition], judge: Judge) -> list[Condition]:
    """Return the conditions as they are where one judge makes no CORS check of the answer."""
    found = [replace(c, judges=c.judges - {judge}) if c.violation.id in ACCESS else c for c in conditions]
    return [c for c in found if c.judges]


def _conditions(
    exchange: Exchange,
    origin: str,
    stage: Stage,
    check: _Check,
    replaced: HeaderList | None,
    asked: PreflightRequest | None,
) -> list[Condition]:
    response = exchange.response
    assert response is not None
    if replaced is not None:
        response = Response(response.status, replaced)
        exchange = exchange.with_response(response)
    firefox_headers = headers_as_seen(Judge.FIREFOX, exchange)
    if replaced is not None and any(not value for _, value in firefox_headers):
        # Firefox takes an empty header of a 304 for the stored one's removal.
        firefox_headers = HeaderList(line for line in firefox_headers if line[1])
    if firefox_headers is response.headers:
        found = _failed(exchange, origin, stage, check, response, ALL_JUDGES, asked)
    else:
        dropped = Response(response.status, firefox_headers)
        found = _merged(
            _failed(exchange, origin, stage, check, response, _NOT_FIREFOX, asked)
            + _failed(exchange, origin, stage, check, dropped, frozenset({Judge.FIREFOX}), asked)
        )
    lines = response.headers.get_all(ALLOW_ORIGIN)
    if counts_lines(Judge.FIREFOX, exchange):
        found = _merged([*found, _two_lines(exchange, origin, stage, lines)])
    return found


def _failed(
    exchange: Exchange,
    origin: str,
    stage: Stage,
    check: _Check,
    response: Response,
    judges: frozenset[Judge],
    asked: PreflightRequest | None,
) -> list[Condition]:
    modes_of: dict[Failure, set[CredentialsMode]] = {}
    for mode in CredentialsMode:
        for failure in check(mode, response):
            modes_of.setdefault(failure, set()).add(mode)
    headers = response.headers
    # A preflight may ask for thousands of names; one line cures them all, and the first few tell what is wrong.
    needed: dict[Step, str | None] = {}
    told: Counter[Step] = Counter()
    found = []
    for failure, modes in modes_of.items():
        step = failure.step
        told[step] += 1
        if told[step] > _NAMES_TOLD:
            continue
        if step not in needed:
            needed[step] = failure_details.needed_for(failure, origin, headers, modes_of, asked)
        condition = Condition(
            CATALOGUE[failure_details.violation_id(failure, headers)],
            stage,
            frozenset(modes),
            # No shipping browser keeps Authorization out of the wildcard.
            judges & {Judge.SPEC} if step is Step.NON_WILDCARD_HEADER else judges,
            failure_details.params_of(failure, origin, headers),
            failure_details.detail_of(failure, origin, headers),
            failure_details.evidence_of(failure, exchange.request, headers),
            needed[step],
        )
        found.append(condition)
        # To WebKit (passesAccessControlCheck) a comma alone makes a list.
        webkits = CATALOGUE[failure_details.violation_id(failure, headers, blanks_separate=False)]
        if webkits is not condition.violation and Judge.WEBKIT in judges:
            found[-1] = replace(condition, judges=condition.judges - {Judge.WEBKIT})
            found.append(replace(condition, violation=webkits, judges=frozenset({Judge.WEBKIT})))
    more = told[Step.HEADER] - _NAMES_TOLD
    if more > 0:
        found = [replace(c, detail=f"and {more} more names") if c is found[-1] else c for c in found]
    return found


def _two_lines(exchange: Exchange, origin: str, stage: Stage, lines: tuple[str, ...]) -> Condition:
    failure = Failure(Step.ALLOW_ORIGIN_DIFFERS, ", ".join(lines))
    assert exchange.response is not None
    headers = exchange.response.headers
    return Condition(
        CATALOGUE["allow-origin-multiple"],
        stage,
        BOTH_MODES,
        frozenset({Judge.FIREFOX}),
        failure_details.params_of(failure, origin, headers),
        evidence=failure_details.evidence_of(failure, exchange.request, headers),
        needed=failure_details.needed_for(failure, origin, headers, (failure,)),
    )


def _merged(conditions: Iterable[Condition]) -> list[Condition]:
    """Join what several judges find alike into one condition."""
    found: dict[tuple[object, ...], Condition] = {}
    for c in conditions:
        key = (c.violation.id, c.params.get("name") if c.stage is Stage.PREFLIGHT else None)
        known = found.get(key)
        if known is None:
            found[key] = c
        elif known.modes == c.modes or known.judges == c.judges:
            found[key] = Condition(
                c.violation,
                c.stage,
                known.modes | c.modes,
                known.judges | c.judges,
                known.params,
                known.detail,
                known.evidence,
                known.needed,
            )
        else:
            found[(*key, len(found))] = c
    return list(found.values())


def location_conditions(record: Record, origin: str) -> list[Condition]:
    """Return what keeps a browser from following a redirect, the CORS check of the redirect itself left aside."""
    exchange = record.exchange
    assert exchange.response is not None
    target = redirect_target(exchange.request.url, exchange.response)
    if target is None:
        return []
    location = _location(exchange.response)
    step = target.failure
    if step is None:
        page = record.page_origin or origin
        step = redirect_failure(target.url, page, record.kind is Kind.CORS, record.hops)
    if step is None:
        return []
    name, params = _redirect_violation(step, location, target.url, record.hops)
    judges, severity = ALL_JUDGES, None
    if name == "redirect-scheme":
        # A target that is no http(s) URL fails on its own account: the redirect has passed, and the flow with it.
        judges = frozenset({Judge.WEBKIT}) if _is_refused_by_webkit(record, step, target.url) else frozenset()
        severity = Severity.BLOCKED
    return [
        Condition(
            CATALOGUE[name],
            Stage.REDIRECT,
            BOTH_MODES,
            judges,
            params,
            evidence=(HeaderLine("response", "Location", failure_details.inert(location, 2000)),),
            severity=severity,
        )
    ]


def mixed_content_conditions(record: Record) -> list[Condition]:
    """Return what keeps a page on https from following a script's redirect to http.

    https://www.w3.org/TR/mixed-content/#should-block-fetch
    Images, audio and video are not blocked but upgraded, so mode "no-cors" is left out; so are hosts that count as
    trustworthy over http, such as localhost.
    """
    response = record.exchange.response
    if record.kind not in (Kind.CORS, Kind.SAME_ORIGIN) or response is None or record.was_followed:
        return []
    page = origin_of(record.page_origin or record.classification.origin or "")
    target = redirect_target(record.exchange.request.url, response)
    if page is None or page.scheme != "https" or target is None or target.failure is not None:
        return []
    there = origin_of(target.url)
    if there is None or there.scheme != "http" or is_potentially_trustworthy(there):
        return []
    return [
        Condition(
            CATALOGUE["redirect-mixed-content"],
            Stage.REDIRECT,
            BOTH_MODES,
            ALL_JUDGES,
            {"location": failure_details.inert(_location(response))},
            evidence=(HeaderLine("response", "Location", failure_details.inert(_location(response), 2000)),),
        )
    ]


def _is_refused_by_webkit(record: Record, step: RedirectStep, target: str) -> bool:
    """Say whether WebKit counts a redirect's target among the CORS failures of the redirect itself.

    ``SubresourceLoader::checkRedirectionCrossOriginAccessControl`` and ``validateCrossOriginRedirectionURL``: it does
    so for every scheme that CORS does not know. Its network stack refuses ftp: first, and on the way from the page's
    own server also file:, blob: and what is no URL; on an https page the check for mixed content refuses all but data:
    and about: first. Measured with WebKitGTK 2.50.6.
    """
    if record.kind is Kind.CORS:
        return not target.startswith("ftp:")
    if step is not RedirectStep.SCHEME or target.startswith(("ftp:", "file:", "blob:")):
        return False
    request = record.exchange.request
    if request.url.startswith("https:") and not target.startswith(("data:", "about:")):
        return False
    # Images and style sheets, which are not CORS, say what they accept.
    return record.kind is Kind.SAME_ORIGIN or request.headers.get("Accept") == "*/*"


def is_surely_refused_scheme(record: Record, conditions: Iterable[Condition]) -> bool:
    """Say whether WebKit refuses the redirect whichever loader of the page's own server's resource it was.

    A script element follows a redirect to data:, fetch() does not. Over plain http nothing tells the two apart but that
    WebKit writes Referer before Accept for fetch() alone.
    """
    failing = [condition for condition in conditions if Judge.WEBKIT in condition.judges]
    if not failing or any(condition.violation.id != "redirect-scheme" for condition in failing):
        return False
    names = record.exchange.request.headers.names()
    by_fetch = "referer" in names and "accept" in names and names.index("referer") < names.index("accept")
    return by_fetch or all(condition.params["scheme"] != "data" for condition in failing)


def bound_to_origin_conditions(record: Record) -> list[Condition]:
    """Return what keeps a request of mode "same-origin" from following a redirect to another origin.

    No browser counts that among its CORS failures, so no judge acts on it.
    """
    exchange = record.exchange
    assert exchange.response is not None
    target = redirect_target(exchange.request.url, exchange.response)
    bound = exchange.request.headers.sec_fetch_mode == "same-origin"
    if target is None or not bound or serialize_origin(target.url) == serialize_origin(exchange.request.url):
        return []
    location = _location(exchange.response)
    return [
        Condition(
            CATALOGUE["mode-same-origin"],
            Stage.REDIRECT,
            BOTH_MODES,
            frozenset(),
            {"location": failure_details.inert(location)},
            evidence=(
                HeaderLine("request", "Sec-Fetch-Mode", "same-origin"),
                HeaderLine("response", "Location", failure_details.inert(location, 2000)),
            ),
        )
    ]


def _location(response: Response) -> str:
    """Return a Location as it may be shown: its secrets go before it is cut, or the end of one would stay."""
    return redact(failure_details.without_user_info(response.headers.location or ""))


def _redirect_violation(step: RedirectStep, location: str, target: str, hops: int) -> tuple[str, dict[str, str]]:
    shown = failure_details.inert(location)
    match step:
        case RedirectStep.USER_INFO:
            return "redirect-url-credentials", {"location": shown}
        case RedirectStep.COUNT:
            return "redirect-too-many", {"count": str(hops)}
        case RedirectStep.SCHEME:
            return "redirect-scheme", {"location": shown, "scheme": failure_details.inert(target.partition(":")[0])}
        case RedirectStep.LOCATION:
            return "redirect-scheme", {"location": shown, "scheme": "no URL"}
