"""The list of causes as plain text for a terminal."""

import difflib

from ..catalogue.render import OWNERS, filled
from ..diagnosis.causes import CAUSES
from ..diagnosis.causes.cause import CauseEntry

_INDENT = "  "


def cause_text(entry: CauseEntry) -> str:
    """Return an entry whole: what it is, what shows it, and what to do."""
    return "\n".join(
        (
            f"{entry.id} (a cause; {OWNERS[entry.who]})\n{filled(entry.title)}\n",
            f"What shows it\n{filled(entry.signal)}\n",
            f"What to do\n{filled(entry.fix)}\n",
        )
    )


def causes_text() -> str:
    """Return the list of all causes: ids, each with its title below."""
    lines = [f"{_INDENT}{entry.id}\n{filled(entry.title, 3 * _INDENT)}" for entry in CAUSES.values()]
    return "\n".join(["causes", *lines]) + "\n"


def cause_of(typed: str) -> CauseEntry | None:
    """Return the cause of an id, letter case and underscores overlooked; ``None`` where there is none."""
    return CAUSES.get(typed.lower().replace("_", "-"))


def near_causes(typed: str) -> tuple[str, ...]:
    """Return the ids of causes that come near to what was typed."""
    return tuple(difflib.get_close_matches(typed.lower().replace("_", "-"), CAUSES, n=2, cutoff=0.85))
