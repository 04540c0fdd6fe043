"""What real failures are told as: servers that misbehave, browsers that hang up, and a real mitmdump between them."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.mitm.client import Http2Client, fetch, open_request, read_until, reset
from tests.mitm.origin import SECONDS, Answer, End, Http2Origin, Origin, http_answer
from tests.mitm.process import Mitmproxy, listening, run

pytestmark = pytest.mark.proxy

ALLOW = "Access-Control-Allow-Origin: *"
HEAD = f"HTTP/1.1 200 OK\r\n{ALLOW}\r\n"
HALF = Answer(f"{HEAD}Content-Length: 5000\r\n\r\nabc".encode(), End.CLOSE)
ASK = ("Access-Control-Request-Method: PUT",)

# (path, how the server answers, what the finding's message says)
SERVER_FAULTS = [
    ("/close-at-once", Answer(b""), "server closed connection"),
    ("/reset-at-once", Answer(b"", End.RESET), "server closed connection"),
    ("/close-in-headers", Answer(HEAD.encode()), "unexpected server response"),
    ("/close-in-body", HALF, "without sending complete message body"),
    ("/no-http", Answer(b"hello\r\n\r\n"), "Cannot parse HTTP response"),
    ("/bad-chunk", Answer(f"{HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n".encode()), "illegal chunk header"),
    ("/bad-name", Answer(f"{HEAD}X-Bad : 1\r\nContent-Length: 0\r\n\r\n".encode()), "invalid header name"),
    ("/two-lengths", Answer(f"{HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\na".encode()), "content-length"),
]
CHUNKED_204 = Answer(f"HTTP/1.1 204 No Content\r\n{ALLOW}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode())
ANSWERS = {
    **{path: answer for path, answer, _ in SERVER_FAULTS},
    "/preflight": CHUNKED_204,
    "/right": http_answer(ALLOW),
    "/wrong": http_answer(),
    "/interim": Answer(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", End.HANG),
    "/never": Answer(b"", End.HANG),
    "/never-reset": Answer(b"", End.HANG),
    "/half": Answer(HALF.data, End.HANG),
}


def with_outcomes(folder: Path) -> dict[str, Any]:
    """Read a report; its flows by method, scheme and path."""
    report = json.loads((folder / "report.json").read_text())
    return {f"{flow['method']} {'/'.join(flow['url'].split('/')[3:])}": flow for flow in report["flows"]}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Send every request through one proxy that holds bodies back, as mitmproxy does by default."""
    folder = tmp_path_factory.mktemp("buffered")
    options = ["connection_strategy=lazy", f"cors_report={folder / 'report.json'}"]
    with (
        Origin(ANSWERS) as origin,
        Http2Origin(folder) as origin2,
        socket.socket() as refusing,
        Mitmproxy(folder, *listening(), options=options) as proxy,
    ):
        refusing.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{origin.port}"
        for path, _, _ in SERVER_FAULTS:
            assert b" 502 " in fetch(proxy.port, "GET", base + path).split(b"\r\n")[0], path
        assert b" 502 " in fetch(proxy.port, "OPTIONS", f"{base}/preflight", *ASK).split(b"\r\n")[0]
        fetch(proxy.port, "GET", f"http://127.0.0.1:{refusing.getsockname()[1]}/refused")
        fetch(proxy.port, "GET", "http://name.invalid/no-name")
        fetch(proxy.port, "GET", f"{base}/bad-request", "X-Bad : 1")
        _hang_up(origin, proxy.port, base, "/never", gently=True)
        _hang_up(origin, proxy.port, base, "/never-reset", gently=False)
        _hang_up(origin, proxy.port, base, "/half", gently=True)
        with open_request(proxy.port, "GET", f"{base}/interim") as waiting:
            read_until(waiting, b"\r\n\r\n")
        client = Http2Client(proxy.port, origin2.port)
        assert client.receive(client.send("GET", "/unknown-certificate"))[0] == "502"
        client.close()
        # What is answered last has been judged after all before it.
        assert fetch(proxy.port, "GET", f"{base}/right").startswith(b"HTTP/1.1 200")
        assert proxy.stop() == 0
    return with_outcomes(folder)


def _hang_up(origin: Origin, port: int, base: str, path: str, gently: bool) -> None:
    """Send a request that is never answered, and hang up once the origin has it."""
    connection = open_request(port, "GET", base + path)
    assert origin.requested[path].wait(SECONDS)
    if gently:
        connection.close()
    else:
        reset(connection)
    assert origin.left[path].wait(SECONDS), "mitmproxy hangs up on the server then"


@pytest.mark.parametrize(("path", "text"), [(path, text) for path, _, text in SERVER_FAULTS])
def test_a_server_that_misbehaves_is_named_and_not_its_headers(told: dict[str, Any], path: str, text: str) -> None:
    flow = told[f"GET {path[1:]}"]
    assert flow["outcome"] == "blocked"
    (finding,) = flow["findings"]
    assert finding["id"] == "network-error"
    assert text in finding["message"]
    assert flow["browsers"]["chromium"]["error"] == "MissingAllowOriginHeader", (
        "as the browser says of the proxy's page"
    )


@pytest.mark.parametrize(
    ("path", "text"), [("refused", "Connect call failed"), ("no-name", "[Errno -"), ("bad-request", "from client")]
)
def test_a_server_that_cannot_be_reached_is_named(told: dict[str, Any], path: str, text: str) -> None:
    (finding,) = told[f"GET {path}"]["findings"]
    assert finding["id"] == "network-error"
    assert text in finding["message"]


