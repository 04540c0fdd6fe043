"""Starts Chromium and its relatives, and listens to them over the DevTools protocol on a pipe.

The client attaches to every target that appears: pages, frames in processes of their own, workers. No port is opened,
so no page and no other program can speak the protocol. https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Final

from .chromium_events import ChromiumEvents, Message
from .find import Program
from .process import BrowserProcess, StartError
from .requests import Changed

_PATIENCE: Final = 60.0
_TARGETS: Final = frozenset({"page", "iframe", "worker", "shared_worker", "service_worker"})
"""Chromium has targets of its own besides, with hundreds of requests."""

_STACK_DEPTH: Final = 8
"""How many steps a call site is followed back over promises and timers, out of a library to the page's own source."""

_ALL_TARGETS: Final[Message] = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}
_CONSOLE_LINES: Final = 200
"""The page's objects in so many console lines are kept for the protocol before they are let go."""

_OF_ITS_OWN: Final = (
    "update.googleapis.com",
    "content-autofill.googleapis.com",
    "optimizationguide-pa.googleapis.com",
    "safebrowsing.googleapis.com",
    "safebrowsingohttpgateway.googleapis.com",
    "clients2.google.com",
    "edgedl.me.gvt1.com",
)
"""Hosts that no page calls, and the browser now and then whatever its flags say: it goes there by no proxy, in vain."""

FLAGS: Final = (
    "--remote-debugging-pipe",
    # Else a bar on each window complains of flags.
    "--test-type",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-default-apps",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-domain-reliability",
    "--disable-component-extensions-with-background-pages",
    "--disable-client-side-phishing-detection",
    "--metrics-recording-only",
    "--no-service-autorun",
    "--allow-browser-signin=false",
    "--disable-quic",
    "--disable-search-engine-choice-screen",
    "--disable-breakpad",
    "--password-store=basic",
    "--use-mock-keychain",
    "--proxy-bypass-list=<-loopback>;" + ";".join(_OF_ITS_OWN),
    "--host-resolver-rules=" + ",".join(f"MAP {host} ~NOTFOUND" for host in _OF_ITS_OWN),
    # A proxy accepts https for any host, so an upgrade of an http page would end in the proxy's error page. All that
    # comes by a proxy on this machine counts as this machine's, so that a page would have to ask for permission.
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,HttpsFirstBalancedMode,"
    "LocalNetworkAccessChecks,NetworkTimeServiceQuerying,OptimizationHints,MediaRouter,Translate,GlobalMediaControls,"
    "AutofillServerCommunication",
)


def key_hash(certificate: Path) -> str:
    """Return the Base64 of the SHA-256 of a PEM certificate's SubjectPublicKeyInfo, by which Chromium trusts it."""
    # Many sessions start no browser.
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(info).digest()).decode()


