"""Switching: the option, the commands, the key, the signal, the clock, one rule; and what the user is told."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import exceptions, http
from mitmproxy.options import Options
from mitmproxy.tools.dump import DumpMaster

from cors_addon.mitm import console, hangup_signal, injection
from cors_addon.mitm.addon import CorsAddon
from cors_addon.mitm.injection import Injection
from tests.mitm.injecting import NAME, Injecting, ask, call, heads, injecting, passed, rule, written
from tests.mitm.support import logged, make_flow, make_response, mitmproxy_context, proxy

ROOT = Path(__file__).resolve().parents[2]


def injects(running: Injecting) -> bool:
    """Say whether a call that starts now gets the rule's headers."""
    subject = call()
    passed(running, subject)
    return "x-cors-addon" in heads(subject)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()

    class Timed(Injection):
        def __init__(self) -> None:
            super().__init__(made)

    monkeypatch.setattr(injection, "Injection", Timed)
    return made


# --- on and off ----------------------------------------------------------------------------------------------------


def test_nothing_is_injected_until_it_is_switched_on() -> None:
    with injecting(on=False) as running:
        assert not injects(running)
        running.command("cors.inject", "on")
        assert injects(running)
        running.command("cors.inject", "off")
        assert not injects(running)
        running.command("cors.inject", "toggle")
        assert injects(running)


def test_the_option_is_the_switch() -> None:
    with injecting(on=False) as running:
        running.configure(cors_inject=True)
        assert injects(running)
        running.configure(cors_inject=False)
        assert not injects(running)


def test_command_and_option_stay_one() -> None:
    with injecting(on=False) as running:
        running.command("cors.inject", "on")
        assert running.context.options.cors_inject is True
        running.configure(cors_inject=False)
        assert running.command("cors.inject", "toggle").startswith("injection is ON")


def test_off_means_off_for_a_request_that_already_waits_for_its_response() -> None:
    with injecting() as running:
        subject = call()
        server, subject.response = subject.response, None
        running.hook("requestheaders", subject)
        running.command("cors.inject", "off")
        subject.response = server
        running.hook("responseheaders", subject)
        running.hook("response", subject)
        assert "x-cors-addon" not in heads(subject)
        assert "delivered" not in running.verdict(subject)


def test_every_change_of_the_switch_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with injecting(on=False) as running:
        caplog.clear()
        for state in ("on", "on", "off", "off"):
            running.command("cors.inject", state)
        assert logged(caplog) == [
            "CORS: injection is ON, 1 of 1 rules enabled, for 2 h",
            "CORS: injection is off; responses are the servers' own again",
        ], "what changes nothing is no news"


def test_the_command_answers_with_the_state() -> None:
    with injecting(rule(), rule("second", hosts=["other.test"], enabled=False), on=False) as running:
        assert running.command("cors.inject", "on") == "injection is ON, 1 of 2 rules enabled, for 2 h"
        assert running.command("cors.inject", "off") == "injection is off, 1 of 2 rules enabled"


def test_without_rules_there_is_nothing_to_switch_on() -> None:
    with (
        proxy() as running,
        pytest.raises(exceptions.CommandError, match="name a rule file with the option cors_rules"),
    ):
        running.context.master.commands.call_strings("cors.inject", ["on"])


def test_the_option_without_rules_says_so_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    with proxy(cors_inject=True):
        assert "CORS: injection is on and there are no rules: --set cors_rules=FILE names the rule file" in logged(
            caplog
        )


def test_another_word_than_on_or_off_is_refused() -> None:
    with injecting() as running:
        with pytest.raises(exceptions.CommandError):
            running.command("cors.inject", "maybe")
        assert running.command("cors.inject.states") == ["on", "off", "toggle"]


def test_the_status_says_whether_it_is_on() -> None:
    with injecting() as running:
        assert ["CORS: injection is ON, 1 of 1 rules enabled, for 2 h"] in running.command("cors.status")


# --- connections ----------------------------------------------------------------------------------------------------


def connects(running: Injecting, host: str, port: int = 443) -> bool:
    """Say whether mitmproxy is left to connect to the server before it sees a request."""
    subject = make_flow(method="CONNECT")
    subject.request.host, subject.request.port = host, port
    running.hook("http_connect", subject)
    return subject.response is None


