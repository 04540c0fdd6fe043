"""``cors.ticket``: what is wrong with some flows as Markdown, to hand over."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from mitmproxy import exceptions

from ..report import files
from ..report.entries import diagnosis_entries
from ..report.markdown import ticket
from ..verdict.model import Verdict

Found = dict[str, Mapping[str, Any]]
_NAMED: Final = 10


def gather(verdicts: Iterable[Verdict], found: Found) -> Generator[None, None, None]:
    """Take in what explained verdicts tell, each diagnosis once; yields after each verdict."""
    for verdict in verdicts:
        found.update({each["id"]: each for each in diagnosis_entries(verdict)})
        yield None


def write_tickets(found: Found, path: str) -> str:
    """Write a ticket for each diagnosis into a file, in one step; return what was written in a sentence.

    Raises ``CommandError`` where there is nothing to tell, or the file cannot be written.
    """
    if not found:
        raise exceptions.CommandError("There is nothing to fix in these flows.")
    target = Path(path).expanduser()
    try:
        files.put(target, lambda: _parts(found.values()))
    except OSError as exc:
        raise exceptions.CommandError(f"{target} cannot be written: {exc.strerror or exc}") from exc
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    return f"{', '.join(islice(found, _NAMED))}{more} written to {target}"


def _parts(entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    before = ""
    for each in entries:
        text = f"{before}{chr(10).join(ticket(each, level=2))}\n"
        yield text.encode("utf-8", "backslashreplace").decode()
        before = "\n"
