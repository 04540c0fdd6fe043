"""A real mitmdump between the browser and the origin server, with the addon under test in it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.browser.server import Server

HERE = Path(__file__).resolve().parent
ADDON = HERE.parents[1] / "cors_addon" / "addon.py"
STOP_SECONDS = 120
LAST_WORDS = 4000  # characters


class ProxyError(Exception):
    """mitmdump did not start or did not end well; the text ends with what it printed."""


class Proxy:
    """mitmdump from `__enter__` to `__exit__`; afterwards `report` is there if the addon wrote one.

    `server` answers for the hosts `*.test` and for loopback; None leaves every connection alone. `addon` is the script
    under test, None runs the proxy without it. `options` are `--set` values, and win over the ones here. Without
    `folder`, everything lives in a temporary folder that is gone after `__exit__`, the report and the flows too. More
    `scripts` are loaded last.
    """

    def __init__(
        self,
        server: Server | None,
        addon: Path | None = ADDON,
        options: Sequence[str] = (),
        folder: Path | None = None,
        scripts: Sequence[Path] = (),
    ) -> None:
        self._keep = contextlib.ExitStack()
        self._is_temporary = folder is None
        self.folder = folder or Path(self._keep.enter_context(tempfile.TemporaryDirectory(prefix="browser-proxy-")))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.server = server
        self.addon = addon
        self.options = list(options)
        self.scripts = list(scripts)
        self.port = 0
        self._control = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def certificate(self) -> Path:
        return self.folder / "conf" / "mitmproxy-ca-cert.pem"

    @property
    def flows(self) -> Path:
        return self.folder / "flows.mitm"

    @property
    def report(self) -> Path:
        return self.folder / "report.json"

    @property
    def output(self) -> str:
        log = self.folder / "mitmdump.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def command_line(self, told: int, test: int, dead: int) -> list[str]:
        options = [
            "connection_strategy=lazy",
            f"confdir={self.folder / 'conf'}",
            f"steer_flows={self.flows}",
            f"steer_report_to={told}",
            f"steer_test={test}",
            f"steer_folder={self.folder if self._is_temporary else ''}",
            f"steer_dead={dead}",
            "termlog_verbosity=warn",  # else every connection has its lines
        ]
        if self.server is not None:
            options += [f"steer_http={self.server.http_port}", f"steer_https={self.server.https_port}", "ssl_insecure"]
        scripts = [str(HERE / "steer.py"), *map(str, self.scripts)]
        if self.addon is not None:
            scripts.insert(0, str(self.addon))
            options.append(f"cors_report={self.report}")
        line = [str(Path(sys.executable).with_name("mitmdump")), "--listen-host", "127.0.0.1", "-p", "0"]
        line += ["--flow-detail", "0"]
        for script in scripts:
            line += ["-s", script]
        given = {option.partition("=")[0] for option in self.options}
        for option in [*(one for one in options if one.partition("=")[0] not in given), *self.options]:
            line += ["--set", option]
        return line

    def __enter__(self) -> Proxy:
        told, tell = os.pipe()
        # Never written to: its other end closes when this process ends, however it does.
        test, lives = os.pipe()
        self._keep.callback(os.close, lives)
        dead = self._keep.enter_context(socket.socket())
        dead.bind(("127.0.0.1", 0))  # bound and never listening: every connection is refused
        with open(self.folder / "mitmdump.log", "wb") as log:
            self._process = subprocess.Popen(
                self.command_line(tell, test, dead.getsockname()[1]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(tell, test),
            )
        os.close(tell)
        os.close(test)
        with os.fdopen(told) as answer:
            ports = answer.read()
        if not ports:
            self._process.wait(STOP_SECONDS)
            raise ProxyError(f"mitmdump ended with exit status {self._process.returncode}:\n{self.output}")
        self.port, self._control = json.loads(ports)["proxy"], json.loads(ports)["control"]
        return self

    def command(self, name: str, *arguments: str, seconds: float = 60) -> object:
        """Run a mitmproxy command in the proxy, `cors.inject on` for one, and give back its plain result.

        Raises ProxyError with mitmproxy's text where the command fails.
        """
        with socket.create_connection(("127.0.0.1", self._control), seconds) as line:
            line.sendall(json.dumps([name, *arguments]).encode() + b"\n")
            with line.makefile() as reader:
                answer = json.loads(reader.readline())
        if "error" in answer:
            raise ProxyError(f"{name}: {answer['error']}")
        return answer["result"]

    def set_option(self, spec: str) -> None:
        self.command("steer.options.set", spec)

    def stop(self) -> int:
        """End mitmdump as a user would, so that reports are written; its exit status. May be called twice."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise ProxyError(f"mitmdump did not end within {STOP_SECONDS} s of being asked:\n{self.output}") from None

    def wait(self) -> int:
        """Wait for its end and return its exit status."""
        assert self._process is not None
        return self._process.wait(STOP_SECONDS)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.stop()
            if error is not None:
                error.add_note(f"What mitmdump printed last:\n{self.output[-LAST_WORDS:]}")
        finally:
            self._keep.close()
