"""The process between proxy and browser: whoever ends, nothing is left."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cors_addon.browser.find import Program
from cors_addon.browser.firefox import Firefox
from cors_addon.browser.process import BrowserProcess, StartError
from cors_addon.traffic.classify import BrowserFamily

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for a browser reads descriptors 3 and 4")

# Stands in for a browser: sends back what comes on descriptor 3, each message with its profile before it.
ECHO = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(os.path.join(sys.argv[1], "child"), "w").write(str(child.pid))
while data := os.read(3, 65536):
    os.write(4, sys.argv[1].encode() + b" " + data)
{end}
"""
STAYS = "import time; time.sleep(600)"


async def started(end: str = "", before: str = "", files: dict[str, str] | None = None) -> BrowserProcess:
    command = [sys.executable, "-c", before + ECHO.format(end=end), "{profile}"]
    return await BrowserProcess.start("Test", command, files or {}, "", True)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "\nState:\tZ" not in status.read_text()


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("waited in vain")


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        await asyncio.wait_for(test(), 120)

    asyncio.run(within())


async def child_of(process: BrowserProcess) -> int:
    place = Path(process.profile, "child")
    await until(lambda: place.exists() and place.read_text() != "")
    return int(place.read_text())


def test_messages_go_both_ways_and_the_profile_is_the_users_alone() -> None:
    async def test() -> None:
        process = await started(files={"user.js": "x"})
        profile = Path(process.profile)
        assert stat.S_IMODE(profile.stat().st_mode) == 0o700
        assert (profile / "user.js").read_text() == "x"
        process.write(b"hello\0")
        assert await process.read() == f"{profile} hello\0".encode()
        process.close()
        await process.ended()
        assert not profile.exists()

    run(test)


@pytest.mark.parametrize("end", ["", STAYS], ids=["ends with its pipe", "has to be ended"])
def test_a_closed_browser_leaves_nothing(end: str) -> None:
    async def test() -> None:
        process = await started(end)
        child = await child_of(process)
        process.close()
        await process.ended()
        assert not Path(process.profile).exists()
        await until(lambda: not is_alive(child))

    run(test)


def test_a_browser_that_does_not_end_is_made_to() -> None:
    async def test() -> None:
        process = await started(STAYS, before="import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)")
        child = await child_of(process)
        process.close()
        await process.ended()
        assert not Path(process.profile).exists()
        await until(lambda: not is_alive(child))

    run(test)


def test_a_browser_that_is_killed_leaves_nothing() -> None:
    async def test() -> None:
        process = await started()
        child = await child_of(process)
        os.kill(process._pid, signal.SIGKILL)
        await process.ended()
        assert await process.read() == b""
        assert not Path(process.profile).exists()
        await until(lambda: not is_alive(child))

    run(test)


def test_a_guard_that_is_killed_leaves_nothing() -> None:
    async def test() -> None:
        process = await started(STAYS)
        child = await child_of(process)
        process._guard.kill()
        await process.ended()
        assert not Path(process.profile).exists()
        await until(lambda: not is_alive(child))

    run(test)


def test_a_guard_that_is_killed_leaves_nothing_where_nobody_waits_for_the_browsers_end() -> None:
    async def test() -> None:
        process = await started(STAYS)
        child = await child_of(process)
        process._guard.kill()
        await until(lambda: not Path(process.profile).exists() and not is_alive(child))

    run(test)


def test_a_firefox_whose_guard_is_killed_before_it_can_be_listened_to_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in for Firefox never opens its port."""
    made: list[BrowserProcess] = []
    begin = BrowserProcess._begin

    async def begin_and_kill(process: BrowserProcess) -> None:
        await begin(process)
        made.append(process)
        process._guard.kill()

    monkeypatch.setattr(BrowserProcess, "_begin", begin_and_kill)
    program = Program("Firefox", BrowserFamily.FIREFOX, (sys.executable, "-c", STAYS))

    async def test() -> None:
        with pytest.raises(StartError, match=r"^Firefox did not start: it ended at once\.$"):
            await asyncio.wait_for(Firefox.start(program, "127.0.0.1:8080", Path("unused"), True, None), 60)
        assert not Path(made[0].profile).exists()
        await until(lambda: not is_alive(made[0]._pid))

    run(test)


def test_a_proxy_that_is_killed_leaves_nothing() -> None:
    """A process of its own starts the browser, says where, and is killed with SIGKILL."""
    command = [sys.executable, "-c", ECHO.format(end=STAYS), "{profile}"]
    starter = f"""
import asyncio
from cors_addon.browser.process import BrowserProcess
async def main():
    process = await BrowserProcess.start("Test", {command!r}, {{}}, "", True)
    print(process.profile, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""

    async def test() -> None:
        proxy = await asyncio.create_subprocess_exec(sys.executable, "-c", starter, stdout=asyncio.subprocess.PIPE)
        assert proxy.stdout is not None
        profile = Path((await proxy.stdout.readline()).decode().strip())
        place = profile / "child"
        await until(lambda: place.exists() and place.read_text() != "")
        child = int(place.read_text())
        proxy.kill()
        await proxy.wait()
        await until(lambda: not profile.exists() and not is_alive(child))

    run(test)


def test_a_profile_that_all_were_killed_around_is_removed_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    left, others = tmp_path / "cors-addon-left", tmp_path / "cors-addon-others"
    for folder, owner in ((left, "999999999"), (others, "")):
        folder.mkdir()
        (folder / "cors-addon-guard").write_text(owner)

    async def test() -> None:
        running = await started(STAYS)
        again = await started(STAYS)
        assert not left.exists()
        assert others.exists(), "what names no guard is somebody else's"
        assert Path(running.profile).exists()
        for process in (running, again):
            process.close()
            await process.ended()

    run(test)


def test_a_program_that_does_not_start_is_said() -> None:
    async def test() -> None:
        with pytest.raises(StartError, match=r"^Test did not start: No such file or directory \(/no/such/program\)$"):
            await BrowserProcess.start("Test", ["/no/such/program"], {}, "", True)

    run(test)


def test_a_browser_that_says_more_than_is_read_waits() -> None:
    async def test() -> None:
        flood = "import os\nwhile True: os.write(4, b'x' * 65536)"
        process = await BrowserProcess.start("Test", [sys.executable, "-c", flood], {}, "", True)
        await until(lambda: process._received.qsize() >= 4)
        await asyncio.sleep(0.5)
        assert process._received.qsize() == 4
        assert await process.read()
        process.close()
        await process.ended()
        assert not Path(process.profile).exists()

    run(test)


def test_why_a_browser_does_not_start_is_said() -> None:
    async def test() -> None:
        printed = "[12:34:1129/040502.1:ERROR:ui/ozone/x11.cc:256] Missing X server or $DISPLAY"
        process = await BrowserProcess.start("Test", [sys.executable, "-c", f"print({printed!r})"], {}, "", True)
        while await process.read():
            pass
        assert str(await process.failure(StartError("Test has ended"))) == (
            "Test did not start: Missing X server or $DISPLAY. Add --headless to start it without a window."
        )
        silent = await BrowserProcess.start("Test", [sys.executable, "-c", ""], {}, "", True)
        assert str(await silent.failure(StartError("it ended at once"))) == "Test did not start: it ended at once."

    run(test)


def test_what_a_browser_printed_at_its_end_is_kept() -> None:
    async def test() -> None:
        command = [sys.executable, "-c", "print('no display'); raise SystemExit(1)"]
        process = await BrowserProcess.start("Test", command, {}, "", True)
        assert await process.ended() == "no display\n"

    run(test)
