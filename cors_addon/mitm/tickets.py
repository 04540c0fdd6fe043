"""``cors.ticket``: what is wrong with some flows as Markdown, to hand over."""

from collections.abc import Iterable
from pathlib import Path

from mitmproxy import exceptions

from ..report.entries import diagnosis_entries
from ..report.markdown import ticket
from ..verdict.model import Verdict


def write_tickets(verdicts: Iterable[Verdict], path: str) -> str:
    """Write the tickets of explained verdicts into a file; return what was written in a sentence.

    Raises ``CommandError`` where there is nothing to tell, or the file cannot be written.
    """
    found = {each["id"]: each for verdict in verdicts for each in diagnosis_entries(verdict)}
    if not found:
        raise exceptions.CommandError("There is nothing to fix in these flows.")
    target = Path(path).expanduser()
    text = "\n\n".join("\n".join(ticket(each, level=2)) for each in found.values())
    try:
        target.write_text(f"{text}\n", "utf-8", "backslashreplace")
    except OSError as exc:
        raise exceptions.CommandError(f"{target} cannot be written: {exc.strerror or exc}") from exc
    return f"{', '.join(found)} written to {target}"