CONNECTS: list[tuple[str, dict[str, Any], bool]] = [
    ("a rule that answers", {}, False),
    ("a rule that simulates", {"simulate": "network-error"}, False),
    ("a rule that repairs", {"preflight": "repair"}, True),
    ("a rule that forwards", {"preflight": "forward"}, True),
    ("a dry run", {"dry_run": True}, True),
    ("a rule that is off", {"enabled": False}, True),
    ("a rule for another port", {"hosts": ["api.test:8443"]}, True),
    ("a rule for another host", {"hosts": ["other.test"]}, True),
]


@pytest.mark.parametrize(("keys", "left"), [r[1:] for r in CONNECTS], ids=[r[0] for r in CONNECTS])
def test_only_where_a_rule_may_answer_the_tunnel_opens_without_the_server(keys: dict[str, Any], left: bool) -> None:
    with injecting(rule(**keys)) as running:
        assert connects(running, "api.test") is left
        assert connects(running, "elsewhere.test")
        running.command("cors.inject", "off")
        assert connects(running, "api.test")


def test_tunnels_to_addresses_open_too() -> None:
    with injecting(rule(hosts=["[2001:db8::1]", "10.0.0.0/8"])) as running:
        assert not connects(running, "2001:db8::1")
        assert not connects(running, "10.1.2.3")
        assert connects(running, "192.0.2.1")


# --- one rule -------------------------------------------------------------------------------------------------------


def test_one_rule_can_be_switched() -> None:
    with injecting(rule(), rule("other", hosts=["other.test"])) as running:
        assert running.command("cors.rules.toggle", NAME) == f"rule {NAME!r} is off"
        assert not injects(running)
        assert heads_of_other(running)["x-cors-addon"] == "other"
        assert running.command("cors.rules.toggle", NAME) == f"rule {NAME!r} is on"
        assert injects(running)


def heads_of_other(running: Injecting) -> dict[str, str]:
    subject = call(url="http://other.test/")
    passed(running, subject)
    return heads(subject)


def test_a_rule_that_is_not_there_cannot_be_switched() -> None:
    with injecting() as running, pytest.raises(exceptions.CommandError) as caught:
        running.command("cors.rules.toggle", "nobody's")
    assert str(caught.value) == f'there is no rule "nobody\'s"; the rules are: {NAME!r}'


def test_a_rule_stays_switched_until_the_file_says_something_new() -> None:
    with injecting() as running:
        running.command("cors.rules.toggle", NAME)
        running.rewrite(written())
        assert not injects(running), "saved without a change"
        running.configure(cors_rules=str(running.path))
        assert not injects(running), "the same file named again"
        running.rewrite(written(expires="3h"))
        assert injects(running)


def test_the_list_shows_rules_states_and_trouble() -> None:
    rules = (
        rule(),
        rule("b", hosts=["b.test", "*.c.test:8443"], allow_origins="any", preflight="repair", enabled=False),
        rule("c", hosts=["d.test"], dry_run=True),
        rule("d", hosts=["e.test"], simulate="network-error"),
    )
    with injecting(*rules) as running:
        assert running.command("cors.rules.list") == [
            ["rule", "state", "hosts", "pages", "preflight"],
            [NAME, "on", "api.test", "http://app.test", "answer"],
            ["b", "off", "b.test, *.c.test:8443", "any", "repair"],
            ["c", "dry run", "d.test", "http://app.test", "answer"],
            ["d", "on", "e.test", "http://app.test", "network-error"],
            ["", "injection is ON, 3 of 4 rules enabled, for 2 h", "", "", ""],
        ]
        running.rewrite("version: 2\nrules: []\n")
        trouble = [row[1] for row in running.command("cors.rules.list")[6:]]
        assert trouble[0].startswith(f"{running.path}:1:10: error[version]")


# --- the file while running ------------------------------------------------------------------------------------------


def test_saving_the_file_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    with injecting() as running:
        assert injects(running)
        caplog.clear()
        running.rewrite(written(rule(hosts=["other.test"])))
        assert not injects(running)
        assert logged(caplog)[0].startswith("CORS: rules read; injection is ON, 1 of 1 rules enabled, for ")


def test_a_broken_file_is_told_with_its_errors_and_the_rules_stay(caplog: pytest.LogCaptureFixture) -> None:
    with injecting() as running:
        caplog.clear()
        running.rewrite(written(rule(hosts=["*"])))
        (line,) = logged(caplog)
        assert line.startswith("CORS: the rule file is broken, the last good rules stay in force:\n")
        assert "rules.yaml:5:6: error[bare-star]" in line
        assert "help:" in line
        assert [record.levelname for record in caplog.records] == ["WARNING"], "an ERROR could end mitmproxy"
        assert injects(running)
        running.path.unlink()
        running.look()
        assert injects(running)
        assert any("cannot be read: No such file or directory" in line for line in logged(caplog))


