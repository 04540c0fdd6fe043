"""The catalogue as plain text for a terminal."""

import re
import textwrap
from collections.abc import Iterator
from typing import Final

from . import CATALOGUE
from .violation import FixOwner, Severity, Violation
from .webkit_names import SENTENCES

WIDTH: Final = 100
_INDENT: Final = "  "
_MDN: Final = "https://developer.mozilla.org/docs/Web/HTTP/Guides/CORS/Errors/"
# Pages that MDN spells otherwise than the console.
_MDN_PAGES: Final = {"CORSMissingAllowCredentials": "CORSMIssingAllowCredentials"}
_MOST_EXCHANGES: Final = 4
OWNERS: Final = {
    FixOwner.SERVER: "fix on the server",
    FixOwner.GATEWAY: "fix at the gateway in front of the server",
    FixOwner.CLIENT: "fix in the page's code",
    FixOwner.BROWSER: "the browser's user decides",
    FixOwner.NOBODY: "nothing to fix",
}
_CODE: Final = re.compile(r"`[^`]*`")
_GLUE: Final = "\0"


def title_of(violation: Violation) -> str:
    """Return the title with each parameter's name in angle brackets in the place of its value."""
    return violation.title.format_map({name: f"<{name}>" for name in violation.params})


def chromium_names(violation: Violation) -> tuple[str, ...]:
    """Return the CorsError names of Chromium's DevTools protocol: none, one, or two where a preflight has its own."""
    if violation.chromium is None:
        return ()
    if violation.preflight_prefix:
        return (violation.chromium, f"Preflight{violation.chromium}")
    return (violation.chromium,)


def browsers_names(violation: Violation) -> tuple[str, ...]:
    """Return every name that a browser has for a condition, and this project's name for WebKit's sentence."""
    return (*chromium_names(violation), *filter(None, (violation.firefox, violation.webkit)))


def mdn_url(firefox: str) -> str:
    """Return MDN's page about a category of Firefox's console."""
    return _MDN + _MDN_PAGES.get(firefox, firefox)


def explain_text(violation: Violation) -> str:
    """Return an entry whole: what, why, fix, browsers' names, where to read on, a broken and a fixed example."""
    sections = (
        ("What happens", filled(violation.explanation)),
        ("What to change", filled(violation.fix)),
        ("Names and sources", "\n".join(_INDENT + line for line in _references(violation))),
        ("Broken", _transcript(violation.broken)),
        ("Fixed", _transcript(violation.fixed)),
    )
    head = f"{violation.id} ({violation.severity.value}; {OWNERS[violation.owner]})\n{filled(title_of(violation))}\n"
    return "\n".join([head, *(f"{heading}\n{body}\n" for heading, body in sections)])


def list_text() -> str:
    """Return the list of all entries, those that block first: ids, each with its title below."""
    blocks = []
    for severity in Severity:
        entries = [violation for violation in CATALOGUE.values() if violation.severity is severity]
        if entries:
            lines = [f"{_INDENT}{entry.id}\n{filled(title_of(entry), 3 * _INDENT)}" for entry in entries]
            blocks.append("\n".join([severity.value, *lines]) + "\n")
    return "\n".join(blocks)


def filled(text: str, indent: str = _INDENT) -> str:
    """Wrap a paragraph, and keep what stands in backticks on one line: it is there to be copied."""
    glued = _CODE.sub(lambda code: code[0].replace(" ", _GLUE), text)
    lines = textwrap.fill(
        glued,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines.replace(_GLUE, " ")


def _references(violation: Violation) -> Iterator[str]:
    yield f"Chromium  {', '.join(chromium_names(violation)) or 'no name of its own'}"
    if violation.firefox is None:
        yield "Firefox   no name of its own"
    else:
        yield f"Firefox   {violation.firefox}"
        yield mdn_url(violation.firefox)
    if violation.webkit is None:
        yield "WebKit    no name"
    else:
        yield f"WebKit    {violation.webkit}, our name for the sentence in Safari's console that"
        yield from filled(SENTENCES[violation.webkit], 5 * _INDENT).splitlines()
    yield violation.anchor
    if violation.cwe is not None:
        yield f"https://cwe.mitre.org/data/definitions/{violation.cwe}.html"


def _transcript(text: str) -> str:
    exchanges = text.split("\n\n")
    if len(exchanges) > _MOST_EXCHANGES:
        exchanges = [exchanges[0], f"... {len(exchanges) - 2} more like it ...", exchanges[-1]]
    return "\n\n".join(textwrap.indent(exchange, _INDENT) for exchange in exchanges)
