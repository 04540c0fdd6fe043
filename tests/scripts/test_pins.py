"""What is pinned, and that it is everything that gets installed."""

import re
import subprocess
import tomllib

import environment
import pins
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from tests.scripts import SCRIPTS

RECENT, OLDEST = 'python_version >= "3.12"', 'python_version < "3.12"'
PYTHONS = {RECENT: "3.13", OLDEST: "3.11"}
CONSTRAINTS = (SCRIPTS / "constraints.txt").read_text(encoding="utf-8")

names = st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True)
versions = st.from_regex(r"[0-9]+(\.[0-9]+){0,3}(\.post1)?", fullmatch=True)
releases = st.dictionaries(names, versions, max_size=5)


@given(releases, releases)
def test_what_is_written_is_read_for_each_marker(recent: pins.Releases, oldest: pins.Releases) -> None:
    text = pins.write({RECENT: recent, OLDEST: oldest}, "")
    assert pins.read(text, RECENT) == recent
    assert pins.read(text, OLDEST) == oldest


def test_one_line_serves_both_where_they_agree() -> None:
    text = pins.write({RECENT: {"a": "1", "b": "2"}, OLDEST: {"a": "1", "c": "3"}}, "")
    assert text.splitlines()[2:] == ["a==1", f"b==2; {RECENT}", f"c==3; {OLDEST}"]


def test_a_change_names_the_package_and_both_releases() -> None:
    assert pins.changes({"a": "1", "b": "1"}, {"b": "2", "c": "1"}) == [
        "a 1 -> nothing",
        "b 1 -> 2",
        "c nothing -> 1",
    ]


def test_what_pip_says_is_installed_is_read_by_normalized_names(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Brotli==1.1.0\nruamel.yaml==0.18.6\n-e git+nowhere#egg=cors_addon\nlocal @ file:///x\nast_serialize==0.13\n"
    monkeypatch.setattr(subprocess, "check_output", lambda command, **options: said)
    found = pins.installed(environment.Environment("/made", "3.13.0"))
    assert found == {"brotli": "1.1.0", "ruamel-yaml": "0.18.6", "ast-serialize": "0.13"}


@pytest.mark.parametrize("marker", [RECENT, OLDEST])
def test_whatever_the_project_names_is_pinned_to_a_release_that_fits(marker: str) -> None:
    """A new dependency is pinned by `scripts/test.py --pin`."""
    with (SCRIPTS.parent / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    pinned = pins.read(CONSTRAINTS, marker)
    for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate({"python_version": PYTHONS[marker]}):
            name = re.sub("[-_.]+", "-", wanted.name).lower()
            assert wanted.specifier.contains(pinned[name]), line


def test_pins_hold_releases_and_no_addresses() -> None:
    lines = CONSTRAINTS.splitlines()
    assert [line for line in lines if not line.startswith("#") and not pins.LINE.fullmatch(line)] == []
    assert {match.group(3) for match in map(pins.LINE.fullmatch, lines) if match} <= {None, RECENT, OLDEST}