def test_warnings_of_a_changed_file_are_shown(caplog: pytest.LogCaptureFixture) -> None:
    with injecting() as running:
        caplog.clear()
        running.rewrite(written(expires="never"))
        assert "warning[" in logged(caplog, logging.WARNING)[0]
        assert "injection is ON, 1 of 1 rules enabled, without end" in logged(caplog)[0]


def test_reload_reads_at_once() -> None:
    with injecting() as running:
        running.path.write_text(written(rule(hosts=["other.test"])))
        assert running.command("cors.rules.reload").startswith("injection is ON, 1 of 1 rules enabled, for ")
        assert not injects(running)


def test_reload_of_a_broken_file_is_an_error_with_the_whole_text() -> None:
    with injecting() as running:
        running.path.write_text(written(rule(hosts=[]), rule("b", allow_origins=["x"])))
        with pytest.raises(exceptions.CommandError) as caught:
            running.command("cors.rules.reload")
        assert str(caught.value).startswith("the last good rules stay in force: ")
        assert str(caught.value).count("error[") == 2, "all problems at once"
        assert injects(running)


def test_reload_without_a_file_says_what_to_do() -> None:
    with proxy() as running, pytest.raises(exceptions.CommandError, match="name one with the option cors_rules"):
        running.context.master.commands.call_strings("cors.rules.reload", [])


# --- the option cors_rules while running ----------------------------------------------------------------------------


def test_another_file_takes_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(written(rule("other", hosts=["other.test"])))
    with injecting() as running:
        running.configure(cors_rules=str(other))
        assert not injects(running)
        assert heads_of_other(running)["x-cors-addon"] == "other"
        assert "CORS: rules read; injection is ON, 1 of 1 rules enabled, for 2 h" in logged(caplog)
        running.rewrite(written(rule(hosts=["third.test"])))
        assert heads_of_other(running)["x-cors-addon"] == "other", "the file of before is no longer watched"


