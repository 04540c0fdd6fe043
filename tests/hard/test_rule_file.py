"""A rule file from a stranger's repository: it cannot run, read or reach anything, nor take time or memory."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from cors_addon.mitm.rulefile import RuleFile
from cors_addon.rules.decode import read_rules
from cors_addon.rules.document import LIBRARIES
from cors_addon.rules.text import LARGEST_FILE
from tests.hard.watched import Watched, watched

MEBIBYTE = 1 << 20
HEAD = "version: 1\nrules:\n  - name: x\n    hosts: [api.test]\n    allow_origins: [http://app.test]\n"

# What a reader of YAML might be talked into. Each names the file or the command by which it would show.
TRICKS = [
    ("a call", "x: !!python/object/apply:os.system ['touch {file}']"),
    ("a call by its whole tag", "x: !<tag:yaml.org,2002:python/object/apply:os.system> ['touch {file}']"),
    ("an object made anew", "x: !!python/object/new:subprocess.Popen [['touch', '{file}']]"),
    ("a module", "x: !!python/module:this"),
    ("a name", "x: !!python/name:os.system"),
    ("an object with a state", "x: !!python/object:pathlib.Path {{a: '{file}'}}"),
    ("another file", "x: !include {file}"),
    ("a file as a text", "hosts: !file {file}"),
    ("a handle for the tag", "%TAG !p! tag:yaml.org,2002:python/\n---\nx: !p!object/apply:os.system ['touch {file}']"),
    ("a second document", "version: 1\n---\nx: !!python/object/apply:os.system ['touch {file}']"),
    ("a tag as a key", "? !!python/object/apply:os.system ['touch {file}']\n: 1"),
    ("a tag of the file's own", "!!python/object/apply:os.system ['touch {file}']"),
    ("a path in place of a list", "hosts: {file}"),
    ("an environment variable", "x: ${{HOME}} !ENV ${{HOME}}"),
]


@pytest.mark.parametrize("library", list(LIBRARIES))
@pytest.mark.parametrize("text", [row[1] for row in TRICKS], ids=[row[0] for row in TRICKS])
def test_a_rule_file_runs_reads_and_opens_nothing(text: str, library: str, tmp_path: Path) -> None:
    file = tmp_path / "proof"
    for data in (text.format(file=file), f"{HEAD}{text.format(file=file)}"):
        with watched() as seen:
            reading = read_rules(data.encode(), LIBRARIES[library])
        assert reading.rules is None or "ENV" in text, "it is refused"
        assert not seen.files, seen.files
        assert not seen.processes
        assert not seen.sockets
    assert not file.exists()


def aliases() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(lines)


def merges() -> str:
    return "\n".join(["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 30))])


BOMBS: list[tuple[str, Callable[[], str]]] = [
    ("aliases that would be 10^12 values", aliases),
    ("an alias of itself", lambda: "a: &a [*a, *a]"),
    ("merge keys that double", merges),
    ("lists in lists", lambda: "x: " + "[" * 100_000),
    ("mappings in mappings", lambda: "x: " + "{a: " * 100_000),
    ("block lists in block lists", lambda: "- " * 100_000),
    ("deeper and deeper", lambda: "\n".join(" " * n + "a:" for n in range(2_000))),
    ("keys without end", lambda: "".join(f"k{n}: 1\n" for n in range(200_000))),
    ("one long text", lambda: "x: " + "a" * 10 * MEBIBYTE),
    ("one long quoted text", lambda: 'x: "' + "\\u0041" * MEBIBYTE),
    ("comments", lambda: "# x\n" * 3 * MEBIBYTE),
    ("blank lines", lambda: "\n" * 10 * MEBIBYTE),
    ("anchors", lambda: "".join(f"k{n}: &a{n} 1\n" for n in range(100_000))),
    ("as many keys as may be read", lambda: "".join(f"k{n}: 1\n" for n in range(20_000))[: LARGEST_FILE // 4]),
    ("50 MB of it", lambda: HEAD + "  - {name: y}\n" * (50 * MEBIBYTE // 14)),
]


@pytest.mark.parametrize("library", list(LIBRARIES))
@pytest.mark.parametrize("make", [row[1] for row in BOMBS], ids=[row[0] for row in BOMBS])
def test_a_rule_file_explodes_in_nobodys_time(make: Callable[[], str], library: str) -> None:
    data = make().encode()[: LARGEST_FILE + 1]
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        reading = read_rules(data, LIBRARIES[library])
    finally:
        sys.setprofile(before)
    assert reading.rules is None
    assert len(reading.problems) <= 60, "nor on anybody's screen"
    assert steps < 100 * LARGEST_FILE, f"{steps:,} calls for {len(data):,} bytes"


def test_no_more_of_a_file_is_read_than_a_right_one_can_have(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    with path.open("wb") as file:
        file.truncate(50 * MEBIBYTE)
    made = RuleFile(path)
    tracemalloc.start()
    change = made.read()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not change.in_force
    assert "too large" in change.text or "large" in change.text
    assert most < 8 * LARGEST_FILE


def test_watching_sees_what_a_trick_would_do(tmp_path: Path) -> None:
    seen: Watched
    with watched() as seen:
        (tmp_path / "proof").write_text("x")
    assert [Path(path).name for path, _ in seen.files] == ["proof"]
