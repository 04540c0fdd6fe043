"""``cors.ticket``: what is wrong with some flows as Markdown, to hand over."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from mitmproxy import exceptions

from ..report import files
from ..report.entries import diagnosis_entries
from ..report.markdown import ticket
from ..verdict.model import Verdict
from .services import Services
from .sliced_jobs import Job, Jobs, Steps

_Found = dict[str, Mapping[str, Any]]
_NAMED: Final = 10
_SUFFIXES: Final = (".md", ".markdown", ".txt")


def ticket_path(path: str, services: Services) -> Path:
    """Return where tickets go. Raises ``CommandError`` for a name that is no text file's.

    A slip must not put a ticket in the place of the rule file or of a program.
    """
    try:
        target = Path(path).expanduser()
        services.injection.file.keep_from(target)
    except (OSError, RuntimeError, ValueError) as exc:
        raise exceptions.CommandError(f"{path} cannot be written: {exc}") from exc
    if target.suffix.lower() not in _SUFFIXES:
        raise exceptions.CommandError(f"{target.name!r}: a ticket is Markdown; end its name with {_SUFFIXES[0]}")
    return target


def write_tickets(verdicts: Iterable[Verdict], path: Path) -> str:
    """Write the tickets of explained verdicts into a file, in one step; return what was written in a sentence.

    Raises ``CommandError`` where there is nothing to tell, or the file cannot be written.
    """
    found: _Found = {}
    for verdict in verdicts:
        _take(verdict, found)
    return _written(found, path)


def steps_to_tickets(jobs: Jobs, verdicts: Iterable[Verdict], path: Path, job: Job[str]) -> Steps[str]:
    """Explain verdicts and do the same, beside the traffic."""
    found: _Found = {}
    for verdict in verdicts:
        _take(job.source.services.store.explained(verdict), found)
        yield None
    job.source = None
    return (yield from jobs.aside(_written, found, path))


def _take(verdict: Verdict, found: _Found) -> None:
    found.update({each["id"]: each for each in diagnosis_entries(verdict)})


def _written(found: _Found, target: Path) -> str:
    if not found:
        raise exceptions.CommandError("There is nothing to fix in these flows.")
    try:
        files.put(target, lambda: _parts(found.values()))
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or exc
        raise exceptions.CommandError(f"{target} cannot be written: {why}") from exc
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    return f"{', '.join(islice(found, _NAMED))}{more} written to {target}"


def _parts(entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    before = ""
    for each in entries:
        text = f"{before}{chr(10).join(ticket(each, level=2))}\n"
        yield text.encode("utf-8", "backslashreplace").decode()
        before = "\n"
