"""``cors.probe`` with real proxies and servers: what it sends, what it never sends, and what it leaves behind."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from mitmproxy import command, exceptions, flow, http
from mitmproxy.io import FlowReader

from cors_addon.capture.check import Task, check
from cors_addon.diagnosis.probe_questions import guises
from cors_addon.fetch.origins import origin_of
from cors_addon.mitm import flows
from cors_addon.mitm.probe import MOST, disguised, is_listed, rebuilt, told
from cors_addon.rules.decode import read_rules
from cors_addon.rules.model import RuleSet
from tests.fetch.table import table
from tests.mitm.client import fetch, request_head
from tests.mitm.process import Mitmproxy, free_port, listening
from tests.mitm.support import APP, Proxy, cors_get, logged, make_flow, proxy
from tests.mitm.test_real_others import Web

GUISES = [
    "https://cors-probe.example",
    "null",
    "http://localhost",
    "http://app.test:8444",
    "http://cors-probe.app.test",
    "http://app.test.cors-probe.example",
    "http://cors-probe-app.test",
    "http://app.test_.cors-probe.example",
]
RULES = """
version: 1
rules:
  - name: development
    enabled: false
    hosts: ["127.0.0.1:{port}"]
    allow_origins: ["http://app.test"]
"""
# Calls the command as a front end does, for those flows whose URL says so, once they are over.
DRIVER = """
import asyncio, logging
from mitmproxy import ctx

class Driver:
    name = "driver"
    def response(self, flow):
        if flow.is_replay is None and flow.request.path.endswith("?probe"):
            asyncio.get_running_loop().call_soon(self.go, flow)
    def go(self, flow):
        if flow.live:
            asyncio.get_running_loop().call_later(0.01, self.go, flow)
            return
        try:
            logging.warning("said: %s", ctx.master.commands.call("cors.probe", [flow]))
        except Exception as exc:
            logging.warning("refused: %s", exc)

