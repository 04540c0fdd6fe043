"""How entries are written: prose and examples are laid out for the reader of the source, and joined here."""

from typing import Final

from .violation import Example, Stage

EVERY_STAGE: Final = frozenset(Stage)
PREFLIGHT: Final = frozenset({Stage.PREFLIGHT})
REDIRECT: Final = frozenset({Stage.REDIRECT})
RESPONSE: Final = frozenset({Stage.RESPONSE})

_SCENERY: Final = {
    # What Chromium sends, over https, with fetch() of a page on https://app.test to another site, preflights included.
    "{FETCH}": """\
> Origin: https://app.test
> Sec-Fetch-Dest: empty
> Sec-Fetch-Mode: cors
> Sec-Fetch-Site: cross-site""",
    # The same of another page.
    "{SCRIPT}": """\
> Sec-Fetch-Dest: empty
> Sec-Fetch-Mode: cors
> Sec-Fetch-Site: cross-site""",
    # What it sends with <img> and its like, without the attribute crossorigin; the destination differs.
    "{EMBED}": """\
> Referer: https://app.test/
> Sec-Fetch-Mode: no-cors
> Sec-Fetch-Site: cross-site""",
    "{NAVIGATE}": """\
> Sec-Fetch-Dest: document
> Sec-Fetch-Mode: navigate
> Sec-Fetch-Site: none""",
    "{OLD_CHROMIUM}": "> User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36",
    "{JSON}": """\
< 200
< Content-Type: application/json""",
    # A response for the page on https://app.test alone.
    "{ALLOWED}": """\
< Access-Control-Allow-Origin: https://app.test
< Vary: Origin""",
}


def prose(text: str) -> str:
    """Join the lines of a text into one paragraph."""
    return " ".join(text.split())


def example(text: str) -> str:
    """Return a transcript without its indentation; scenery that it names in braces is spelt out."""
    lines = (line.strip() for line in text.strip().splitlines())
    return "\n".join(_SCENERY.get(line, line) for line in lines)


def pair(text: str) -> Example:
    """Return an example written as a diff: the fix removes lines that begin with ``-`` and adds those with ``+``."""
    lines = [line.strip() for line in text.strip().splitlines()]
    broken, fixed = ("\n".join(line.lstrip("-+") for line in lines if line[:1] != mark) for mark in "+-")
    return Example(example(broken), example(fixed))
