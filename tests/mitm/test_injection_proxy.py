"""Injection in a real mitmdump, over real sockets: every byte, dead servers, streams, HTTP/2, and rules under fire."""

from __future__ import annotations

import contextlib
import itertools
import re
import signal
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import pytest

from cors_addon.rules.decode import read_rules
from tests.browser.proxy import Proxy, ProxyError
from tests.mitm.client import SECONDS, Http2Client, read_until
from tests.mitm.injecting import NAME, rule, written
from tests.mitm.origin import Http2Origin
from tests.mitm.process import Mitmproxy, listening, run
from tests.mitm.support import APP, CHROMIUM

pytestmark = pytest.mark.proxy

ROOT = Path(__file__).resolve().parents[2]


class Raw:
    """An origin server on loopback: keeps each request's bytes, answers with the bytes that ``answer`` gives for it."""

    def __init__(self, answer: Callable[[bytes], Iterator[bytes] | bytes]) -> None:
        self._answer = answer
        self.received: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Raw:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while head := _message(connection):
                self.received.append(head)
                answer = self._answer(head)
                for part in [answer] if isinstance(answer, bytes) else answer:
                    connection.sendall(part)


def _message(connection: socket.socket) -> bytes:
    """Read a head, and the body that its Content-Length promises."""
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        if not more:
            return b""
        received += more
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", received)
    whole = received.index(b"\r\n\r\n") + 4 + (int(length[1]) if length else 0)
    while len(received) < whole:
        received += connection.recv(65536)
    return received


def wire(method: str, target: str, host: str, *lines: str, agent: str = CHROMIUM, body: bytes = b"") -> bytes:
    """Write a request."""
    length = [f"Content-Length: {len(body)}"] if body else []
    head = "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {host}", agent, *lines, *length, "", ""])
    return head.encode("latin-1") + body