def test_a_certificate_that_does_not_verify_is_named_with_the_option_that_helps(told: dict[str, Any]) -> None:
    (finding,) = told["GET unknown-certificate"]["findings"]
    assert finding["id"] == "network-error"
    assert "Certificate verify failed" in finding["message"]
    assert "ssl_verify_upstream_trusted_ca" in finding["fix"]["text"]


def test_a_sloppy_preflight_that_mitmproxy_refuses_is_named_with_the_option_that_helps(told: dict[str, Any]) -> None:
    flow = told["OPTIONS preflight"]
    (finding,) = flow["findings"]
    assert finding["id"] == "network-error"
    assert "transfer-encoding" in finding["message"]
    assert "validate_inbound_headers=false" in finding["fix"]["text"]
    assert flow["browsers"]["chromium"]["error"] == "PreflightMissingAllowOriginHeader"


@pytest.mark.parametrize("path", ["never", "never-reset", "half", "interim"])
def test_a_request_that_nobody_waits_for_is_unknown(told: dict[str, Any], path: str) -> None:
    assert told[f"GET {path}"]["outcome"] == "unknown"
    assert told[f"GET {path}"]["findings"] == []


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same through a proxy that passes on every body as it comes."""
    folder = tmp_path_factory.mktemp("streamed")
    options = ["stream_large_bodies=1", f"cors_report={folder / 'report.json'}"]
    answers = {
        "/right": HALF,
        "/wrong": Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nabc"),
        "/enough": Answer(HALF.data, End.HANG),
        "/bad-name": Answer(f"{HEAD}X-Bad : 1\r\nContent-Length: 5000\r\n\r\nabc".encode()),
        "/last": http_answer(ALLOW),
    }
    with Origin(answers) as origin, Mitmproxy(folder, *listening(), options=options) as proxy:
        base = f"http://127.0.0.1:{origin.port}"
        assert fetch(proxy.port, "GET", f"{base}/right").endswith(b"abc")
        assert fetch(proxy.port, "GET", f"{base}/wrong").endswith(b"abc")
        assert fetch(proxy.port, "GET", f"{base}/bad-name").startswith(b"HTTP/1.1 502")
        with open_request(proxy.port, "GET", f"{base}/enough") as connection:
            read_until(connection, b"abc")
        assert origin.left["/enough"].wait(SECONDS)
        fetch(proxy.port, "GET", f"{base}/last")
        assert proxy.stop() == 0
    return with_outcomes(folder)


def test_headers_that_have_gone_decide_although_the_body_breaks_off(streamed: dict[str, Any]) -> None:
    assert streamed["GET right"]["outcome"] == "allowed"
    assert streamed["GET enough"]["outcome"] == "allowed"
    assert [finding["id"] for finding in streamed["GET wrong"]["findings"]] == ["allow-origin-missing"]


def test_headers_that_were_refused_have_not_gone(streamed: dict[str, Any]) -> None:
    (finding,) = streamed["GET bad-name"]["findings"]
    assert finding["id"] == "network-error"


@pytest.fixture(scope="module")
def over_http2(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("http2")
    options = ["ssl_insecure=true", f"cors_report={folder / 'report.json'}"]
    origin = Http2Origin(folder, ("access-control-allow-origin", "https://other.test"), ("x-total", "1"))
    with origin, Mitmproxy(folder, *listening(), "-w", folder / "flows.mitm", options=options) as proxy:
        client = Http2Client(proxy.port, origin.port)
        assert client.receive(client.send("GET", "/ok"))[0] == "200"
        assert client.receive(client.send("OPTIONS", "/ok", ("access-control-request-method", "PUT")))[0] == "200"
        assert client.receive(client.send("GET", "/reset/2"))[0] == "502"
        stream = client.send("GET", "/hang")
        assert origin.requested["/hang"].wait(SECONDS)
        client.cancel(stream)
        assert origin.left["/hang"].wait(SECONDS)
        assert client.receive(client.send("GET", "/last"))[0] == "200"
        client.close()
        assert proxy.stop() == 0
    flows = with_outcomes(folder)
    # The same once more from what was saved meanwhile, where the state of the connections is gone.
    status, lines = run(folder, "-nr", folder / "flows.mitm", options=[f"cors_report={folder / 'report.json'}"])
    assert status == 0, lines
    assert {name: flow["outcome"] for name, flow in with_outcomes(folder).items()} == {
        name: flow["outcome"] for name, flow in flows.items()
    }
    return flows


def test_https_and_http2_are_judged_like_all_else(over_http2: dict[str, Any]) -> None:
    flow = over_http2["GET ok"]
    assert flow["url"].startswith("https://localhost:")
    assert flow["outcome"] == "blocked"
    assert [finding["id"] for finding in flow["findings"]][:1] == ["allow-origin-mismatch"]
    assert over_http2["OPTIONS ok"]["stage"] == "preflight"
    assert over_http2["OPTIONS ok"]["outcome"] == "blocked"


def test_a_stream_that_the_server_resets_is_the_servers_failure(over_http2: dict[str, Any]) -> None:
    """mitmproxy's own text says that the client reset it."""
    (finding,) = over_http2["GET reset/2"]["findings"]
    assert finding["id"] == "network-error"
    assert "the server reset the stream (INTERNAL_ERROR)" in finding["message"]


def test_a_stream_that_the_page_gives_up_is_unknown(over_http2: dict[str, Any]) -> None:
    assert over_http2["GET hang"]["outcome"] == "unknown"