class Chromium:
    """A running Chromium. ``version`` is its name and major version, as in "Chromium 156"."""

    channel_port: int | None = None

    def __init__(self, process: BrowserProcess, title: str, changed: Changed | None) -> None:
        self.process = process
        self.version = title
        self._title = title
        self._events = None if changed is None else ChromiumEvents(changed)
        self._sessions: dict[str, str] = {}
        self._console: dict[str, int] = {}
        self._listens: dict[str, asyncio.Future[Message]] = {}
        self._is_used = False
        self._next = 0
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._reader = asyncio.get_running_loop().create_task(self._read(), name="cors-addon listens to a browser")

    @classmethod
    async def start(
        cls, program: Program, proxy: str, certificate: Path, headless: bool, changed: Changed | None
    ) -> "Chromium":
        """Start the browser behind ``proxy`` (``host:port``); with ``changed``, listen to it. Raises ``StartError``."""
        flags = [
            *FLAGS,
            "--user-data-dir={profile}",
            f"--proxy-server=http://{proxy}",
            f"--ignore-certificate-errors-spki-list={key_hash(certificate)}",
        ]
        if headless:
            flags.append("--headless")
        if getattr(os, "geteuid", lambda: 1)() == 0:
            flags.append("--no-sandbox")
        command = [*program.command, *flags, "about:blank"]
        process = await BrowserProcess.start(program.title, command, {}, program.profiles, True)
        browser = cls(process, program.title, changed)
        try:
            product = str((await browser.call("Browser.getVersion"))["product"])
            browser.version = f"{program.title} {product.rpartition('/')[2].partition('.')[0]}"
            if changed is not None:
                await browser.call("Target.setAutoAttach", **_ALL_TARGETS)
        except BaseException as error:
            browser.close()
            if isinstance(error, StartError):
                raise await process.failure(error) from error
            raise
        return browser

    async def open(self, url: str) -> None:
        """Open a URL: in the tab that the browser began with, then in new ones. Raises ``StartError``."""
        targets = [] if self._is_used else (await self.call("Target.getTargets"))["targetInfos"]
        self._is_used = True
        blank = next((each for each in targets if each["type"] == "page" and each["url"] == "about:blank"), None)
        tab = (blank or await self.call("Target.createTarget", url="about:blank"))["targetId"]
        session = self._sessions.get(tab)
        if session is None:
            session = str((await self.call("Target.attachToTarget", targetId=tab, flatten=True))["sessionId"])
        if listens := self._listens.get(session):
            # Else a page in a process of its own asks before that process hears that it is listened to.
            await asyncio.wait([listens], timeout=_PATIENCE)
        # A page that does not load says so itself.
        self._send("Page.navigate", session, url=url)

    async def ended(self) -> str:
        """Wait until the browser has ended; return the end of what it printed."""
        printed = await self.process.ended()
        self._give_up()
        return printed

    def close(self) -> None:
        """End the browser, without waiting for it."""
        self.process.close()
        self._reader.cancel()
        self._give_up()

    # --- the protocol -----------------------------------------------------------------------------------------

    def _send(self, method: str, session: str | None = None, **params: Any) -> int:
        self._next += 1
        message: Message = {"id": self._next, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        self.process.write(json.dumps(message).encode() + b"\0")
        return self._next

    async def call(self, method: str, session: str | None = None, **params: Any) -> Message:
        """Send a command and return its result. Raises ``StartError`` where the browser has ended or refuses it."""
        number = self._send(method, session, **params)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            message = await asyncio.wait_for(answer, _PATIENCE)
        except TimeoutError as error:
            raise StartError(f"{self._title} does not answer") from error
        finally:
            self._waiting.pop(number, None)
        if "error" in message:
            raise StartError(f"{self._title} refuses {method}: {message['error'].get('message')}")
        result: Message = message["result"]
        return result

    async def _read(self) -> None:
        rest: list[bytes] = []
        while data := await self.process.read():
            *whole, last = data.split(b"\0")
            if whole:
                whole[0] = b"".join([*rest, whole[0]])
                rest.clear()
            rest.append(last)
            for text in whole:
                message = json.loads(text)
                # What one message holds must not end the listening to all others.
                with contextlib.suppress(LookupError, TypeError, ValueError, AttributeError):
                    self._take(message)
        self._give_up()

    def _give_up(self) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(StartError(f"{self._title} has ended"))
                answer.exception()

    def _take(self, message: Message) -> None:
        if "id" in message:
            answer = self._waiting.pop(message["id"], None)
            if answer is not None and not answer.done():
                answer.set_result(message)
            return
        method, params = message["method"], message["params"]
        session = message.get("sessionId", "")
        match method:
            case "Target.attachedToTarget":
                self._attached(params["sessionId"], params["targetInfo"])
            case "Target.detachedFromTarget":
                self._detached(params["sessionId"])
            case "Inspector.targetReloadedAfterCrash" if session in self._listens:
                # What was not answered before the crash is forgotten.
                self._listen(session)
            case "Runtime.consoleAPICalled":
                self._let_go(session)
            case _:
                if self._events is not None:
                    self._events.event(method, params, session)

    def _attached(self, session: str, target: Message) -> None:
        ours = target["type"] in _TARGETS and not target["url"].startswith(("chrome", "devtools"))
        # A service worker is attached to twice, for the browser and for its page.
        if ours and target["targetId"] not in self._sessions:
            self._sessions[target["targetId"]] = session
            self._listen(session)
        self._send("Runtime.runIfWaitingForDebugger", session)

    def _listen(self, session: str) -> None:
        """Have a target tell what happens in it; ``_listens`` says when it does."""
        for domain in ("Network", "Audits", "Log", "Runtime"):
            self._send(f"{domain}.enable", session)
        self._send("Target.setAutoAttach", session, **_ALL_TARGETS)
        number = self._send("Runtime.setAsyncCallStackDepth", session, maxDepth=_STACK_DEPTH)
        self._listens[session] = listens = self._waiting[number] = asyncio.get_running_loop().create_future()
        listens.add_done_callback(lambda _: self._waiting.pop(number, None))

    def _detached(self, session: str) -> None:
        self._console.pop(session, None)
        if listens := self._listens.pop(session, None):
            listens.cancel()
        for target, each in [*self._sessions.items()]:
            if each == session:
                del self._sessions[target]
                if self._events is not None:
                    self._events.gone(session)

    def _let_go(self, session: str) -> None:
        self._console[session] = self._console.get(session, 0) + 1
        if self._console[session] >= _CONSOLE_LINES:
            self._console[session] = 0
            self._send("Runtime.releaseObjectGroup", session, objectGroup="console")
