"""A real mitmproxy whose own options, modes and users change flows around the addon."""

from __future__ import annotations

import json
import socket
import struct
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.mitm.client import fetch, request_head
from tests.mitm.origin import SECONDS, Origin, http_answer
from tests.mitm.process import Mitmproxy, free_port, listening

pytestmark = pytest.mark.proxy

ALLOW = "Access-Control-Allow-Origin: *"


def flows_by_url(report: Path) -> dict[str, Any]:
    return {flow["url"]: flow for flow in json.loads(report.read_text())["flows"]}


def test_what_mitmproxys_own_options_do_to_a_flow_is_what_the_browser_gets(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    page = tmp_path / "mapped.json"
    page.write_text("{}")
    options = [
        f"cors_report={report}",
        "modify_headers=/~u added & ~s/Access-Control-Allow-Origin/*",
        "modify_headers=/~u renamed & ~q/Origin/http:\\x2f\\x2fsomebody.test",
        "map_remote=|http://shop.test/|http://127.0.0.1:{port}/",
        f"map_local=|http://files.test/x|{page}",
    ]
    with Origin({"/added": http_answer(), "/renamed": http_answer(ALLOW), "/far": http_answer()}) as origin:
        options = [option.replace("{port}", str(origin.port)) for option in options]
        base = f"http://127.0.0.1:{origin.port}"
        with Mitmproxy(tmp_path, *listening(), options=options) as proxy:
            assert b"Access-Control-Allow-Origin: *" in fetch(proxy.port, "GET", f"{base}/added")
            fetch(proxy.port, "GET", f"{base}/renamed")
            assert fetch(proxy.port, "GET", "http://shop.test/far").startswith(b"HTTP/1.1 200")
            assert fetch(proxy.port, "GET", "http://files.test/x").endswith(b"{}")
            assert proxy.stop() == 0
    flows = flows_by_url(report)
    assert flows[f"{base}/added"]["outcome"] == "allowed"
    assert flows[f"{base}/renamed"]["origin"] == "http://app.test", "what the browser sent, and compares with"
    assert flows["http://shop.test/far"]["outcome"] == "blocked", "and it is named by the browser's own URL"
    assert flows["http://files.test/x"]["outcome"] == "blocked", "a file has no headers for other origins"


def test_socks_and_reverse_mode_beside_each_other(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with Origin({"/socks": http_answer(), "/reverse": http_answer()}) as origin:
        modes = ("socks5@127.0.0.1:0", f"reverse:http://127.0.0.1:{origin.port}@127.0.0.1:{free_port()}")
        with Mitmproxy(tmp_path, *listening(*modes), options=[f"cors_report={report}"]) as proxy:
            socks = int(proxy.wait_for(r"SOCKS.* listening at 127\.0\.0\.1:(\d+)")[1])
            reverse = int(proxy.wait_for(r"(?i)reverse proxy.* listening at 127\.0\.0\.1:(\d+)")[1])
            with socket.create_connection(("127.0.0.1", socks), SECONDS) as connection:
                connection.sendall(b"\x05\x01\x00")
                assert connection.recv(2) == b"\x05\x00"
                address = socket.inet_aton("127.0.0.1") + struct.pack("!H", origin.port)
                connection.sendall(b"\x05\x01\x00\x01" + address)
                assert connection.recv(10)[:2] == b"\x05\x00"
                head = request_head("GET", "http://api.test/socks", "Connection: close")
                connection.sendall(head.replace(b"http://api.test/socks", b"/socks"))
                assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            fetch(reverse, "GET", "/reverse", host=f"devbox:{reverse}")
            fetch(reverse, "GET", "/reverse", host=f"devbox:{reverse}", origin=f"http://devbox:{reverse}")
            assert proxy.stop() == 0
    urls = [flow["url"] for flow in json.loads(report.read_text())["flows"]]
    assert urls == ["http://api.test/socks", f"http://127.0.0.1:{reverse}/reverse"], (
        "a page's own request is no finding"
    )


class Web:
    """mitmweb's own API, as its page uses it."""

    def __init__(self, port: int, token: str | None) -> None:
        self._base = f"http://127.0.0.1:{port}"
        xsrf = "00" * 16
        self._headers = {
            "Cookie": f"_mitmproxy_xsrf={xsrf}; _xsrf={xsrf}",
            "X-XSRFToken": xsrf,
            "Content-Type": "application/json",
        }
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, body: object = None) -> bytes:
        data = None if method == "GET" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self._base + path, data, self._headers, method=method)
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            content: bytes = answer.read()
            return content

    def flow_when(self, key: str, value: object) -> dict[str, Any]:
        """Return the only flow once one of its fields has a value."""
        while True:
            for flow in json.loads(self.call("GET", "/flows")):
                if flow[key] == value:
                    found: dict[str, Any] = flow
                    return found


def test_a_response_that_the_user_mends_in_mitmweb_while_it_is_held_back(tmp_path: Path) -> None:
    """mitmweb does not tell addons of an edit, and no hook follows."""
    report = tmp_path / "report.json"
    port = free_port()
    options = [
        *("web_open_browser=false", f"web_port={port}", "web_host=127.0.0.1"),
        *("intercept=~s & ~u /held", f"cors_report={report}"),
    ]
    answers: list[bytes] = []
    with (
        Origin({"/held": http_answer()}) as origin,
        Mitmproxy(tmp_path, *listening(), tool="mitmweb", options=options) as proxy,
    ):
        token = proxy.wait_for(r"Web server listening at http://[^?]*(?:\?token=(.*))?$")[1]
        url = f"http://127.0.0.1:{origin.port}/held"
        browser = threading.Thread(target=lambda: answers.append(fetch(proxy.port, "GET", url)), daemon=True)
        browser.start()
        web = Web(port, token)
        # It is judged a few milliseconds after it is held back.
        held = web.flow_when("intercepted", True)
        while not held["comment"]:
            held = web.flow_when("intercepted", True)
        assert held["comment"].endswith("[allow-origin-missing]")
        headers = [*held["response"]["headers"], ["Access-Control-Allow-Origin", "*"]]
        web.call("PUT", f"/flows/{held['id']}", {"response": {"headers": headers}})
        web.call("POST", f"/flows/{held['id']}/resume")
        browser.join(SECONDS)
        assert ALLOW.encode() in answers[0]
        shown = web.flow_when("comment", "")
        assert (shown["id"], shown["marked"]) == (held["id"], "")
        assert proxy.stop() == 0
    assert flows_by_url(report)[url]["outcome"] == "allowed"
