"""What each host was seen to answer to whom: its CORS policy as far as traffic shows it.

Hosts are told apart by scheme, name and port. Answers that are alike in all that CORS reads are kept once, with how
often, when and in which exchanges they were seen. What a host answered stays known when the exchange itself has been
forgotten: a policy is learned over hours. Only answers of the server count, none that the proxy made.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from ..fetch.headers import HeaderList, get_decode_and_split
from ..fetch.origins import Origin, origin_of
from .classify import Kind
from .correlate import Correlator
from .exchange import Responder
from .record import Record

_ANSWERS: Final = 500
"""How many different answers of one host are remembered; those seen longest ago go first."""
_AGE: Final = 6 * 3600.0
_CLIPPED: Final = 500
_JUDGED_AGAIN: Final = 200
_IDS: Final = re.compile(
    r"(?<![^/])(?:"
    r"[0-9]++"
    r"|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
    r"|[0-9a-fA-F]{16,}+"
    r"|(?=[A-Za-z_-]*+[0-9])(?=[0-9_-]*+[A-Za-z])[0-9A-Za-z_-]{20,}+"
    r")(?![^/])"
)
"""Numbers, UUIDs, digests, and long words of letters and digits: a whole part of a path."""
_PATH: Final = re.compile(r"(?:[^:/?#]++:)?(?://[^/?#]*+)?([^?#]*+)")

Moment = tuple[float, str]
"""When a request began (Unix seconds), and the id of its exchange."""


class Way(Enum):
    """How Access-Control-Allow-Origin answers the origin that asked."""

    NONE = "none"
    """The header is missing."""
    ECHO = "echo"
    """It names the origin that asked, be it by chance or by copying; two origins answered so tell."""
    WILDCARD = "*"
    OTHER = "other"
    """One value that is neither."""
    SEVERAL = "several"
    """More than one line, or a list."""

    # Enum's own asks the name, and answers are looked up all the time.
    __hash__ = object.__hash__


class Answer(NamedTuple):
    """All that CORS reads in an answer, and what was asked; values as sent, clipped, ``None`` for a missing header.

    ``path`` is a template: numbers and ids are ``{id}``. ``method`` is the actual one, of a preflight the one that it
    asks for, and ``asked_names`` the header names. ``origin`` is the page's, as in ``Origin``. ``varies`` says whether
    Vary names Origin or is ``*``; ``with_cookie`` whether the request carried one.
    """

    path: str
    is_preflight: bool
    method: str
    status: int
    origin: str
    way: Way
    allow_origin: str | None
    allow_credentials: str | None
    allow_methods: str | None
    allow_headers: str | None
    expose_headers: str | None
    max_age: str | None
    varies: bool
    server: str
    asked_names: tuple[str, ...] = ()
    with_cookie: bool = False

    @property
    def status_class(self) -> int:
        """2 for 200 to 299, and so on."""
        return self.status // 100

    @property
    def allows(self) -> bool:
        """Whether the origin that asked may read it, credentials left aside."""
        return self.way in (Way.ECHO, Way.WILDCARD)


@dataclass(slots=True, eq=False)
class Sighting:
    """An answer, and when it was seen."""

    host: Origin
    answer: Answer
    count: int
    first: Moment
    last: Moment

    @property
    def flow(self) -> str:
        """The id of the first exchange that showed it."""
        return self.first[1]


@dataclass(slots=True)
class _Host:
    """What one host answered, and which exchanges another answer of it may explain, by their path."""

    answers: dict[Answer, Sighting] = field(default_factory=dict)
    firsts: dict[tuple[object, ...], Moment] = field(default_factory=dict)
    unexplained: dict[str, dict[str, None]] = field(default_factory=dict)


class HostObserver:
    """Learns how hosts answer CORS requests and preflights."""

    def __init__(self, correlator: Correlator) -> None:
        self._hosts: dict[Origin, _Host] = {}
        self._seen: OrderedDict[Sighting, float] = OrderedDict()
        self._counted: dict[str, Sighting] = {}
        self._places: dict[str, tuple[Origin, str]] = {}
        self._capacity = max(correlator.records.capacity // 2, 1)
        self._age = _AGE
        self._now = float("-inf")
        correlator.on_forget.append(self._forget)

    def observe(self, record: Record) -> set[str]:
        """Take in an exchange; return the ids of others at the same host that it may explain.

        The same exchange, seen again with another answer, replaces what it told before.
        """
        answer = _answer_of(record)
        host = record.target if answer is not None else None
        known = self._counted.get(record.id)
        if known is not None and (known.host, known.answer) == (host, answer):
            return set()
        explained = self._withdraw(record) if known is not None else set()
        if host is None or answer is None:
            return explained
        entry = self._host(host)
        moment = record.order
        # An answer is long, and comparing it costs more than all the rest: it is looked up once.
        sighting = entry.answers.get(answer)
        news = sighting is None or moment < sighting.first
        if sighting is None:
            sighting = entry.answers[answer] = Sighting(host, answer, 0, moment, moment)
        sighting.count += 1
        sighting.first, sighting.last = min(sighting.first, moment), max(sighting.last, moment)
        self._counted[record.id] = sighting
        self._keep(entry, sighting, moment[0])
        if news:
            explained |= _concerned(entry, answer, moment)
        explained.discard(record.id)
        return explained

    def explain_later(self, record: Record) -> None:
        """Say that other answers of its host may explain this exchange, so that it is judged again when they come."""
        if record.id in self._places:
            return
        host = origin_of(record.exchange.request.url)
        if host is None:
            return
        place = self._places[record.id] = host, path_of(record.exchange.request.url)
        self._host(host).unexplained.setdefault(place[1], {})[record.id] = None

    def hosts(self) -> tuple[Origin, ...]:
        """Return the hosts that are remembered, in the order in which they were first seen."""
        return tuple(self._hosts)

    def sightings(self, host: Origin) -> tuple[Sighting, ...]:
        """Return all that a host was seen to answer, by when it was first seen; empty where it is not known."""
        known = self._hosts.get(host)
        return () if known is None else tuple(sorted(known.answers.values(), key=lambda each: each.first))

    def at_path(self, record: Record) -> list[Sighting]:
        """Return what other exchanges showed of the same host and path, by when it was first seen."""
        path = path_of(record.exchange.request.url)
        return [each for each in self._besides(record) if each.answer.path == path]

    def allowing(self, record: Record, is_preflight: bool = False) -> Sighting | None:
        """Return the first 2xx answer of the host to another exchange that allows the origin that asked."""
        for each in self._besides(record):
            answer = each.answer
            if answer.is_preflight is is_preflight and answer.allows and answer.status_class == 2:
                return each
        return None

    def _besides(self, record: Record) -> Iterator[Sighting]:
        host = origin_of(record.exchange.request.url)
        for each in self.sightings(host) if host is not None else ():
            if each.first[1] != record.id:
                yield each
            elif each.count > 1:
                yield replace(each, first=each.last)

    def _host(self, host: Origin) -> _Host:
        entry = self._hosts.get(host)
        if entry is None:
            entry = self._hosts[host] = _Host()
        return entry

    def _keep(self, entry: _Host, sighting: Sighting, when: float) -> None:
        """Count an answer as seen now, and drop those seen longest ago where there are too many."""
        self._now = max(self._now, when)
        self._seen[sighting] = self._now
        self._seen.move_to_end(sighting)
        if len(entry.answers) > _ANSWERS:
            self._drop(min(entry.answers.values(), key=lambda each: self._seen[each]))
        while len(self._seen) > self._capacity or next(iter(self._seen.values())) < self._now - self._age:
            self._drop(next(iter(self._seen)))

    def _drop(self, sighting: Sighting) -> None:
        del self._seen[sighting]
        entry = self._hosts[sighting.host]
        del entry.answers[sighting.answer]
        self._drop_host_if_empty(sighting.host, entry)

    def _drop_host_if_empty(self, host: Origin, entry: _Host) -> None:
        if not entry.answers and not entry.unexplained:
            del self._hosts[host]

    def _withdraw(self, record: Record) -> set[str]:
        """Take back what an exchange told; return the ids of those that it alone may have explained."""
        sighting = self._counted.pop(record.id, None)
        if sighting is None or sighting not in self._seen:
            return set()
        sighting.count -= 1
        if sighting.count > 0:
            return set()
        entry = self._hosts[sighting.host]
        self._drop(sighting)
        return _concerned_by_loss(entry, sighting)

    def _forget(self, record: Record) -> None:
        """Let go of the exchange; what its host answered stays known."""
        self._counted.pop(record.id, None)
        place = self._places.pop(record.id, None)
        entry = self._hosts.get(place[0]) if place is not None else None
        if place is None or entry is None:
            return
        ids = entry.unexplained.get(place[1], {})
        ids.pop(record.id, None)
        if not ids:
            entry.unexplained.pop(place[1], None)
            self._drop_host_if_empty(place[0], entry)


def _some_of(groups: Iterable[dict[str, None]]) -> set[str]:
    return {exchange_id for ids in groups for exchange_id in islice(reversed(ids), _JUDGED_AGAIN)}


def _concerned(entry: _Host, answer: Answer, moment: Moment) -> set[str]:
    """Return who is to be judged again: those of the same path, and all where the host answers so for the first time.

    So a host that fails at a thousand URLs does not have each judged a thousand times.
    """
    first = _is_first(entry, answer, moment)
    return _some_of(entry.unexplained.values() if first else [entry.unexplained.get(answer.path, {})])


def _concerned_by_loss(entry: _Host, lost: Sighting) -> set[str]:
    key = _key(lost.answer)
    was_first = key is not None and entry.firsts.get(key) == lost.first
    if key is not None and was_first:
        del entry.firsts[key]
        for each in entry.answers.values():
            if _key(each.answer) == key:
                entry.firsts[key] = min(each.first, entry.firsts.get(key, each.first))
    return _some_of(entry.unexplained.values() if was_first else [entry.unexplained.get(lost.answer.path, {})])


def _is_first(entry: _Host, answer: Answer, moment: Moment) -> bool:
    key = _key(answer)
    if key is None or (key in entry.firsts and entry.firsts[key] <= moment):
        return False
    entry.firsts[key] = moment
    if len(entry.firsts) > _ANSWERS:
        del entry.firsts[next(iter(entry.firsts))]
    return True


def _key(answer: Answer) -> tuple[object, ...] | None:
    """Return what an answer says of the whole host, ``None`` where it speaks for its path alone."""
    if answer.way is Way.OTHER:
        return answer.allow_origin, answer.origin
    if answer.allows and answer.status_class == 2:
        return answer.is_preflight, answer.origin
    return None


def path_template(path: str) -> str:
    """Fold a path's numbers and ids into ``{id}``, so that one endpoint is one path."""
    return _IDS.sub("{id}", path)


