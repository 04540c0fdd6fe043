"""Every condition that an exchange fails, for each judge and both credentials modes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
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
_FIREFOX: Final = frozenset({Judge.FIREFOX})
_NOT_FIREFOX: Final = ALL_JUDGES - _FIREFOX
_NAMES_TOLD: Final = 20
_LONGEST_REMEMBERED: Final = 4_096
"""Bytes of headers on both sides of what is remembered."""
_ASKED: Final = ("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")
_ANSWERED: Final = (ALLOW_ORIGIN, ALLOW_CREDENTIALS, ALLOW_METHODS, ALLOW_HEADERS)
_remembered: Final[Remembered[tuple[object, ...], list[Condition]]] = Remembered(256)


def forget_conditions() -> None:
    """Forget what was found for exchanges that were asked and answered alike."""
    _remembered.clear()


def access_conditions(
    exchange: Exchange, origin: str, stage: Stage, headers: HeaderList | None = None
) -> list[Condition]:
    """Return what fails in the CORS check of a response or redirect.

    ``headers`` stands in for the response's own where a cached response was confirmed by a 304.
    """
    return _Check(exchange, origin, stage).conditions(headers)


def preflight_conditions(exchange: Exchange, origin: str, page: str | None = None) -> list[Condition]:
    """Return what fails in a preflight's answer.

    ``page`` is the page's origin, in whose name Firefox asks where a redirect has made the origin opaque to others.
    """
    request, response = exchange.request, exchange.response
    assert response is not None
    asked = PreflightRequest(origin, request.headers.request_method or "", requested_header_names(request.headers))
    found = _Check(exchange, origin, Stage.PREFLIGHT, asked).conditions()
    if is_preflight_at_home(exchange) or page == serialize_origin(request.url):
        found = _without_access(found, Judge.FIREFOX)
    if redirect_target(request.url, response) is None:
        return found
    status, shown = str(response.status), shown_location(response)
    redirect = Condition(
        CATALOGUE["preflight-redirect"],
        Stage.PREFLIGHT,
        BOTH_MODES,
        ALL_JUDGES,
        {"status": status, "location": failure_details.inert(shown)},
        evidence=(
            HeaderLine("response", ":status", status),
            HeaderLine("response", "Location", failure_details.inert(shown, 2000)),
        ),
    )
    return [*(condition for condition in found if condition.violation.id != "preflight-status-not-ok"), redirect]


def _without_access(conditions: list[Condition], judge: Judge) -> list[Condition]:
    """Return the conditions as they are where one judge makes no CORS check of the answer."""
    found = [replace(c, judges=c.judges - {judge}) if c.violation.id in ACCESS else c for c in conditions]
    return [c for c in found if c.judges]


@dataclass(slots=True)
class _Check:
    """One check of an answer: the CORS check, or that of a preflight where ``asked`` says what it asks for."""

    exchange: Exchange
    origin: str
    stage: Stage
    asked: PreflightRequest | None = None

    def conditions(self, replaced: HeaderList | None = None) -> list[Condition]:
        """Return what fails, for all judges; ``replaced`` are headers to judge in place of its own."""
        response = self.exchange.response
        assert response is not None
        if replaced is not None:
            response = Response(response.status, replaced)
            self.exchange = self.exchange.with_response(response)
        firefox_headers = headers_as_seen(Judge.FIREFOX, self.exchange)
        if replaced is not None and any(not value for _, value in firefox_headers):
            # Firefox takes an empty header of a 304 for the stored one's removal.
            firefox_headers = HeaderList(line for line in firefox_headers if line[1])
        if firefox_headers is response.headers:
            found = self._failed(response, ALL_JUDGES)
        else:
            dropped = Response(response.status, firefox_headers)
            found = _merged(self._failed(response, _NOT_FIREFOX) + self._failed(dropped, _FIREFOX))
        if counts_lines(Judge.FIREFOX, self.exchange):
            found = _merged([*found, self._two_lines(response.headers)])
        return found

    def _failed(self, response: Response, judges: frozenset[Judge]) -> list[Condition]:
        """Return what fails, found once for all that are asked and answered alike: a failing call comes often."""
        request, answered = self.exchange.request.headers, response.headers
        if request.size + answered.size > _LONGEST_REMEMBERED:
            return self._found(response, judges)
        key = (
            *(self.origin, self.stage, judges, self.asked, response.status, request.cookie is None),
            *map(request.get_all, _ASKED),
            *map(answered.get_all, _ANSWERED),
        )
        found = _remembered.get(key)
        if found is None:
            found = _remembered[key] = self._found(response, judges)
        return [*found]

    def _failures(self, mode: CredentialsMode, response: Response) -> Iterable[Failure]:
        if self.asked is None:
            return cors_failures(self.origin, mode, response.headers)
        return preflight_failures(self.asked, mode, response)

    def _found(self, response: Response, judges: frozenset[Judge]) -> list[Condition]:
        modes_of: dict[Failure, set[CredentialsMode]] = {}
        for mode in CredentialsMode:
            for failure in self._failures(mode, response):
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
                needed[step] = failure_details.needed_for(failure, self.origin, headers, modes_of, self.asked)
            # No shipping browser keeps Authorization out of the wildcard.
            acting = judges & {Judge.SPEC} if step is Step.NON_WILDCARD_HEADER else judges
            condition = self._condition(failure, headers, frozenset(modes), acting, needed[step])
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

    def _condition(
        self,
        failure: Failure,
        headers: HeaderList,
        modes: frozenset[CredentialsMode],
        judges: frozenset[Judge],
        needed: str | None,
    ) -> Condition:
        return Condition(
            CATALOGUE[failure_details.violation_id(failure, headers)],
            self.stage,
            modes,
            judges,
            failure_details.params_of(failure, self.origin, headers),
            failure_details.detail_of(failure, self.origin, headers),
            failure_details.evidence_of(failure, self.exchange.request, headers),
            needed,
        )

    def _two_lines(self, headers: HeaderList) -> Condition:
        failure = Failure(Step.ALLOW_ORIGIN_DIFFERS, ", ".join(headers.get_all(ALLOW_ORIGIN)))
        needed = failure_details.needed_for(failure, self.origin, headers, (failure,))
        found = self._condition(failure, headers, BOTH_MODES, _FIREFOX, needed)
        return replace(found, violation=CATALOGUE["allow-origin-multiple"], detail="")


def _merged(conditions: Iterable[Condition]) -> list[Condition]:
    """Join what several judges find alike into one condition."""
    found: dict[tuple[object, ...], Condition] = {}
    for c in conditions:
        key = (c.violation.id, c.params.get("name") if c.stage is Stage.PREFLIGHT else None)
        known = found.get(key)
        if known is None:
            found[key] = c
        elif known.modes == c.modes or known.judges == c.judges:
            found[key] = replace(known, modes=known.modes | c.modes, judges=known.judges | c.judges)
        else:
            found[(*key, len(found))] = c
    return list(found.values())


def shown_location(response: Response) -> str:
    """Return a Location as it may be shown: its secrets go before it is cut, or the end of one would stay."""
    return redact(failure_details.without_user_info(response.headers.location or ""))
