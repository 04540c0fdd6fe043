"""The page's section on what a browser itself said: how far the verdicts agree, and what never reached the proxy."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..report.browser_word import place_of, repeats
from .html_text import left_out, line, prose, text

_LISTED: Final = 50


def section(told: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """Return the inside of the section; ``told`` is the line that counts verdicts, empty where no browser was asked."""
    agreement = f'<p class="meta">{line(told)}.</p>' if told else ""
    if not entries:
        nothing = (
            "Nothing." if told else "Only a browser that cors-addon has started says so: <code>cors.browser</code>."
        )
        return f'{agreement}<p class="empty">{nothing}</p>'
    items = "".join(_item(entry) for entry in reversed(entries[-_LISTED:]))
    return f'{agreement}<ul class="rules">{items}</ul>{left_out(len(entries) - _LISTED)}'


def _item(entry: Mapping[str, Any]) -> str:
    place = place_of(entry["initiator"])
    called = f"<br>Called by {text(place)}." if place else ""
    help_ = f"<br>{prose(entry['help'])}" if entry["help"] else ""
    return (
        f"<li><b>{text(entry['method'])} {text(entry['url'])}</b>{repeats(entry)}<br>"
        f"{line(entry['browser'])}: {line(entry['message'])} [{line(entry['reason'])}].{called}{help_}</li>"
    )
