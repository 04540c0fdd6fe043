"""One browser from its start to its end, with what it says tied to the proxy's flows."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ..traffic.classify import BrowserFamily
from ..traffic.testimony import Testimony
from .chromium import Chromium
from .find import Program
from .firefox import Firefox
from .requests import BrowserRequest
from .testimonies import as_testimony
from .ties import Ties

_TICK: Final = 0.25

Told = Callable[[str, Testimony], None]
NeverSent = Callable[[BrowserRequest, str], None]
Fault = Callable[[Exception], None]
"""Is told an exception of ours, which must not end the listening."""


class ListenedBrowser:
    """A running browser. ``version`` is its name and major version; ``ties`` are ``None`` where nobody listens."""

    def __init__(self, program: Program, told: Told, never_sent: NeverSent, fault: Fault, listen: bool) -> None:
        self.program = program
        self.version = program.title
        self.ties = Ties(self._told, self._never_sent) if listen else None
        self._tell = told
        self._tell_unsent = never_sent
        self._fault = fault
        self._browser: Chromium | Firefox | None = None
        self._ticker: asyncio.Task[None] | None = None

    async def start(self, proxy: str, certificate: Path, headless: bool) -> None:
        """Start it behind ``proxy`` (``host:port``). Raises ``StartError``."""
        kind = Firefox if self.program.family is BrowserFamily.FIREFOX else Chromium
        changed = None if self.ties is None else self._changed
        self._browser = await kind.start(self.program, proxy, certificate, headless, changed)
        self.version = self._browser.version
        if self.ties is not None:
            self._ticker = asyncio.get_running_loop().create_task(self._tick(), name="cors-addon ties a browser's word")

    async def open(self, url: str) -> None:
        """Open a URL in it. Raises ``StartError``."""
        assert self._browser is not None
        await self._browser.open(url)

    async def ended(self) -> str:
        """Wait for its end; return the end of what it printed."""
        assert self._browser is not None
        try:
            return await self._browser.ended()
        finally:
            self._stop()

    def close(self) -> None:
        """End it, without waiting for that."""
        self._stop()
        if self._browser is not None:
            self._browser.close()

    @property
    def channel_port(self) -> int | None:
        """The port on this machine over which it is controlled; a page must not reach it."""
        return None if self._browser is None else self._browser.channel_port

    def _stop(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
            self._settle()

    def _settle(self) -> None:
        """Tell of what waited for more: nothing more comes."""
        assert self.ties is not None
        try:
            self.ties.finish()
        except Exception as exc:
            self._fault(exc)

    async def _tick(self) -> None:
        assert self.ties is not None
        while True:
            await asyncio.sleep(_TICK)
            try:
                self.ties.tick()
            except Exception as exc:
                self._fault(exc)

    def _changed(self, request: BrowserRequest) -> None:
        assert self.ties is not None
        try:
            self.ties.changed(request)
        except Exception as exc:
            self._fault(exc)

    def _told(self, flow_id: str, request: BrowserRequest, under_way: int) -> None:
        self._tell(flow_id, as_testimony(request, self.version, self.program.family, under_way))

    def _never_sent(self, request: BrowserRequest) -> None:
        self._tell_unsent(request, self.version)