addons = [Driver()]
"""


class Asked:
    """A server that allows whomever ``trusts`` says, and remembers what it was asked; it may redirect everybody."""

    def __init__(
        self, trusts: Mapping[str, bool] | None = None, leads_to: str = "", at: tuple[str, int] = ("127.0.0.1", 0)
    ) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        asked = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked.requests.append((self.command, self.path, headers))
                origin = headers.get("origin", "")
                self.send_response(302 if leads_to else 204 if self.command == "OPTIONS" else 200)
                if leads_to:
                    self.send_header("Location", leads_to)
                if trusts is None or trusts.get(origin):
                    self.send_header("Access-Control-Allow-Origin", origin)
                    self.send_header("Access-Control-Allow-Credentials", "true")
                    self.send_header("Vary", "Origin")
                if self.command != "OPTIONS":
                    self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_HEAD = do_POST = do_OPTIONS = answer

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(at, Handler)
        self.port = self._server.server_address[1]

    def __enter__(self) -> Asked:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def origins(self) -> list[str]:
        return [headers.get("origin", "") for _, _, headers in self.requests]


@contextmanager
def dumping(folder: Path, server: Asked, *options: str) -> Iterator[Mitmproxy]:
    driver, rules = folder / "driver.py", folder / "rules.yaml"
    driver.write_text(DRIVER)
    rules.write_text(RULES.format(port=server.port))
    given = [f"cors_rules={rules}", f"cors_report={folder / 'report.json'}", *options]
    arguments = [*listening(), "-s", str(driver), "-w", str(folder / "flows.mitm")]
    with Mitmproxy(folder, *arguments, options=given) as running:
        yield running


def saved(folder: Path) -> list[http.HTTPFlow]:
    with (folder / "flows.mitm").open("rb") as file:
        return [flow for flow in FlowReader(file).stream() if isinstance(flow, http.HTTPFlow)]


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


@pytest.mark.proxy
def test_a_server_that_trusts_null_and_a_prefix(tmp_path: Path) -> None:
    trusted = dict.fromkeys((APP, "null", "http://app.test.cors-probe.example"), True)
    with Asked(trusted) as server, dumping(tmp_path, server) as running:
        lines = ("Cookie: a=b", "If-None-Match: x", "Sec-Fetch-Site: same-origin", f"Referer: {APP}/page")
        fetch(running.port, "GET", f"http://127.0.0.1:{server.port}/me?probe", *lines)
        running.wait_for("said: cors.probe asks 1 of these again in made-up names, with their own credentials")
        running.wait_for("not allowed: other-site, localhost, port, subdomain, suffix, look-alike")
        assert running.stop() == 0
    # What was asked: the same, with the same credentials, in other names, and nothing beside it.
    assert server.origins == [APP, *GUISES]
    for method, path, headers in server.requests[1:]:
        assert (method, path, headers["cookie"]) == ("GET", "/me?probe", "a=b")
        assert headers["cache-control"] == "no-store"
        assert "if-none-match" not in headers
        assert headers["sec-fetch-site"] == "cross-site"
        assert headers.get("referer") == (None if headers["origin"] == "null" else f"{headers['origin']}/")
    # What was found: on the flows, in the report, and in words.
    output = running.output
    assert "was asked in 8 made-up names; the server allowed 2 of them" in output
    assert "asked as null, answered Access-Control-Allow-Origin: null, Access-Control-Allow-Credentials: true" in output
    saved_flows = saved(tmp_path)
    assert [each.metadata.get("cors.probe") for each in saved_flows] == [
        None, "other-site", "null", "localhost", "port", "subdomain", "prefix", "suffix", "look-alike",
    ]  # fmt: skip
    for each in saved_flows[1:]:
        assert each.comment.startswith(f"CORS: asked as {each.request.headers['Origin']} (")
        assert each.marked in (":mag:", ":bulb:")
        assert each.is_replay == "request"
    by_id = report(tmp_path)
    found = {flow["origin"]: [each["id"] for each in flow["findings"]] for flow in by_id["flows"]}
    assert found == {
        APP: [],
        "null": ["null-origin-with-credentials"],
        "http://app.test.cors-probe.example": ["origin-pattern-too-loose"],
    }
    (host,) = by_id["hosts"]
    assert [(each["kind"], each["trust"]) for each in host["probed"] if each["trust"] != "no"] == [
        ("null", "with credentials"),
        ("prefix", "with credentials"),
    ]
    # Nothing of it counts as traffic of a browser, now or when it is read again.
    assert by_id["summary"]["flows"] == by_id["summary"]["outcomes"]["allowed"] == 1
    assert [each["origin"] for each in host["origins"]] == [APP]
    again = check([str(tmp_path / "flows.mitm")], Task())
    assert [flow["origin"] for flow in again.flows] == [APP]


@pytest.mark.proxy
def test_a_server_that_trusts_everybody_is_told_so_once(tmp_path: Path) -> None:
    with Asked() as server, dumping(tmp_path, server) as running:
        url = f"http://127.0.0.1:{server.port}/me?probe"
        fetch(running.port, "OPTIONS", url, "Access-Control-Request-Method: DELETE")
        running.wait_for("was asked in 8 made-up names; the server allowed 8 of them")
        assert running.stop() == 0
    assert {(method, headers["access-control-request-method"]) for method, _, headers in server.requests} == {
        ("OPTIONS", "DELETE")
    }
    found = {flow["origin"]: [each["id"] for each in flow["findings"]] for flow in report(tmp_path)["flows"]}
    del found[APP]
    assert found == {
        "https://cors-probe.example": ["origin-echoed-with-credentials"],
        "null": ["null-origin-with-credentials"],
    }


# what it is, what is said, the method, whether a rule names the host, further header lines
NEVER_ASKED: tuple[tuple[str, str, str, bool, tuple[str, ...]], ...] = (
    (
        "a method that changes something",
        "refused: .*GET, HEAD and preflights only; choose its preflight",
        "POST",
        True,
        (),
    ),
    ("OPTIONS that is no preflight", "refused: .*is no preflight", "OPTIONS", True, ()),
    ("a host that no rule names", "refused: .*is in no rule's hosts", "GET", False, ()),
    (
        "a listed host by its Host header only",
        "refused: .*127.0.0.1 is in no rule's hosts",
        "GET",
        False,
        ("Host: x.test",),
    ),
)


@pytest.mark.proxy
def test_what_is_never_asked(tmp_path: Path) -> None:
    with Asked() as server, Asked() as other, dumping(tmp_path, server) as running:
        for _, says, method, listed, lines in NEVER_ASKED:
            port, before = server.port if listed else other.port, len(running.lines)
            fetch(running.port, method, f"http://127.0.0.1:{port}/me?probe", *lines)
            running.wait_for(says, before)
        assert running.stop() == 0
    assert [method for method, _, _ in server.requests] == ["POST", "OPTIONS"], "the page's own and no more"
    assert [method for method, _, _ in other.requests] == ["GET", "GET"]


@pytest.mark.proxy
def test_it_follows_no_redirect(tmp_path: Path) -> None:
    with (
        Asked() as other,
        Asked(leads_to=f"//127.0.0.1:{other.port}/latest/meta-data") as server,
        dumping(tmp_path, server) as running,
    ):
        lines = ("Cookie: session=1", "Authorization: Bearer abc")
        fetch(running.port, "GET", f"http://127.0.0.1:{server.port}/me?probe", *lines)
        running.wait_for("was asked in 8 made-up names")
        assert running.stop() == 0
    assert other.requests == []
    assert {path for _, path, _ in server.requests} == {"/me?probe"}


@pytest.mark.proxy
def test_nothing_sends_it_elsewhere(tmp_path: Path) -> None:
    with Asked() as server, Asked() as other:
        driver = f"map_remote=/~replayq/127.0.0.1:{server.port}/127.0.0.1:{other.port}"
        with dumping(tmp_path, server, driver) as running:
            fetch(running.port, "GET", f"http://127.0.0.1:{server.port}/me?probe")
            running.wait_for("it gave no answer: .*cors.probe asks the hosts of the rule file only")
            assert running.stop() == 0
    assert other.requests == []
    assert server.origins == [APP]


REBINDING = """
import socket

