"""What one saved flow or entry tells."""

from dataclasses import dataclass, field
from typing import Final

from ..fetch.messages import Response
from ..traffic.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Sighting:
    """An exchange to judge, a cookie on a connection (its id, the flow's), both or none.

    ``place`` is where it stands in the file, from 1, where that is not the order in which sightings come; else 0.
    """

    exchange: Exchange | None = None
    cookie: tuple[str, str] | None = None
    place: int = field(default=0, compare=False)
    delivered: "Made | None" = None


@dataclass(frozen=True, slots=True)
class Made:
    """What a rule of the addon had made of a response when it was saved: the browser got this instead."""

    rule: str
    edits: tuple[tuple[str, ...], ...]
    response: Response


UNREMARKABLE: Final = Sighting()


@dataclass(slots=True)
class Clock:
    """The time of the latest flow of a capture, whether or not it tells anything (Unix seconds)."""

    now: float = 0.0