class Client:
    """A connection to the proxy, kept open."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.socket.close()

    def ask(self, request: bytes) -> bytes:
        """Send a request and return the whole response."""
        self.socket.sendall(request)
        return _message(self.socket)

    def tunnel(self, host: str) -> bytes:
        """Open a tunnel and speak TLS in it; returns mitmproxy's first line."""
        self.socket.sendall(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        line = _message(self.socket).split(b"\r\n")[0]
        if b" 200 " in line:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        return line


def heads(response: bytes) -> dict[str, str]:
    """Return the headers of a response by lower-case name; a name that stands there twice is an error."""
    lines = response.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    assert len(dict(pairs)) == len(pairs), f"doubled: {pairs}"
    return dict(pairs)


def respond(*lines: str, status: str = "200 OK", body: bytes = b"{}") -> bytes:
    """Write a response."""
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1") + body


ORIGIN = f"Origin: {APP}"
PUT = ("Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-key")


def rules_at(path: Path, text: str) -> list[str]:
    """Write a rule file; returns the options that put it in force."""
    path.write_text(text)
    return [f"cors_rules={path}", "cors_inject=true", "connection_strategy=eager"]


# --- dead servers --------------------------------------------------------------------------------------------------


@pytest.fixture
def dead() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{unheard.getsockname()[1]}"


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_a_preflight_is_answered_while_its_server_is_down(tmp_path: Path, dead: str, secure: bool) -> None:
    # In a tunnel the proxy answers first at the ports of the web and at those that a rule names.
    listed = rule(hosts=[dead if secure else "127.0.0.1"], allow_credentials=True)
    options = rules_at(tmp_path / "rules.yaml", written(listed))
    with Proxy(None, options=options) as proxy:
        with Client(proxy.port) as client:
            if secure:
                assert b" 200 " in client.tunnel(dead)
            target = "/v1" if secure else f"http://{dead}/v1"
            for _ in range(2):
                answer = client.ask(wire("OPTIONS", target, dead, ORIGIN, *PUT))
                assert answer.startswith(b"HTTP/1.1 204 No Content\r\n")
                assert answer.endswith(b"\r\n\r\n")
                assert heads(answer) == {
                    "access-control-allow-origin": APP,
                    "access-control-allow-credentials": "true",
                    "access-control-allow-methods": "PUT",
                    "access-control-allow-headers": "x-key",
                    "access-control-max-age": "0",
                    "vary": "Origin",
                    "x-cors-addon": NAME,
                }
            assert client.ask(wire("PUT", target, dead, ORIGIN, "X-Key: 1")).startswith(b"HTTP/1.1 502 ")
        proxy.command("cors.inject", "off")
        with Client(proxy.port) as client:
            if secure:
                assert b" 502 " in client.tunnel(dead), "mitmproxy's own answer, as without the addon"
            else:
                assert client.ask(wire("OPTIONS", target, dead, ORIGIN, *PUT)).startswith(b"HTTP/1.1 502 ")


# --- streams -------------------------------------------------------------------------------------------------------


def test_an_event_stream_arrives_event_by_event(tmp_path: Path) -> None:
    received = threading.Event()

    def stream(head: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        yield b"9\r\ndata: 1\n\n\r\n"
        # Not another byte before the client has seen the first event.
        assert received.wait(SECONDS)
        yield b"9\r\ndata: 2\n\n\r\n0\r\n\r\n"

    with Raw(stream) as origin:
        options = rules_at(tmp_path / "rules.yaml", written(rule(hosts=["127.0.0.1"])))
        with Proxy(None, options=options) as proxy, Client(proxy.port) as client:
            client.socket.sendall(wire("GET", f"http://{origin.host}/events", origin.host, ORIGIN))
            head = b""
            while b"data: 1" not in head:
                head += client.socket.recv(65536)
            assert heads(head)["access-control-allow-origin"] == APP
            received.set()
            read_until(client.socket, b"0\r\n\r\n")


# --- HTTP/2 --------------------------------------------------------------------------------------------------------


def test_over_http2_preflight_and_request_get_lower_case_headers(tmp_path: Path) -> None:
    with Http2Origin(tmp_path, ("x-total", "5"), ("vary", "accept")) as origin:
        options = rules_at(tmp_path / "rules.yaml", written(rule(hosts=["localhost"])))
        with Proxy(None, options=[*options, "ssl_insecure"]) as proxy:
            client = Http2Client(proxy.port, origin.port)
            asked = [("access-control-request-method", "PUT")]
            status, answer = client.receive(client.send("OPTIONS", "/ok", *asked))
            assert status == "204"
            assert dict(answer)["access-control-allow-methods"] == "PUT"
            assert not origin.requested["/ok"].is_set(), "the server was not asked"
            status, answer = client.receive(client.send("PUT", "/ok"))
            assert status == "200"
            given = dict(answer)
            assert given["access-control-allow-origin"] == APP
            assert given["access-control-expose-headers"] == "x-total"
            assert given["vary"] == "accept, Origin"
            assert given["x-cors-addon"] == NAME
            assert all(name == name.lower() for name, _ in answer)
            client.close()


# --- every byte ----------------------------------------------------------------------------------------------------

ODD = respond(
    "Access-Control-Allow-Origin: *",
    "access-control-allow-origin: http://else.test",
    "VARY: Accept",
    "X-Odd: \xe9\xff",
    "Set-Cookie: a=1",
    "Set-Cookie: b=2",
    "X-Empty: ",
)
SAME_ORIGIN = "Sec-Fetch-Site: same-origin"
CROSS = ("Sec-Fetch-Mode: cors", "Sec-Fetch-Site: cross-site")
UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: " + "A" * 22 + "==",
)

# what, method, path, request lines, User-Agent line
UNTOUCHED: list[tuple[str, str, str, tuple[str, ...], str]] = [
    ("no Origin", "GET", "/v1/a", (), CHROMIUM),
    ("no Origin, no browser", "GET", "/v1/a", (), "User-Agent: curl/8"),
    ("an origin that is not listed", "GET", "/v1/a", ("Origin: http://strange.test",), CHROMIUM),
    ("the origin of another port", "GET", "/v1/a", (f"{ORIGIN}:8080",), CHROMIUM),
    ("two origins", "GET", "/v1/a", (ORIGIN, ORIGIN), CHROMIUM),
    ("the origin null", "GET", "/v1/a", ("Origin: null",), CHROMIUM),
    (
        "the server's own page",
        "POST",
        "/v1/a",
        ("Origin: http://{host}", SAME_ORIGIN, "Sec-Fetch-Mode: cors"),
        CHROMIUM,
    ),
    ("a navigation", "POST", "/v1/a", (ORIGIN, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: cross-site"), CHROMIUM),
    (
        "an image",
        "GET",
        "/v1/a",
        (f"Referer: {APP}/", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Site: cross-site"),
        CHROMIUM,
    ),
    ("another path", "GET", "/v2/a", (ORIGIN, *CROSS), CHROMIUM),
    ("another method", "DELETE", "/v1/a", (ORIGIN, *CROSS), CHROMIUM),
    ("a preflight for another method", "OPTIONS", "/v1/a", (ORIGIN, "Access-Control-Request-Method: DELETE"), CHROMIUM),
    ("a stranger's preflight", "OPTIONS", "/v1/a", ("Origin: http://strange.test", *PUT), CHROMIUM),
    ("a WebSocket", "GET", "/v1/a", (ORIGIN, *UPGRADE), CHROMIUM),
    ("an extension", "GET", "/v1/a", ("Origin: chrome-extension://abc",), CHROMIUM),
]


@dataclass
class Seen:
    """What client and server got of one request."""

    request: bytes
    response: bytes


def _both_sides(proxy: Proxy, origin: Raw, *request: str, agent: str) -> Seen:
    method, path, *lines = request
    origin.received.clear()
    with Client(proxy.port) as client:
        lines = [line.replace("{host}", origin.host) for line in lines]
        sent = wire(method, f"http://{origin.host}{path}", origin.host, *lines, agent=agent)
        response = client.ask(sent)
    return Seen(b"".join(origin.received), response)


def test_what_is_no_rules_business_is_the_same_to_the_byte_as_without_the_addon(tmp_path: Path) -> None:
    listed = rule(hosts=["127.0.0.1"], paths=["/v1/**"], methods=["GET", "PUT", "POST"])
    options = rules_at(tmp_path / "rules.yaml", written(listed))
    plain = ["connection_strategy=eager"]
    with (
        Raw(lambda head: ODD) as origin,
        Raw(lambda head: ODD) as other,
        Proxy(None, options=options) as with_addon,
        Proxy(None, addon=None, options=plain) as without,
    ):
        for what, method, path, lines, agent in UNTOUCHED:
            request = (method, path, *lines)
            expected = _both_sides(without, origin, *request, agent=agent)
            assert _both_sides(with_addon, origin, *request, agent=agent) == expected, what
            assert expected.response == ODD, what
        narrowed = written(rule(hosts=[f"127.0.0.1:{origin.port}"]))
        (tmp_path / "rules.yaml").write_text(narrowed)
        with_addon.command("cors.rules.reload")
        request = ("GET", "/v1/a", ORIGIN, *CROSS)
        assert _both_sides(with_addon, other, *request, agent=CHROMIUM).response == ODD, "another port"
        changed = _both_sides(with_addon, origin, *request, agent=CHROMIUM)
        assert changed.request == _both_sides(without, origin, *request, agent=CHROMIUM).request, "the request is not"
        assert changed.response != ODD, "and what the rule is for is changed"
        kept = [line for line in ODD.split(b"\r\n") if not re.match(rb"(?i)(access-control|vary)", line)]
        assert [line for line in changed.response.split(b"\r\n") if line in kept] == kept
        with_addon.command("cors.inject", "off")
        assert _both_sides(with_addon, origin, *request, agent=CHROMIUM).response == ODD


# --- switching -----------------------------------------------------------------------------------------------------


@dataclass
class Traffic:
    """One request after the other on a connection, each with when it began, when it ended and its response."""

    port: int
    requests: itertools.cycle[bytes]
    answers: deque[tuple[float, float, bytes]] = field(default_factory=deque)
    failure: BaseException | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _progress: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> Traffic:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(SECONDS)

    def _run(self) -> None:
        try:
            with Client(self.port) as client:
                while not self._stop.is_set():
                    began = time.monotonic()
                    answer = client.ask(next(self.requests))
                    assert answer, "the connection ended"
                    with self._progress:
                        self.answers.append((began, time.monotonic(), answer))
                        self._progress.notify_all()
        except BaseException as error:  # told by the thread that waits
            with self._progress:
                self.failure = error
                self._progress.notify_all()

    def wait_until(self, enough: Callable[[bytes], bool]) -> None:
        """Wait for a response from now on that is as it should be."""
        with self._progress:
            seen = len(self.answers)

            def found() -> bool:
                return self.failure is not None or any(
                    enough(a) for _, _, a in itertools.islice(self.answers, seen, None)
                )

            assert self._progress.wait_for(found, SECONDS), "no such response came"
        if self.failure is not None:
            raise self.failure


def is_injected(response: bytes) -> bool:
    return b"x-cors-addon: " in response


def test_off_means_off_for_the_next_response(tmp_path: Path) -> None:
    options = rules_at(tmp_path / "rules.yaml", written(rule(hosts=["127.0.0.1"])))
    with Raw(lambda head: respond("X-Total: 5")) as origin, Proxy(None, options=options) as proxy:
        get = wire("GET", f"http://{origin.host}/", origin.host, ORIGIN, *CROSS)
        with Traffic(proxy.port, itertools.cycle([get])) as traffic:
            for _ in range(10):
                traffic.wait_until(is_injected)
                proxy.command("cors.inject", "off")
                at = time.monotonic()
                traffic.wait_until(lambda answer: not is_injected(answer))
                with traffic._progress:
                    after = [(began, answer) for began, ended, answer in traffic.answers if ended > at]
                assert not any(is_injected(answer) for began, answer in after if began > at)
                assert sum(is_injected(answer) for _, answer in after) <= 1, "one may have begun before"
                proxy.command("cors.inject", "on")
                at = time.monotonic()
                traffic.wait_until(is_injected)
                with traffic._progress:
                    after = [(began, answer) for began, _, answer in traffic.answers if began > at]
                assert all(is_injected(answer) for _, answer in after), "on means on as well"


def test_sighup_throws_the_switch_of_mitmdump(tmp_path: Path) -> None:
    options = rules_at(tmp_path / "rules.yaml", written(rule(hosts=["127.0.0.1"])))
    with (
        Raw(lambda head: respond()) as origin,
        Mitmproxy(tmp_path, *listening(), options=options) as proxy,
        Client(proxy.port) as client,
    ):
        get = wire("GET", f"http://{origin.host}/", origin.host, ORIGIN, *CROSS)
        assert is_injected(client.ask(get))
        printed = len(proxy.lines)
        for expected in (False, True):
            proxy._process.send_signal(signal.SIGHUP)
            proxy.wait_for("injection is ON" if expected else "injection is off", printed)
            printed = len(proxy.lines)
            assert is_injected(client.ask(get)) is expected


def test_the_option_editors_way_of_switching(tmp_path: Path) -> None:
    options = rules_at(tmp_path / "rules.yaml", written(rule(hosts=["127.0.0.1"])))
    broken = tmp_path / "broken.yaml"
    broken.write_text(written(rule(hosts=[])))
    with Raw(lambda head: respond()) as origin, Proxy(None, options=options) as proxy, Client(proxy.port) as client:
        get = wire("GET", f"http://{origin.host}/", origin.host, ORIGIN, *CROSS)
        proxy.set_option("cors_inject=false")
        assert not is_injected(client.ask(get))
        proxy.set_option("cors_inject=true")
        with pytest.raises(ProxyError, match="the rule file cannot be used"):
            proxy.set_option(f"cors_rules={broken}")
        assert is_injected(client.ask(get)), "the last good rules stay in force"


# --- start ---------------------------------------------------------------------------------------------------------

BROKEN_STARTS: list[tuple[str, str | None, list[str]]] = [
    ("empty", "", ["rules.yaml:1:1: error[", "why:", "help:"]),
    (
        "a bare star",
        written(rule(hosts=["*"])),
        ["rules.yaml:5:6: error[bare-star]", "5 |   - '*'", "^", "why:", "help:"],
    ),
    (
        "three problems at once",
        written(rule(hosts=[], allow_origins=["x"]), rule("b", max_age="long")),
        ["error[empty-list]", "error[missing-scheme]", "max_age is the text"],
    ),
]


@pytest.mark.parametrize(("text", "said"), [r[1:] for r in BROKEN_STARTS], ids=[r[0] for r in BROKEN_STARTS])
def test_a_file_that_cannot_be_used_ends_the_start_with_all_that_is_wrong(
    tmp_path: Path, text: str | None, said: list[str]
) -> None:
    path = tmp_path / "rules.yaml"
    if text is not None:
        path.write_text(text)
    # Injection or not: who names a rule file means it to be used.
    status, lines = run(tmp_path, *listening(), options=[f"cors_rules={path}"])
    output = "\n".join(lines)
    assert status == 1
    assert f"cors-addon cannot start: cors_rules={path}: the rule file cannot be used" in output
    for part in said:
        assert part in output, output


def test_warnings_are_shown_and_the_proxy_starts(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(written(expires="never"))
    with Mitmproxy(tmp_path, *listening(), options=[f"cors_rules={path}", "cors_inject=true"]) as proxy:
        proxy.wait_for(r"warning\[")
        proxy.wait_for("CORS: injection is ON, 1 of 1 rules enabled, without end")
        assert proxy.port
        assert proxy.stop() == 0


# --- under fire ----------------------------------------------------------------------------------------------------

REWRITES = 2000
FAST = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from cors_addon.mitm import addon
addon._LOOK_EVERY = 0.001
addons = [addon.CorsAddon()]
"""


def version(number: int, host: str) -> str:
    """Write the rules of one version: two that go together, each of which says in every header which version it is."""
    common = {"hosts": [host], "max_age": number, "allow_credentials": number % 2 == 0}
    return written(
        rule(f"v{number} a", paths=["/a"], expose_headers=[f"x-v{number}"], allow_headers=[f"x-v{number}"], **common),
        rule(f"v{number} b", paths=["/b"], expose_headers=[f"x-v{number}"], allow_headers=[f"x-v{number}"], **common),
    )


def version_of(response: bytes, letter: str) -> int:
    """Return the one version that every header of a response speaks of."""
    given = heads(response)
    found = re.fullmatch(rf"v(\d+) {letter}", given.get("x-cors-addon", "nothing was injected"))
    assert found is not None, response
    number = int(found[1])
    assert given["access-control-allow-origin"] == APP
    assert given.get("access-control-allow-credentials") == ("true" if number % 2 == 0 else None)
    if b" 204 " in response.split(b"\r\n")[0]:
        assert given["access-control-max-age"] == str(number)
        assert given["access-control-allow-headers"] == f"x-v{number}"
    else:
        assert given["access-control-expose-headers"] == f"x-v{number}"
    return number


def spoil(path: Path, number: int, host: str) -> None:
    """Leave something other than a good version: broken, half-written, empty, or nothing."""
    good = version(number, host)
    match number % 5:
        case 0:
            path.write_text(good.replace("hosts:", "host:"))
        case 1:
            # Cut where a rule has begun and is not whole, so that the half cannot be a smaller whole.
            cut = good.index(f"v{number} b") + number % 60
            assert read_rules(good[:cut].encode()).rules is None
            path.write_text(good[:cut])
        case 2:
            path.write_text("")
        case 3:
            path.unlink(missing_ok=True)
        case _:
            path.write_bytes(b"\xff\xfe" + good.encode())


def save(path: Path, number: int, host: str) -> None:
    """Save a good version in one of the ways of editors."""
    text = version(number, host)
    match number % 3:
        case 0:
            new = path.with_suffix(".new")
            new.write_text(text)
            new.replace(path)
        case 1:
            path.write_text(text)
        case _:
            with open(path, "w") as file:
                for start in range(0, len(text), 97):
                    file.write(text[start : start + 97])


def test_rules_under_fire(tmp_path: Path) -> None:
    path, script = tmp_path / "rules.yaml", tmp_path / "fast.py"
    script.write_text(FAST)
    with Raw(lambda head: respond("X-Total: 5")) as origin:
        options = rules_at(path, version(0, "127.0.0.1"))
        gets = [wire("GET", f"http://{origin.host}/{letter}", origin.host, ORIGIN, *CROSS) for letter in "ab"]
        asks = [wire("OPTIONS", f"http://{origin.host}/{letter}", origin.host, ORIGIN, *PUT) for letter in "ab"]
        requests = [gets[0], gets[1], asks[0], asks[1]]
        with (
            Proxy(None, addon=script, options=options) as proxy,
            Traffic(proxy.port, itertools.cycle(requests)) as one,
            Traffic(proxy.port, itertools.cycle(requests)) as two,
        ):
            newest = 0
            for number in range(1, REWRITES + 1):
                if number % 4 == 0:
                    newest = number
                    save(path, number, "127.0.0.1")
                else:
                    spoil(path, number, "127.0.0.1")
                if number % 32 in (0, 11):
                    # Rest now and then for as long as a response takes, so that some of it is read.
                    one.wait_until(lambda answer: True)
            save(path, newest := REWRITES + 1, "127.0.0.1")
            wanted = f"x-v{newest}".encode()
            for traffic in (one, two):
                traffic.wait_until(lambda answer: wanted in answer)
            path.unlink()
            for traffic in (one, two):
                traffic.wait_until(lambda answer: True)
                traffic.wait_until(lambda answer: wanted in answer)
            output = proxy.output
        seen: set[int] = set()
        for traffic in (one, two):
            assert traffic.failure is None
            letters = itertools.cycle("abab")
            versions = [
                version_of(answer, letter) for (_, _, answer), letter in zip(traffic.answers, letters, strict=False)
            ]
            assert versions == sorted(versions), "never back to rules of before"
            assert versions[-1] == newest
            seen.update(versions)
        assert seen <= {0, *range(4, REWRITES + 1, 4), newest}, "only good versions were ever in force"
        assert len(seen) > 20, "the file was read while it was under fire"
        assert "fault of its own" not in output
        assert "Traceback" not in output
