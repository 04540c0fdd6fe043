"""The documentation pages, shipped with the package: one Markdown file a topic, found by name and by words."""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

_HEADING: Final = re.compile(r"(?m)^#+ (.+)$")
_MOST_FOUND: Final = 12


def topics() -> dict[str, str]:
    """Return the title of every page, by topic."""
    return {topic: _title(text) for topic, text in _pages()}


def page(topic: str) -> str | None:
    """Return the Markdown of a page, ``None`` where there is no such topic."""
    return dict(_pages()).get(topic)


def search(words: str) -> list[tuple[str, str, str]]:
    """Return topic, heading and a line of the sections that hold all words; words in a heading come first."""
    wanted = words.lower().split()
    found = []
    for topic, text in _pages():
        for heading, body in _sections(text):
            section = f"{heading}\n{body}".lower()
            if wanted and all(word in section for word in wanted):
                hits = sum(word in heading.lower() for word in wanted)
                line = next((line for line in body.splitlines() if any(word in line.lower() for word in wanted)), "")
                found.append((-hits, topic, heading, line.strip()))
    return [(topic, heading, line) for _, topic, heading, line in sorted(found, key=lambda each: each[0])][:_MOST_FOUND]


def _pages() -> Iterator[tuple[str, str]]:
    for entry in sorted(files(__package__).iterdir(), key=lambda each: each.name):
        if entry.name.endswith(".md"):
            yield entry.name.removesuffix(".md"), entry.read_text(encoding="utf-8")


def _title(text: str) -> str:
    found = _HEADING.search(text)
    return found[1] if found else ""


def _sections(text: str) -> Iterator[tuple[str, str]]:
    places = list(_HEADING.finditer(text))
    for place, following in zip(places, [*places[1:], None], strict=True):
        yield place[1], text[place.end() : following.start() if following else len(text)]
