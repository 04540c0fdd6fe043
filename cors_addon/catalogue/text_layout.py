"""How entries are written: prose and examples are laid out for the reader of the source, and joined here."""

from typing import Final

from .violation import Stage

EVERY_STAGE: Final = frozenset(Stage)
PREFLIGHT: Final = frozenset({Stage.PREFLIGHT})
REDIRECT: Final = frozenset({Stage.REDIRECT})
RESPONSE: Final = frozenset({Stage.RESPONSE})

# What Chromium sends, over https, with fetch() of a page on https://app.test to another site, preflights included.
FETCH: Final = """\
> Origin: https://app.test
> Sec-Fetch-Dest: empty
> Sec-Fetch-Mode: cors
> Sec-Fetch-Site: cross-site"""

# What it sends with <img> and its like, without the attribute crossorigin; the destination differs.
EMBED: Final = """\
> Referer: https://app.test/
> Sec-Fetch-Mode: no-cors
> Sec-Fetch-Site: cross-site"""

NAVIGATE: Final = """\
> Sec-Fetch-Dest: document
> Sec-Fetch-Mode: navigate
> Sec-Fetch-Site: none"""

# A response for that page alone.
ALLOWED: Final = """\
< Access-Control-Allow-Origin: https://app.test
< Vary: Origin"""


def prose(text: str) -> str:
    """Join the lines of a text into one paragraph."""
    return " ".join(text.split())


def example(text: str) -> str:
    """Take the indentation off a transcript, and the empty lines around it."""
    return "\n".join(line.strip() for line in text.strip().splitlines())