@pytest.mark.parametrize("old", ["good", "broken", "gone"])
def test_a_broken_file_is_refused_and_the_last_good_rules_stay(tmp_path: Path, old: str) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: 1\nrules:\n  - name: a\n    hosts: [\n")
    with injecting() as running:
        if old == "broken":
            running.rewrite("rules: [")
        elif old == "gone":
            running.path.unlink()
            running.look()
        with pytest.raises(exceptions.OptionsError) as caught:
            running.configure(cors_rules=str(broken))
        assert str(caught.value).startswith(f"cors_rules={broken}: the rule file cannot be used\n{broken}:")
        assert "help:" in str(caught.value)
        assert running.context.options.cors_rules == str(running.path), "the option is taken back"
        assert injects(running), "and the rules have not gone for a moment"


def test_no_file_is_no_rules() -> None:
    with injecting() as running:
        running.configure(cors_rules="")
        assert not injects(running)


# --- time ------------------------------------------------------------------------------------------------------------


def test_it_switches_itself_off(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with injecting() as running:
        clock.now += 7199
        running.look()
        assert injects(running)
        assert running.command("cors.rules.list")[-1][1] == "injection is ON, 1 of 1 rules enabled, for 1 s"
        caplog.clear()
        clock.now += 1
        assert not injects(running), "at once, not at the next look"
        assert running.context.options.cors_inject is False
        assert logged(caplog)[:2] == [
            "CORS: injection has expired",
            "CORS: injection is off; responses are the servers' own again",
        ]


def test_it_switches_itself_off_without_traffic(clock: Clock) -> None:
    with injecting() as running:
        clock.now += 7200
        running.look()
        assert running.context.options.cors_inject is False


@pytest.mark.parametrize("how", ["on", "toggle"])
def test_switched_on_again_the_time_starts_anew(clock: Clock, how: str) -> None:
    with injecting() as running:
        clock.now += 7200
        assert running.command("cors.inject", how) == "injection is ON, 1 of 1 rules enabled, for 2 h"
        clock.now += 7199
        assert injects(running)


def test_time_counts_from_switching_on_whatever_the_file_does(clock: Clock) -> None:
    with injecting() as running:
        for _ in range(7):
            clock.now += 1000
            running.rewrite(written(rule(max_age=int(clock.now))))
            assert injects(running)
        clock.now += 200
        assert not injects(running), "saving the file does not make it go on for ever"


def test_a_shorter_time_in_the_file_ends_it_at_once(clock: Clock) -> None:
    with injecting() as running:
        clock.now += 600
        running.rewrite(written(expires="5m"))
        assert not injects(running)
        assert running.context.options.cors_inject is False


def test_never_is_never(clock: Clock) -> None:
    with injecting(on=False) as running:
        running.rewrite(written(expires="never"))
        running.command("cors.inject", "on")
        clock.now += 1e9
        running.look()
        assert injects(running)


def test_an_expired_rule_set_answers_no_preflight_and_opens_no_tunnel(clock: Clock) -> None:
    with injecting() as running:
        clock.now += 7200
        assert connects(running, "api.test")
        assert passed(running, ask())


def test_the_clock_goes_forward_and_counts_sleep_where_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    first = injection.awake_or_asleep()
    assert injection.awake_or_asleep() >= first
    monkeypatch.delattr("time.CLOCK_BOOTTIME", raising=False)
    monkeypatch.delattr("time.CLOCK_MONOTONIC", raising=False)
    assert injection.awake_or_asleep() > 0


DURATIONS = [
    (0.4, "0 s"),
    (29, "29 s"),
    (45, "1 min"),
    (600, "10 min"),
    (7140, "119 min"),
    (7200, "2 h"),
    (9000, "2.5 h"),
]


@pytest.mark.parametrize(("seconds", "shown"), DURATIONS)
def test_how_long_it_stays_on_reads_well(seconds: float, shown: str) -> None:
    assert injection._duration(seconds) == shown


# --- start -----------------------------------------------------------------------------------------------------------


def test_warnings_are_shown_at_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(written(expires="never"))
    with proxy(cors_rules=str(path)):
        assert "warning[" in logged(caplog, logging.WARNING)[0]
        assert logged(caplog, logging.ERROR) == []


# --- keys ------------------------------------------------------------------------------------------------------------


BIND = """
import asyncio, json, sys
from mitmproxy import options
from mitmproxy.tools.console.master import ConsoleMaster
from cors_addon.mitm import console

async def bound(users):
    master = ConsoleMaster(options.Options())
    for key, context in users:
        master.keymap.add(key, "replay.client @focus", [context], "the user's own")
    for _ in range(2):  # as when the addon is loaded anew
        console.bind(master)
    return [[b.key, b.command, b.contexts] for b in master.keymap.bindings if b.command.startswith("cors.")]

print(json.dumps([asyncio.run(bound(users)) for users in json.loads(sys.argv[1])]))
"""
T = ["T", "cors.inject toggle", ["flowlist", "flowview"]]
Y = ["Y", "cors.explain @focus", ["flowlist", "flowview"]]
R = ["R", "cors.rules.add @focus", ["flowlist", "flowview"]]


# the user's keys, ours then, why
KEYS: list[tuple[list[list[str]], list[list[object]], str]] = [
    ([], [T, Y, R], "free in mitmproxy's own map, and bound once"),
    ([["T", "flowlist"]], [Y, R], "taken in the list of flows"),
    ([["T", "flowview"], ["Y", "flowlist"]], [R], "both taken"),
    ([["T", "global"]], [Y, R], "a binding of ours would hide the user's"),
    ([["T", "options"]], [T, Y, R], "taken elsewhere"),
]


def test_the_console_has_keys_where_they_are_free() -> None:
    # In a process of its own: urwid's modules answer to being looked at with warnings, and hypothesis looks at all.
    users = json.dumps([row[0] for row in KEYS])
    done = subprocess.run([sys.executable, "-c", BIND, users], capture_output=True, text=True, check=True, cwd=ROOT)
    for found, (_, ours, why) in zip(json.loads(done.stdout), KEYS, strict=True):
        assert found == ours, why


def test_other_front_ends_have_no_keys() -> None:
    with mitmproxy_context() as context:
        console.bind(context.master)


# --- the signal ------------------------------------------------------------------------------------------------------


class Mitmdump:
    """mitmdump's master with the switch on SIGHUP; counts how often it is thrown."""

    def __init__(self) -> None:
        self.master = DumpMaster(Options(), asyncio.get_running_loop(), with_termlog=False, with_dumper=False)
        self.thrown = 0
        self.toggle = hangup_signal.Toggle(self.master, self._throw)

    def _throw(self) -> None:
        self.thrown += 1

    async def __aenter__(self) -> Mitmdump:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.toggle.close()
        self.toggle.close()
        await self.master.done()

    async def state(self) -> tuple[bool, int]:
        """Return whether mitmdump is to end, and how often the switch was thrown."""
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return self.master.should_exit.is_set(), self.thrown


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """A terminal that is there while the list says so, and a signal that nobody ignores: these tests may."""
    state = [True]
    monkeypatch.setattr(hangup_signal, "_is_terminal_there", lambda: state[0])
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield state
    signal.signal(signal.SIGHUP, before)


def hangups(count: int = 1) -> tuple[bool, int]:
    """Send this process SIGHUP; return whether mitmdump is to end, and how often the switch was thrown."""

    async def run() -> tuple[bool, int]:
        async with Mitmdump() as running:
            for _ in range(count):
                os.kill(os.getpid(), signal.SIGHUP)
                await running.state()
            return await running.state()

    before = signal.getsignal(signal.SIGHUP)
    state = asyncio.run(run())
    assert signal.getsignal(signal.SIGHUP) == before, "the signal is given back"
    return state


def test_sighup_toggles(terminal: list[bool]) -> None:
    assert hangups(3) == (False, 3)


def test_a_daemon_without_a_terminal_toggles_too(terminal: list[bool]) -> None:
    terminal[0] = False
    assert hangups() == (False, 1)


def test_a_terminal_that_closes_ends_mitmdump(terminal: list[bool]) -> None:
    async def run() -> None:
        async with Mitmdump() as running:
            terminal[0] = False
            running.toggle.received()
            assert await running.state() == (True, 0)

    asyncio.run(run())


def test_under_nohup_a_terminal_that_closes_does_nothing(terminal: list[bool]) -> None:
    async def run() -> None:
        async with Mitmdump() as running:
            terminal[0] = False
            running.toggle.received()
            assert await running.state() == (False, 0)
            running.toggle.received()
            assert await running.state() == (False, 1), "what comes later is meant for the switch"

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        asyncio.run(run())
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


async def begun_and_ended() -> None:
    async with Mitmdump():
        pass


def test_front_ends_with_an_interface_keep_their_signal(terminal: list[bool]) -> None:
    before = signal.getsignal(signal.SIGHUP)
    with mitmproxy_context() as context:
        hangup_signal.Toggle(context.master, lambda: None).close()
    assert signal.getsignal(signal.SIGHUP) == before


def test_a_system_without_the_signal_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGHUP")

    asyncio.run(begun_and_ended())


def test_a_loop_that_takes_no_signals_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        def refuse(*_: object) -> None:
            raise NotImplementedError

        monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", refuse)
        await begun_and_ended()

    asyncio.run(run())


def test_the_signal_throws_the_same_switch() -> None:
    with injecting() as running:
        running.addon.toggle_injection()
        assert running.context.options.cors_inject is False
        assert not injects(running)
        running.addon.toggle_injection()
        assert injects(running)


# --- the watching task -----------------------------------------------------------------------------------------------


def test_the_task_looks_at_the_file_and_ends_with_the_addon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cors_addon.mitm.addon._LOOK_EVERY", 0)
    looks: list[None] = []
    monkeypatch.setattr(CorsAddon, "_tick", lambda self: looks.append(None))
    addon = CorsAddon()
    with mitmproxy_context() as context:

        async def run() -> None:
            context.master.addons.add(addon)
            addon.running()
            while len(looks) < 3:
                await asyncio.sleep(0)
            addon.done()
            assert addon._watcher is not None
            with pytest.raises(asyncio.CancelledError):
                await addon._watcher

        context.master.event_loop.run_until_complete(run())


def test_the_task_outlives_a_fault_of_ours(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("cors_addon.mitm.addon._LOOK_EVERY", 0)
    looks: list[None] = []

    def broken(self: CorsAddon) -> None:
        looks.append(None)
        raise KeyError("ours")

    monkeypatch.setattr(CorsAddon, "_tick", broken)
    with injecting() as running:

        async def run() -> None:
            while len(looks) < 3:
                await asyncio.sleep(0)

        running.context.master.event_loop.run_until_complete(run())
    faults = [line for line in logged(caplog) if "fault of its own in watch" in line]
    assert len(faults) == 1, "told once"


def test_a_flow_of_the_switchs_other_state_is_not_called_changed() -> None:
    with injecting() as running:
        subject: http.HTTPFlow = make_flow("Origin: http://app.test")
        running.hook("requestheaders", subject)
        running.command("cors.inject", "off")
        subject.response = make_response(200)
        running.hook("responseheaders", subject)
        running.hook("response", subject)
        assert "cors.rule" not in subject.metadata
        assert subject.marked == ":x:"
