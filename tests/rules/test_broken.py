"""Broken rule files and the exact words about them.

Each file of the folder broken has a text beside it. ``CORS_ADDON_REGENERATE=1 pytest tests/rules/test_broken.py``
writes the texts anew; whoever does so reads every changed one as its user would.
"""

import os
import re
from pathlib import Path

import pytest

from cors_addon.rules.decode import read_rules
from cors_addon.rules.document import LIBRARIES
from cors_addon.rules.errors import Level, has_errors, render_problems
from cors_addon.rules.hosts import parse_host_pattern
from cors_addon.rules.origins import parse_origin_pattern
from cors_addon.rules.value_parsers import parse_path_pattern

FOLDER = Path(__file__).with_name("broken")
FILES = sorted(FOLDER.glob("*.yaml"))
LIBRARY_NAMES = ("PyYAML", "ruamel.yaml")

# What people get wrong in the configuration of CORS tools, and the files that show it.
KNOWN_MISTAKES = {
    "caller and callee swapped": ["caller-and-callee-swapped", "page-in-hosts", "server-in-origins", "url-in-hosts"],
    "a text with commas for a list": ["comma-in-origin", "text-for-list"],
    "slash, path or query in an origin": ["origin-trailing-slash", "origin-with-path"],
    "no scheme, default port, other loopback": [
        "origin-without-scheme",
        "origin-default-port",
        "origin-loopback-forms",
        "origin-ports",
    ],
    "regular expressions and one-ended globs": ["origin-regex", "origin-one-ended-glob", "wildcard-misplaced"],
    "* with credentials": ["star-with-credentials", "any-with-credentials", "star-in-lists"],
    "list and regular expression": ["list-and-regex"],
    "empty texts": ["empty-texts-in-lists", "empty-lists"],
    "headers where they do not belong": ["options-listed", "header-names"],
    "too wide": ["bare-star", "public-suffix", "public-host", "host-networks"],
    "left on": ["expires-never", "max-age-huge"],
    "null origin": ["origin-null", "unquoted-null", "unquoted-tilde", "origin-other-schemes"],
    "unquoted *": ["unquoted-star", "unquoted-star-host", "unquoted-star-in-list", "unquoted-double-star"],
    "off, no, on": ["unquoted-off", "unquoted-on-in-list"],
    "22:30 and 010": ["sexagesimal", "octal"],
    "characters that begin no value": ["placeholder-host", "at-sign", "percent-path", "backtick", "exclamation"],
    "tabs": ["tab-indentation", "tab-after-colon"],
    "a # that cuts": ["hash-cuts-value"],
    "duplicate keys": ["duplicate-keys"],
    "&x": ["ampersand", "anchor-and-merge"],
    "keys of other tools": ["unknown-keys", "unknown-keys-of-other-tools"],
}


def test_there_are_enough() -> None:
    assert len(FILES) >= 60
    assert {path.stem for path in FOLDER.glob("*.txt")} == {path.stem for path in FILES}


def test_known_mistakes_have_files() -> None:
    named = [name for names in KNOWN_MISTAKES.values() for name in names]
    assert len(set(named)) == len(named) >= 25
    assert set(named) <= {path.stem for path in FILES}


def test_both_libraries_are_here() -> None:
    assert tuple(LIBRARIES) == LIBRARY_NAMES


@pytest.mark.parametrize("library", LIBRARY_NAMES)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_words(path: Path, library: str) -> None:
    reading = read_rules(path.read_bytes(), LIBRARIES[library])
    text = render_problems(reading.problems, path.name) + "\n"
    golden = path.with_suffix(".txt")
    if os.environ.get("CORS_ADDON_REGENERATE"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_problem_is_whole(path: Path) -> None:
    reading = read_rules(path.read_bytes())
    assert reading.problems
    assert (reading.rules is None) == has_errors(reading.problems)
    for problem in reading.problems:
        rendered = problem.render(path.name)
        assert all(line.isprintable() for line in rendered.split("\n"))
        assert problem.message
        assert problem.why.endswith(".")
        assert problem.help
        assert problem.code == problem.code.lower()
        assert problem.span.line >= 1
        assert problem.span.column >= 1
        assert problem.level in Level
        assert problem.as_data()["line"] == problem.span.line


def test_the_worst_is_told_at_once() -> None:
    """One run over a file with a mistake of YAML, of types, of values and of names finds all of them."""
    codes = {problem.code for problem in read_rules((FOLDER / "several-at-once.yaml").read_bytes()).problems}
    assert codes >= {"unknown-key", "unquoted-star", "url-as-host", "origin-with-path", "wrong-type", "max-age"}


PARSERS = {"hosts": parse_host_pattern, "allow_origins": parse_origin_pattern, "paths": parse_path_pattern}


def _advice() -> list[tuple[str, str, str]]:
    """Return file, key and value of every help that says exactly which value to write."""
    found = []
    for path in FILES:
        for problem in read_rules(path.read_bytes()).problems:
            key = re.search(r"(\w+)\[\d+\]$", problem.path)
            value = re.match(r'write "([^"]+)"', problem.help)
            if key and value and key[1] in PARSERS:
                found.append((path.stem, key[1], value[1]))
    return found


@pytest.mark.parametrize(("file", "key", "value"), _advice())
def test_what_the_help_says_to_write_is_right(file: str, key: str, value: str) -> None:
    PARSERS[key](value)
