"""HTML from texts. Every text that came from the wire goes through ``text`` or ``line``, and nothing else does."""

import re
import time
from html import escape
from typing import Final

from ..report.grouping import plain_text
from ..verdict.failure_details import inert

_LONGEST: Final = 400
_CODE: Final = re.compile(r"`([^`]+)`")


def text(value: object, limit: int = _LONGEST) -> str:
    """Return anything as inert HTML text, clipped, in an element of its own where it can turn no other text around."""
    return f"<bdi>{line(value, limit)}</bdi>"


def line(value: object, limit: int = _LONGEST) -> str:
    """Return anything as inert text for HTML, attributes included: no markup, nothing invisible, nothing secret."""
    return escape(inert(plain_text(str(value)), limit), quote=True)


def prose(sentence: object) -> str:
    """Return a sentence in which what stands between backticks is code."""
    return _CODE.sub(r'<code dir="ltr">\1</code>', line(sentence, 2_000))


def clock(at: float) -> str:
    """Return a time of day, with the full time for programs."""
    local = time.localtime(at)
    return f'<time datetime="{time.strftime("%Y-%m-%dT%H:%M:%S%z", local)}">{time.strftime("%H:%M:%S", local)}</time>'


def duration(seconds: float) -> str:
    """Return a duration as people say it: ``1 h 58 min``, ``45 s``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def block(lines: str) -> str:
    """Return lines in a box of their own, to be copied; they may come from the wire."""
    shown = "\n".join(line(each, 2_000) for each in lines.split("\n"))
    return (
        '<div class="block"><pre dir="ltr" tabindex="0" role="group" aria-label="Text to copy"><code>'
        f'{shown}</code></pre><button type="button" class="copy">Copy</button></div>'
    )


def left_out(number: int) -> str:
    """Say that a list goes on."""
    return f'<p class="meta">{number} more are not shown; a report has them all.</p>' if number > 0 else ""
