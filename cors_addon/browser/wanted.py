"""What a user types to start a browser: ``[NAME] [--headless] [--browser-command COMMAND] [URL]``."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from .find import NAMES

HEADLESS: Final = "--headless"
COMMAND: Final = "--browser-command"
FIRST: Final = "any"
"""Names the first browser that is installed, where a line of no words would mean none."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which browser to start, and what to open in it; whatever was not said is empty."""

    name: str = ""
    url: str = ""
    command: str = ""
    headless: bool = False

    def words(self) -> str:
        """Return it as one line, which ``read`` reads again."""
        words = [self.name, HEADLESS if self.headless else "", *((COMMAND, self.command) if self.command else ())]
        return shlex.join([*filter(None, words), *([self.url] if self.url else [])])


def read(words: Sequence[str]) -> Wanted:
    """Read what a user typed. Raises ``ValueError`` with a sentence for what it cannot be."""
    said = Wanted()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == HEADLESS:
            said = replace(said, headless=True)
        elif word == COMMAND or word.startswith(f"{COMMAND}="):
            value = word.partition("=")[2] or (rest.pop(0) if rest and word == COMMAND else "")
            if not value:
                raise ValueError(f"{COMMAND} needs the program of a browser")
            said = replace(said, command=value)
        elif word == FIRST:
            continue
        elif word.lower() in NAMES and not said.name:
            said = replace(said, name=word.lower())
        elif not said.url and is_url(word):
            said = replace(said, url=word if "://" in word or word.startswith("about:") else f"http://{word}")
        else:
            raise ValueError(f"{word!r} is no URL and none of the browsers {', '.join(NAMES)}")
    return said


def is_url(word: str) -> bool:
    """Say whether a word is meant as a URL, perhaps one without its scheme: ``localhost:5173``."""
    if "://" in word or word.startswith("about:"):
        return True
    host, colon, rest = word.partition("/")[0].partition(":")
    if not host or any(each.isspace() or each in "~\"'()|&!\\" for each in word) or word.startswith("-"):
        return False
    return host == "localhost" or rest.isdigit() if colon else host == "localhost" or "." in host.strip(".")


def split_off(words: Sequence[str], takes_filter: bool = True) -> tuple[Wanted | None, list[str]]:
    """Take what concerns the browser out of a command line: all that follows ``--browser``, as far as it is that.

    A tool that ``takes_filter`` may have one there; with others, any word that is no option is meant for the browser.
    Returns ``None`` where no browser is asked for, and the words that are left. Raises ``ValueError``.
    """
    taken: list[str] = []
    left: list[str] = []
    rest = list(words)
    asked = may_follow = False
    while rest:
        word = rest.pop(0)
        if word == "--browser" or word.startswith("--browser="):
            asked = may_follow = True
            taken += [word.partition("=")[2]] if "=" in word else []
        elif word.startswith(f"{COMMAND}=") or (asked and word == HEADLESS):
            asked = True
            taken.append(word)
        elif word == COMMAND:
            asked = True
            taken += [word, *rest[:1]]
            del rest[:1]
        elif may_follow and (
            word.lower() in NAMES or is_url(word) or not (takes_filter or word.startswith("-") or not word)
        ):
            taken.append(word)
        else:
            may_follow = False
            left.append(word)
    return (read(taken) if asked else None), left