asked, real = [], socket.getaddrinfo

def rebound(host, port, *args, **named):
    if host not in ("rebind.test", b"rebind.test"):
        return real(host, port, *args, **named)
    asked.append(host)
    return real("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port, *args, **named)

socket.getaddrinfo = rebound
"""


@pytest.mark.proxy
def test_a_name_that_leads_elsewhere_by_now_sends_it_nowhere_else(tmp_path: Path) -> None:
    """Credentials go where the page's own request went: a name may be made to lead to a router or a cloud's own."""
    driver, rebinding, rules = tmp_path / "driver.py", tmp_path / "rebinding.py", tmp_path / "rules.yaml"
    driver.write_text(DRIVER)
    rebinding.write_text(REBINDING)
    with Asked() as server, Asked(at=("127.0.0.2", server.port)) as other:
        rules.write_text(RULES.format(port=server.port).replace("127.0.0.1", "rebind.test"))
        arguments = [*listening(), "-s", str(driver), "-s", str(rebinding)]
        with Mitmproxy(tmp_path, *arguments, options=[f"cors_rules={rules}"]) as running:
            fetch(running.port, "GET", f"http://rebind.test:{server.port}/me?probe", "Cookie: session=1")
            running.wait_for("was asked in 8 made-up names")
            assert running.stop() == 0
    assert server.origins == [APP, *GUISES]
    assert {headers["host"] for _, _, headers in server.requests} == {f"rebind.test:{server.port}"}
    assert other.requests == []


@pytest.mark.proxy
def test_from_the_command_bar_of_mitmweb(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    port = free_port()
    with Asked() as server:
        rules.write_text(RULES.format(port=server.port))
        options = ["web_open_browser=false", f"web_port={port}", "web_host=127.0.0.1", f"cors_rules={rules}"]
        with Mitmproxy(tmp_path, *listening(), tool="mitmweb", options=options) as running:
            token = running.wait_for(r"Web server listening at http://[^?]*(?:\?token=(.*))?$")[1]
            fetch(running.port, "GET", f"http://127.0.0.1:{server.port}/me", "Cookie: a=b")
            web = Web(port, token)
            said = json.loads(web.call("POST", "/commands/cors.probe", {"arguments": ["@all"]}))
            assert said["value"].startswith("cors.probe asks 1 of these again")
            running.wait_for("made-up names; the server allowed 8 of them")
            flows = json.loads(web.call("GET", "/flows"))
            assert [flow["comment"].startswith("CORS: asked as") for flow in flows] == [False] + [True] * len(GUISES)
            running.stop()


@pytest.mark.proxy
def test_from_the_live_page_where_no_front_end_keeps_flows(tmp_path: Path) -> None:
    with Asked() as server, dumping(tmp_path, server) as running:
        host = f"http://127.0.0.1:{server.port}"
        fetch(running.port, "GET", f"{host}/me", "Cookie: a=b")
        page = fetch(
            running.port,
            "GET",
            "http://cors.addon/",
            "Sec-Fetch-Site: none",
            "Sec-Fetch-Mode: navigate",
            origin="http://cors.addon",
        ).decode()
        token = page.split('data-token="')[1].split('"')[0]
        assert f'name="name" value="{host}"' in page
        body = urlencode({"token": token, "name": host})
        lines = ("Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}")
        with socket.create_connection(("127.0.0.1", running.port), 60) as connection:
            head = request_head("POST", "http://cors.addon/probe", *lines, origin="http://cors.addon")
            connection.sendall(head + body.encode())
            assert connection.recv(65536).startswith(b"HTTP/1.1 303")
        running.wait_for("made-up names; the server allowed 8 of them")
        assert running.stop() == 0
    assert server.origins == [APP, *GUISES]
    assert {headers["cookie"] for _, _, headers in server.requests} == {"a=b"}


# --- without a server ----------------------------------------------------------------------------------------------


def rules(*hosts: str) -> RuleSet:
    listed = ", ".join(f'"{host}"' for host in hosts)
    text = f"version: 1\nrules:\n  - {{name: a, hosts: [{listed}], allow_origins: [{APP}]}}\n"
    found = read_rules(text.encode()).rules
    assert found is not None
    return found


@table(
    "listed, host, port",
    ("by name", True, "api.test", 443),
    ("below a name", True, "x.dev.test", 443),
    ("by port", True, "one.test", 8443),
    ("another port", False, "one.test", 443),
    ("a network", True, "10.0.0.9", 80),
    ("another name", False, "else.test", 443),
    ("an IPv6 address", True, "::1", 80),
    ("nothing", False, "", 443),
)
def test_who_is_listed(listed: bool, host: str, port: int) -> None:
    found = rules("api.test", "*.dev.test", "one.test:8443", "10.0.0.0/8", "[::1]")
    assert is_listed(found, "https", host, port) is listed


def test_a_disguise_takes_nothing_along_but_the_request() -> None:
    subject = make_flow(
        f"Origin: {APP}", "Authorization: Bearer x", "Content-Length: 3", "Range: bytes=0-", url="https://api.test/me"
    )
    subject.request.raw_content = b"abc"
    subject.metadata["cors"], subject.marked, subject.comment = {}, ":x:", "CORS: something"
    page, host = origin_of("https://www.app.test"), origin_of("https://api.app.test")
    assert page is not None
    assert host is not None
    for guise in guises(page):
        made = disguised(subject, guise, host)
        assert made.id != subject.id
        assert made.metadata == {"cors.probe": guise.kind}
        assert (made.marked, made.response, made.request.raw_content) == ("", None, b"")
        assert made.request.headers["Authorization"] == "Bearer x"
        assert made.request.headers["Origin"] == guise.origin
        assert not {"content-length", "range", "sec-fetch-site", "referer"} & {*made.request.headers.keys()}
    assert subject.request.headers["Origin"] == APP


@table(
    "site, kind",
    ("below the host's own site", "same-site", "subdomain"),
    ("over http", "cross-site", "http"),
    ("a stranger", "cross-site", "other-site"),
    ("nobody", "cross-site", "null"),
)
def test_the_site_is_told_as_a_browser_would(site: str, kind: str) -> None:
    page, host = origin_of("https://www.app.test"), origin_of("https://api.app.test")
    assert page is not None
    assert host is not None
    subject = make_flow(f"Origin: {APP}", "Sec-Fetch-Site: same-site", "Referer: https://www.app.test/a?b")
    made = disguised(subject, next(each for each in guises(page) if each.kind == kind), host)
    assert made.request.headers["Sec-Fetch-Site"] == site
    assert "www.app.test/a" not in made.request.headers.get("Referer", "")


def test_a_request_is_rebuilt_from_what_is_remembered() -> None:
    subject = make_flow(
        f"Origin: {APP}", "X-A: 1", "X-A: 2", url="https://api.test:8443/me?a=%20", http_version=b"HTTP/2.0"
    )
    made = rebuilt(flows.exchange_of(subject))
    assert made.request.method == "GET"
    assert made.request.url == "https://api.test:8443/me?a=%20"
    assert made.request.headers.get_all("X-A") == ["1", "2"]
    assert made.request.headers["Host"] == "api.test:8443"
    assert (made.live, made.response) == (False, None)
    assert made.server_conn.peername is None, "it was never connected to"


def test_without_a_flow_there_is_nothing_to_ask() -> None:
    with proxy() as running, pytest.raises(exceptions.CommandError, match="needs a flow"):
        running.context.master.commands.call("cors.probe", [])


def test_a_request_on_its_way_and_one_of_its_own_are_left_alone() -> None:
    with proxy() as running:
        live, own = cors_get(), cors_get(live=False)
        own.metadata["cors.probe"] = "null"
        for subject, says in ((live, "still on its way"), (own, "itself is not asked again")):
            with pytest.raises(exceptions.CommandError, match=says):
                running.context.master.commands.call("cors.probe", [subject])


def test_what_is_told_is_inert() -> None:
    assert [*told("GET", "http://api.test/\x1b[31m", [])] == [
        "CORS: GET http://api.test/\\x1b[31m was asked in 0 made-up names; the server allowed 0 of them"
    ]


class Replay:
    """mitmproxy's client replay, as far as the probe uses it; answers as it is told, or never."""

    def __init__(self, running: Proxy, answer: Callable[[http.HTTPFlow], None] | None = None, waiting: int = 0) -> None:
        self.running = running
        self.answer = answer
        self.waiting = waiting
        self.asked: list[str] = []

    @command.command("replay.client.count")  # type: ignore[untyped-decorator]
    def count(self) -> int:
        return self.waiting

    @command.command("replay.client")  # type: ignore[untyped-decorator]
    def start(self, flows: Sequence[flow.Flow]) -> None:
        for each in flows:
            assert isinstance(each, http.HTTPFlow)
            self.asked.append(each.request.headers["Origin"])
            if self.answer is not None:
                self.answer(each)


@contextmanager
def probing(
    tmp_path: Path, answer: Callable[[http.HTTPFlow], None] | None = None, waiting: int = 0
) -> Iterator[Replay]:
    path = tmp_path / "cors.yaml"
    path.write_text('version: 1\nrules: [{name: a, hosts: [api.test], allow_origins: ["http://app.test"]}]\n')
    with proxy(cors_rules=str(path)) as running:
        replay = Replay(running, answer, waiting)
        running.context.master.addons.add(replay)
        running.addon.probe._pause, running.addon.probe._longest = 0.0, 0.01
        yield replay


def ask(replay: Replay, *subjects: http.HTTPFlow) -> str:
    """Call the command, and wait until it is done."""

    async def asked() -> str:
        said: str = replay.running.context.master.commands.call("cors.probe", list(subjects))
        with pytest.raises(exceptions.CommandError, match="at work"):
            replay.running.context.master.commands.call("cors.probe", list(subjects))
        task = replay.running.addon.probe._task
        assert task is not None
        await task
        return said

    return replay.running.context.master.event_loop.run_until_complete(asked())


def test_a_server_that_does_not_answer_is_asked_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with probing(tmp_path) as replay:
        ask(replay, cors_get(live=False))
        assert replay.asked == GUISES[:1]
        (told,) = replay.running.addon.probe.answers("http://api.test")
        assert (told["trust"], told["status"]) == ("failed", None)
    assert any("it gave no answer: none came within 0.01 seconds" in line for line in logged(caplog))
    assert any("the server allowed 0 of them" in line for line in logged(caplog))


def test_client_replay_that_is_busy_is_not_joined(tmp_path: Path) -> None:
    with probing(tmp_path, waiting=1) as replay, pytest.raises(exceptions.CommandError, match="client replay is busy"):
        replay.running.context.master.commands.call("cors.probe", [cors_get(live=False)])


def test_only_so_many_are_asked_and_each_once(tmp_path: Path) -> None:
    subjects = [cors_get(url=f"http://api.test/{name}", live=False) for name in "aabcdefg"]
    with probing(tmp_path) as replay:
        said = ask(replay, *subjects, make_flow(method="POST", live=False))
        assert said.startswith("cors.probe asks 5 of these again")
        assert "only the first 5 different requests are asked again" in said
        assert "POST http://api.test/items: cors.probe sends GET, HEAD and preflights only" in said
        assert len(replay.asked) == MOST


def test_a_host_that_is_taken_off_the_list_is_asked_no_more(tmp_path: Path) -> None:
    def answer(asking: http.HTTPFlow) -> None:
        asking.response = http.Response.make(200)
        replay.running.addon.probe.arrived(asking)
        replay.running.addon.injection.file.rules = RuleSet(())

    with probing(tmp_path, answer) as replay:
        ask(replay, cors_get(live=False))
        assert replay.asked == GUISES[:1]


def test_what_was_answered_is_forgotten_with_all_else(tmp_path: Path) -> None:
    with probing(tmp_path) as replay:
        ask(replay, cors_get(live=False))
        version = replay.running.addon.probe.version
        replay.running.addon.clear()
        assert replay.running.addon.probe.answers("http://api.test") == []
        assert replay.running.addon.probe.version != version


def test_what_is_ignored_is_not_found(tmp_path: Path) -> None:
    def answer(asking: http.HTTPFlow) -> None:
        origin = asking.request.headers["Origin"]
        headers = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}
        asking.response = http.Response.make(200, b"", headers)
        replay.running.addon.probe.arrived(asking)

    with probing(tmp_path, answer) as replay:
        replay.running.context.options.update(cors_ignore=["origin-echoed-with-credentials"])
        ask(replay, cors_get(live=False))
        assert replay.asked == GUISES
        found = [finding.id for verdict in replay.running.addon.kept.verdicts.values() for finding in verdict.findings]
        assert found == ["allow-origin-missing", "null-origin-with-credentials"]
