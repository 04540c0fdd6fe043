"""The catalogue as plain text for a terminal."""

import textwrap
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from . import CATALOGUE
from .violation import FixOwner, Violation

WIDTH: Final = 100
_INDENT: Final = "  "
_MDN: Final = "https://developer.mozilla.org/docs/Web/HTTP/Guides/CORS/Errors/"
# MDN's own spelling of the page.
_MDN_PAGES: Final = {"CORSMissingAllowCredentials": "CORSMIssingAllowCredentials"}
_MOST_EXCHANGES: Final = 4
_OWNERS: Final = {
    FixOwner.SERVER: "the server",
    FixOwner.GATEWAY: "the gateway in front of the server",
    FixOwner.CLIENT: "the client's code",
    FixOwner.BROWSER: "the browser's user",
    FixOwner.NOBODY: "nobody",
}


def title_of(violation: Violation) -> str:
    """Return the title with the name of each parameter in angle brackets in the place of its value."""
    return violation.title.format_map({name: f"<{name}>" for name in violation.params})


def owner_of(violation: Violation) -> str:
    """Say who can mend it, in words."""
    return _OWNERS[violation.owner]


def chromium_names(violation: Violation) -> tuple[str, ...]:
    """Return the CorsError names of Chromium's DevTools protocol; two where a preflight has its own, or none."""
    if violation.chromium is None:
        return ()
    if violation.preflight_prefix:
        return (violation.chromium, f"Preflight{violation.chromium}")
    return (violation.chromium,)


def mdn_url(firefox: str) -> str:
    """Return MDN's page about a category of Firefox's console."""
    return _MDN + quote(_MDN_PAGES.get(firefox, firefox))


def explain_text(violation: Violation) -> str:
    """Return an entry whole: what, why, fix, browsers' names, where to read on, a broken and a fixed example."""
    blocks = [
        f"{violation.id} ({violation.severity.value}; mended by {owner_of(violation)})",
        _indented(title_of(violation)),
        "What happens",
        _indented(violation.explanation),
        "What to change",
        _indented(violation.fix),
        "In browsers and standards",
        "\n".join(_INDENT + line for line in _references(violation)),
        "Broken",
        _transcript(violation.broken),
        "Fixed",
        _transcript(violation.fixed),
    ]
    parts = [blocks[0], "\n", blocks[1]]
    for heading, body in zip(blocks[2::2], blocks[3::2], strict=True):
        parts += ["\n\n", heading, "\n", body]
    return "".join(parts) + "\n"


def list_text() -> str:
    """Return the list of all entries, one a line: id, severity, title."""
    ids = max(map(len, CATALOGUE))
    severities = max(len(violation.severity.value) for violation in CATALOGUE.values())
    lines = []
    for violation in CATALOGUE.values():
        head = f"{violation.id:<{ids}}  {violation.severity.value:<{severities}}  "
        lines.append(textwrap.shorten(head + "\0" + title_of(violation), 400).replace("\0", ""))
    return "\n".join(lines) + "\n"


def _indented(text: str) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _references(violation: Violation) -> Iterator[str]:
    yield f"Chromium  {', '.join(chromium_names(violation)) or 'no name of its own'}"
    if violation.firefox is None:
        yield "Firefox   no name of its own"
    else:
        yield f"Firefox   {violation.firefox}"
        yield f"          {mdn_url(violation.firefox)}"
    yield f"Standard  {violation.anchor}"
    if violation.cwe is not None:
        yield f"CWE       https://cwe.mitre.org/data/definitions/{violation.cwe}.html"


def _transcript(text: str) -> str:
    exchanges = text.split("\n\n")
    if len(exchanges) > _MOST_EXCHANGES:
        left_out = len(exchanges) - 2
        exchanges = [exchanges[0], f"... {left_out} more like it ...", exchanges[-1]]
    return "\n\n".join(textwrap.indent(exchange, _INDENT) for exchange in exchanges)
