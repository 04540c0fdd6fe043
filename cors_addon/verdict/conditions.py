"""Every condition that an exchange fails, for each judge and both credentials modes."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from ..catalogue import CATALOGUE
from ..catalogue.violation import Stage
from ..fetch.checks import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
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
from ..fetch.origins import serialize_origin
from ..fetch.redirects import redirect_target
from ..traffic.bounded_dicts import Remembered
from ..traffic.exchange import Exchange
from ..traffic.passing_modes import is_preflight_at_home
from . import failure_details
from .browsers import ACCESS, ALL_JUDGES, counts_lines, headers_as_seen
from .model import Condition, HeaderLine, Judge
from .redact import redact

BOTH_MODES: Final = frozenset(CredentialsMode)
_NOT_FIREFOX: Final = ALL_JUDGES - {Judge.FIREFOX}
_NAMES_TOLD: Final = 20
_LONGEST_REMEMBERED: Final = 4_096
"""Bytes of headers on both sides of what is remembered."""
_ASKED: Final = ("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")
_ANSWERED: Final = (ALLOW_ORIGIN, ALLOW_CREDENTIALS, ALLOW_METHODS, ALLOW_HEADERS)
_remembered: Final[Remembered[tuple[object, ...], list[Condition]]] = Remembered(256)
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


def preflight_conditions(exchange: Exchange, origin: str, page: str | None = None) -> list[Condition]:
    """Return what fails in a preflight's answer.

    ``page`` is the page's origin, in whose name Firefox asks where a redirect has made the origin opaque to others.
    """
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
    if is_preflight_at_home(exchange) or page == serialize_origin(request.url):
        found = _without_access(found, Judge.FIREFOX)
    target = redirect_target(request.url, response)
    if target is None:
        return found
    found = [condition for condition in found if condition.violation.id != "preflight-status-not-ok"]
    shown = shown_location(response)
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
    """Return what fails, found once for all that ask and are answered alike: a failing call comes again and again."""
    request, answered = exchange.request.headers, response.headers
    if request.size + answered.size > _LONGEST_REMEMBERED:
        return _found(exchange, origin, stage, check, response, judges, asked)
    key = (
        *(origin, stage, judges, asked, response.status, request.cookie is None),
        *map(request.get_all, _ASKED),
        *map(answered.get_all, _ANSWERED),
    )
    found = _remembered.get(key)
    if found is None:
        found = _remembered[key] = _found(exchange, origin, stage, check, response, judges, asked)
    return [*found]


def _found(
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


def shown_location(response: Response) -> str:
    """Return a Location as it may be shown: its secrets go before it is cut, or the end of one would stay."""
    return redact(failure_details.without_user_info(response.headers.location or ""))
