"""The rule file that *Unblock* and `cors.rules.add` write, under attack: hostile values, links, swaps, huge files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mitmproxy import exceptions

from cors_addon.mitm import rulefile
from cors_addon.rules.decode import read_rules
from tests.mitm.injecting import NAME, Injecting, injecting, rule, written
from tests.mitm.support import APP, cors_get

HOSTS = [
    "api.dev.test",
    'a"]}\n  - name: evil.test',
    "a.test#",
    "*.test",
    "*",
    "a.test]",
    "a%0a.test",
    "a.test:99999",
    "[::1]",
    "com",
    "github.io",
    "ａ.test",
    "xn--a.test",
    "a.test\\",
    "a_b.test",
]
ORIGINS = [
    APP,
    "null",
    "*",
    "http://*.test",
    'http://a.test"], "any',
    "http://a.test\r\n",
    "file://",
    "http://com",
    "http://[",
]
PATHS = [
    "/",
    '/"], methods: [',
    "/\n  - name: x",
    "/*",
    "/**",
    "/#",
    "/{a}",
    "/'",
    "/" + "a" * 9_000,
    "/\u202e",
    "/%0a- x",
]
METHODS = ["GET", "x-" * 200, "PUT, DELETE", 'A"]', "#", "*"]


def add(running: Injecting, *flows: object) -> object:
    running.send(*flows)  # type: ignore[arg-type]
    return running.addon.commands.rules_add(flows)  # type: ignore[arg-type]


def test_what_is_written_lets_in_that_page_at_that_server_and_nothing_else() -> None:
    """Whatever stands in the host, the page, the path and the method, the file stays a rule file with its own rules."""
    with injecting() as running:
        before = running.path.read_text(encoding="utf-8")
        flows = []
        for number, host in enumerate(HOSTS):
            for origin in (APP, ORIGINS[number % len(ORIGINS)]):
                flow = cors_get(url="http://api.test/", origin=origin.replace("\r\n", ""))
                flow.request.headers["Host"] = host.replace("\n", "")
                flow.request.data.host = host.replace("\n", "")
                flow.request.data.headers.fields = tuple(
                    (name, origin.encode()) if name == b"Origin" else (name, value)
                    for name, value in flow.request.data.headers.fields
                )
                flows.append(flow)
        for number, (path, method) in enumerate(zip(PATHS, METHODS * 2, strict=False)):
            flow = cors_get(url=f"http://p{number % 20}.dev.test/")
            flow.request.data.path = path.encode()
            flow.request.data.method = method.encode()
            flows.append(flow)
        running.send(*flows)
        for flow in flows:
            try:
                running.addon.commands.rules_add([flow])
            except exceptions.CommandError:
                continue
            reading = read_rules(running.path.read_bytes())
            assert reading.rules is not None, "the file can be read"
        rules = read_rules(running.path.read_bytes()).rules
        assert rules is not None
        assert len(rules.rules) > 5, "some of it was written"
        allowed = {host for host in HOSTS if "*" not in host} | {f"p{n}.dev.test" for n in range(20)}
        for each in rules.rules:
            if each.name == NAME:
                continue
            assert each.origins.patterns is not None, "no rule lets any page in"
            assert all("*" not in pattern.text for pattern in each.origins.patterns)
            for host in each.hosts:
                assert "*" not in host.text
                assert host.text.strip("[]") in {name.lower().strip("[]") for name in allowed} | {"a.test"}
        assert before.splitlines()[0] in running.path.read_text(encoding="utf-8")


def test_a_link_stays_a_link_and_its_target_is_written(tmp_path: Path) -> None:
    with injecting() as running:
        target = tmp_path / "shared.yaml"
        os.replace(running.path, target)
        running.path.symlink_to(target)
        add(running, cors_get(url="http://new.dev.test/"))
        assert running.path.is_symlink()
        assert "new.dev.test" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize("target", ["profile", "folder", "pipe", "loop"])
def test_a_link_to_what_is_no_rule_file_changes_nothing_there(target: str, tmp_path: Path) -> None:
    with injecting() as running:
        running.path.unlink()
        there = tmp_path / target
        match target:
            case "profile":
                there.write_text("export PATH=/bin\nalias a=b\n")
            case "folder":
                there.mkdir()
            case "pipe":
                os.mkfifo(there)
            case _:
                there = running.path
        running.path.symlink_to(there)
        running.send(flow := cors_get(url="http://new.dev.test/"))
        with pytest.raises(exceptions.CommandError):
            running.addon.commands.rules_add([flow])
        if target == "profile":
            assert there.read_text() == "export PATH=/bin\nalias a=b\n"


def test_a_file_that_is_swapped_while_it_is_written_is_not_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the change and its writing somebody else writes the file."""
    with injecting() as running:
        other = written(rule("mine", hosts=["mine.test"]))
        running.send(flow := cors_get(url="http://new.dev.test/"))
        writer = running.addon.commands.writer
        real = writer.preview

        def swapped(requests: object) -> object:
            made = real(requests)  # type: ignore[arg-type]
            running.path.write_text(other, encoding="utf-8")
            return made

        monkeypatch.setattr(writer, "preview", swapped)
        with pytest.raises(exceptions.CommandError, match="has changed since"):
            running.addon.commands.rules_add([flow])
        assert running.path.read_text(encoding="utf-8") == other


def test_who_was_faster_while_the_disk_took_its_time_is_not_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two proxies with one rule file: what the one has written the other must not drop."""
    with injecting() as running:
        other = written(rule("mine", hosts=["mine.test"]))
        running.send(flow := cors_get(url="http://new.dev.test/"))
        real = os.fsync

        def slow(opened: int) -> None:
            real(opened)
            running.path.write_text(other, encoding="utf-8")

        monkeypatch.setattr(rulefile.os, "fsync", slow)
        with pytest.raises(exceptions.CommandError, match="has changed since"):
            running.addon.commands.rules_add([flow])
        assert running.path.read_text(encoding="utf-8") == other
        assert [entry.name for entry in running.path.parent.iterdir() if entry.name.startswith(".rules")] == []


def test_a_link_that_is_put_in_its_place_at_the_last_moment_is_replaced_and_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("keep me")
    with injecting() as running:
        real = os.replace

        def late(source: str, target: str) -> None:
            Path(target).unlink()
            Path(target).symlink_to(victim)
            real(source, target)

        monkeypatch.setattr(rulefile.os, "replace", late)
        add(running, cors_get(url="http://new.dev.test/"))
        monkeypatch.undo()
        assert victim.read_text() == "keep me"
        assert not running.path.is_symlink()
        assert "new.dev.test" in running.path.read_text(encoding="utf-8")


def test_a_huge_file_is_refused_before_anything_is_made_of_it() -> None:
    with injecting() as running:
        huge = written() + "# " + "x" * (60 << 20) + "\n"
        running.path.write_text(huge, encoding="utf-8")
        running.send(flow := cors_get(url="http://new.dev.test/"))
        with pytest.raises(exceptions.CommandError):
            running.addon.commands.rules_add([flow])
        assert running.path.stat().st_size == len(huge)


def test_a_folder_that_may_not_be_written_is_said_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with injecting() as running:
        before = running.path.read_bytes()
        monkeypatch.setattr(rulefile.os, "replace", refused)
        with pytest.raises(exceptions.CommandError, match="cannot be written: Permission denied"):
            add(running, cors_get(url="http://new.dev.test/"))
        monkeypatch.undo()
        assert running.path.read_bytes() == before
        assert [each.name for each in running.path.parent.iterdir() if each.name.startswith(".")] == []
