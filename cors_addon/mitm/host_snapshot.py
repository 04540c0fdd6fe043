"""What a session has learned of the hosts, as it was at one moment: for a thread, while the session learns on."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace

from ..diagnosis.session import Session
from ..fetch.origins import Origin
from ..traffic.host_policies import HostObserver, Sighting
from ..traffic.repeated_preflights import Cost, RepeatObserver

_Sightings = Mapping[Origin, tuple[Sighting, ...]]


class LearnedHosts(HostObserver):
    """Tells of these hosts, in this order, and observes nothing."""

    def __init__(self, sightings: _Sightings) -> None:
        self._sightings = sightings

    def hosts(self) -> tuple[Origin, ...]:
        return tuple(self._sightings)

    def sightings(self, host: Origin) -> tuple[Sighting, ...]:
        return self._sightings.get(host, ())


class LearnedCosts(RepeatObserver):
    """Tells of these costs, and observes nothing."""

    def __init__(self, costs: tuple[tuple[str, str, Cost], ...]) -> None:
        self._costs = costs

    def costs(self) -> Iterator[tuple[str, str, Cost]]:
        return iter(self._costs)


def learned(session: Session, most: int) -> Generator[None, None, tuple[LearnedHosts, LearnedCosts]]:
    """Return what is known of the ``most`` newest hosts; a step for each of them."""
    observer, found = session.hosts, []
    for cost in session.repeats.costs():
        found.append(cost)
        yield None
    sightings: dict[Origin, tuple[Sighting, ...]] = {}
    for host in observer.hosts()[-most:]:
        # They go on counting.
        sightings[host] = tuple(replace(each) for each in observer.sightings(host))
        yield None
    return LearnedHosts(sightings), LearnedCosts(tuple(found))
