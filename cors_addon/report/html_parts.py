"""Pieces of the HTML report: every text from the wire goes through ``wire`` or ``code``."""

import html
import re
from typing import Final

from ..verdict.failure_details import inert
from ..verdict.model import Judge

NAMES: Final = {
    Judge.CHROMIUM: "Chromium",
    Judge.FIREFOX: "Firefox",
    Judge.WEBKIT: "WebKit",
    Judge.SPEC: "the standard",
}
_CODE: Final = re.compile(r"`([^`]*)`")
_LINKED: Final = ("https://", "http://")


def escape(text: str) -> str:
    """Return text as it may stand in the page, in attributes too."""
    return html.escape(text, quote=True)


def wire(text: object, limit: int = 300) -> str:
    """Return what came from the wire as it may stand in the page: cut, visible, escaped, and kept to its place."""
    return f'<span class="wire">{escape(inert(str(text), limit))}</span>'


def code(text: object, limit: int = 300) -> str:
    """Return what came from the wire as ``wire`` does, in the type of code."""
    return f'<code class="wire">{escape(inert(str(text), limit))}</code>'


def verbatim(text: str) -> str:
    """Return lines that stay lines, in a box."""
    lines = "\n".join(inert(line, 400) for line in text.splitlines()[:400])
    return f'<pre><code class="wire">{escape(lines)}</code></pre>'


def prose(text: str) -> str:
    """Return a text of the catalogue, with what stands in backticks set as code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def sentence(text: object, limit: int = 600) -> str:
    """Return a sentence that quotes the wire, with what stands in backticks set as code."""
    return f'<span class="wire">{prose(inert(str(text), limit))}</span>'


def badge(what: str) -> str:
    """Return a severity or an outcome in its colour; the word says it too."""
    return f'<span class="badge {escape(what)}">{escape(what)}</span>'


def link(text: str, url: str) -> str:
    """Return a link into the standard, or only its text where there is none."""
    if not url.startswith(_LINKED):
        return code(text)
    return f'<a href="{escape(url)}" rel="noreferrer">{code(text)}</a>'
