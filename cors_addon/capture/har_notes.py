"""What a HAR leaves out, and who wrote it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(slots=True)
class HarNotes:
    """What a HAR leaves out, and who wrote it. Each list holds the ids of the requests that it is said of."""

    creator: str = ""
    last: str = ""
    """When the last request of a script began, as written."""
    traceless: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    too_large: list[str] = field(default_factory=list)
    cut_short: bool = False
    """A NetLog breaks off, as while Chrome runs."""

    @property
    def now(self) -> float:
        """When the last entry began (Unix seconds), 0 where that cannot be read."""
        return time_of(self.last) or 0.0

    def __str__(self) -> str:
        said = " ".join(
            text.format(_count(ids), ids[0])
            for ids, text in (
                (
                    self.traceless,
                    "{0} of a script failed without a saved reason (first: {1}). Browsers write the same for CORS;"
                    " record through mitmproxy to see the reason.",
                ),
                (self.blocked, "An extension or content blocker in the browser stopped {0} (first: {1})."),
                (self.too_large, "Larger than 4 MB without bodies, and read in part at most: {0} (first: {1})."),
            )
            if ids
        )
        cut = "The log breaks off, as while Chrome runs or after a crash; everything before that was read."
        return f"{said} {cut}".strip() if self.cut_short else said


def time_of(written: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(written)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _count(ids: list[str]) -> str:
    return "one request" if len(ids) == 1 else f"{len(ids):,} requests"
