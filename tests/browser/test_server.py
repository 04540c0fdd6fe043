"""The origin server puts on the wire what it is told, byte for byte."""

from __future__ import annotations

import socket
import ssl

import pytest

from tests.browser.server import Answer, Fault, Seen, Server, websocket_accept, wire_bytes

ASKED = Seen(
    "GET", "http", "other.test", "/", (("origin", "http://app.test"), ("access-control-request-method", "PUT"))
)

WIRE = (
    (Answer(200, (), b"hi"), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "the length is added"),
    (Answer(204), b"HTTP/1.1 204 No Content\r\n\r\n", "no length without a body"),
    (Answer(299, (), b""), b"HTTP/1.1 299 Unusual\r\nContent-Length: 0\r\n\r\n", "a status without a phrase"),
    (
        Answer(200, (("A", "1"), ("a", ""), ("A", "1"))),
        b"HTTP/1.1 200 OK\r\nA: 1\r\na: \r\nA: 1\r\nContent-Length: 0\r\n\r\n",
        "lines repeat, in order, empty too",
    ),
    (
        Answer(200, (("O", "<origin>/"), ("M", "<method>"), ("H", "<headers>"))),
        b"HTTP/1.1 200 OK\r\nO: http://app.test/\r\nM: PUT\r\nH: \r\nContent-Length: 0\r\n\r\n",
        "what the request said, inserted",
    ),
    (
        Answer(200, (("Content-Length", "9"),), b"hi"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
        "a wrong length is kept",
    ),
    (Answer(200, (), b"hi", Fault.TRUNCATE), b"HTTP/1.1 200 OK\r\nContent-Length: 66\r\n\r\nhi", "cut short"),
    (Answer(200, (("X", "\xe9\xff"),)), b"HTTP/1.1 200 OK\r\nX: \xe9\xff\r\nContent-Length: 0\r\n\r\n", "any byte"),
)


@pytest.mark.parametrize(("answer", "expected", "why"), WIRE)
def test_wire_bytes(answer: Answer, expected: bytes, why: str) -> None:
    assert wire_bytes(answer, ASKED) == expected, why


def test_websocket_accept() -> None:
    # the example of RFC 6455 section 1.3
    assert websocket_accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def exchange(port: int, request: bytes, secure: bool = False) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 60) as plain:
        connection = plain
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connection = context.wrap_socket(plain, server_hostname="other.test")
        with connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("secure", [False, True])
def test_a_request_is_seen_and_answered(secure: bool) -> None:
    with Server(lambda seen: Answer(200, (), seen.body)) as server:
        port = server.https_port if secure else server.http_port
        got = exchange(port, b"POST /x?y HTTP/1.1\r\nHost: other.test\r\nContent-Length: 3\r\n\r\nabc", secure)
    assert got.endswith(b"\r\n\r\nabc")
    assert [(seen.method, seen.url) for seen in server.seen] == [
        ("POST", f"{'https' if secure else 'http'}://other.test/x?y")
    ]


def test_a_chunked_body_is_read() -> None:
    with Server(lambda seen: Answer(200, (), seen.body)) as server:
        chunks = b"2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n"
        got = exchange(server.http_port, b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    assert got.endswith(b"\r\n\r\nabcde")


def test_a_reset_is_a_reset() -> None:
    with Server(lambda seen: Answer(fault=Fault.RESET)) as server, pytest.raises(ConnectionResetError):
        exchange(server.http_port, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")


def test_a_tls_handshake_on_the_plain_port_fails() -> None:
    with Server(lambda seen: Answer()) as server, pytest.raises(ssl.SSLError):
        exchange(server.http_port, b"", secure=True)