def path_of(url: str) -> str:
    """Return the template of a URL's path, clipped."""
    match = _PATH.match(url)
    return _folded(match[1][:_CLIPPED]) if match is not None else "/"


@lru_cache(4096)
def _folded(path: str) -> str:
    return path_template(path) or "/"


def _answer_of(record: Record) -> Answer | None:
    """Return what an exchange shows of its host's policy; ``None`` where it shows nothing."""
    exchange = record.exchange
    request, response = exchange.request, exchange.response
    if record.kind not in (Kind.CORS, Kind.PREFLIGHT) or response is None or exchange.error is not None:
        return None
    if exchange.responder is not Responder.SERVER or response.status < 200:
        return None
    headers = response.headers
    is_preflight = record.kind is Kind.PREFLIGHT
    method = request.headers.request_method or "" if is_preflight else request.method
    origin = record.classification.origin or "null"
    return Answer(
        path=path_of(request.url),
        is_preflight=is_preflight,
        method=method[:_CLIPPED],
        status=response.status,
        origin=origin[:_CLIPPED],
        way=_way(origin, headers),
        allow_origin=_clipped(headers.allow_origin),
        allow_credentials=_clipped(headers.allow_credentials),
        allow_methods=_clipped(headers.allow_methods),
        allow_headers=_clipped(headers.allow_headers),
        expose_headers=_clipped(headers.expose_headers),
        max_age=_clipped(headers.max_age),
        varies=headers.vary is not None and varies_by_origin(headers),
        server=_clipped(headers.server) or "",
        asked_names=tuple(name[:_CLIPPED] for name in record.asked_names[:50]) if is_preflight else (),
        with_cookie=request.headers.cookie is not None,
    )


def _way(origin: str, headers: HeaderList) -> Way:
    value = headers.allow_origin
    if value is None:
        return Way.NONE
    if "," in value:
        return Way.SEVERAL
    if value == origin:
        return Way.ECHO
    return Way.WILDCARD if value == "*" else Way.OTHER


def varies_by_origin(headers: HeaderList) -> bool:
    """Say whether Vary names Origin, or is ``*``."""
    varies = {value.lower() for value in get_decode_and_split(headers, "Vary") or ()}
    return "origin" in varies or "*" in varies


def _clipped(value: str | None) -> str | None:
    return value if value is None or len(value) <= _CLIPPED else value[:_CLIPPED]
