"""Exchanges as browsers and servers make them, and then damaged: fast, and the same for the same seed.

Hypothesis finds the smallest example; this finds the rare one, because it is some hundred times as fast.
"""

from __future__ import annotations

import random
from typing import Final

from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import Request, Response
from cors_addon.traffic.exchange import Exchange, Responder
from cors_addon.traffic.transcript import USER_AGENTS

PAGES: Final = (
    b"http://app.test",
    b"https://app.test",
    b"http://localhost:3000",
    b"https://evil.example",
    b"null",
    b"http://192.0.2.7:8080",
    b"http://[::1]:8080",
    b"https://xn--bcher-kva.example",
)
ODD_ORIGINS: Final = (
    b"",
    b"http://app.test/",
    b"app.test",
    b"HTTP://APP.TEST",
    b"http://app.test:80",
    b"http://user@app.test",
    b"file://",
    b"moz-extension://0b9b",
    b"https://app.test, https://app.test",
    b"https://app.test https://other.test",
)
TARGETS: Final = (
    "http://api.test/items",
    "https://api.test/items?q=1",
    "https://app.test/own",
    "http://localhost:8000/",
    "http://127.0.0.1/x",
    "http://[::1]/",
    "https://cdn.example/font.woff2",
    "https://api.test:8443/a/b/c",
)
ODD_TARGETS: Final = (
    "",
    "/",
    "api.test:443",
    "*",
    "http://",
    "http://[::1",
    "https://a b/",
    "http://\xff/",
    "ws://api.test/",
)
METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH", "patch", "HEAD", "OPTIONS", "CONNECT", "QUERY", "", "G\xe9T")
NAMES: Final = (
    b"x-custom",
    b"content-type",
    b"authorization",
    b"X-Requested-With",
    b"x-a, x-b",
    b"x-a,,x-b ,",
    b"\xff",
)
STATUSES: Final = (
    200,
    204,
    200,
    200,
    201,
    301,
    302,
    303,
    304,
    307,
    308,
    400,
    401,
    403,
    404,
    405,
    500,
    502,
    101,
    103,
    0,
    299,
    300,
    999,
)
VALUES: Final[dict[bytes, tuple[bytes, ...]]] = {
    b"Access-Control-Allow-Origin": (
        b"*",
        b"null",
        b"<origin>",
        b"<origin>",
        b"<origin>",
        b"<origin>/",
        b"",
        b"* ",
        b"*, *",
    ),
    b"Access-Control-Allow-Credentials": (b"true", b"true", b"True", b"false", b"", b"true, true", b"\ttrue"),
    b"Access-Control-Allow-Methods": (
        b"*",
        b"GET, PUT",
        b"put",
        b"DELETE,PATCH",
        b"GET PUT",
        b"",
        b",",
        b'"PUT"',
        b"*, PUT",
    ),
    b"Access-Control-Allow-Headers": (
        b"*",
        b"content-type",
        b"X-Custom, Authorization",
        b"*, authorization",
        b"a b",
        b"",
        b"x-a,x-b",
    ),
    b"Access-Control-Expose-Headers": (b"*", b"x-total", b"a b", b"", b"Set-Cookie"),
    b"Access-Control-Max-Age": (b"600", b"-1", b"1e3", b"", b"99999999999999999999", b"10, 20", b"\xb2"),
    b"Access-Control-Allow-Private-Network": (b"true", b"1"),
    b"Vary": (b"Origin", b"*", b"accept-encoding,origin", b""),
    b"Location": (
        b"/next",
        b"http://api.test/",
        b"https://u:p@api.test/",
        b"data:,x",
        b"http://[",
        b"",
        b"//other.test",
        b"https://app.test/\xff",
    ),
    b"Cross-Origin-Resource-Policy": (b"same-origin", b"same-site", b"cross-origin", b"x"),
    b"Cross-Origin-Embedder-Policy": (b"require-corp", b"credentialless", b'require-corp; report-to="x"'),
    b"Content-Type": (b"text/html", b"application/json", b"image/png", b"", b"text/html;charset=\xff", b";"),
    b"X-Content-Type-Options": (b"nosniff", b"NOSNIFF, x", b""),
    b"Timing-Allow-Origin": (b"*", b"<origin>", b"a, b"),
    b"Set-Cookie": (b"session=1", b"a=b; SameSite=None; Secure", b""),
    b"Server": (b"nginx/1.25", b"cloudflare", b"Apache"),
    b"WWW-Authenticate": (b"Basic", b"Bearer"),
    b"Content-Length": (b"0", b"12", b"x"),
    b"X-Powered-By": (b"Express", b"PHP/8"),
}
_NAMES_OF_VALUES: Final = tuple(VALUES)
_OF_PREFLIGHT: Final = _NAMES_OF_VALUES[1:4]
_FETCH_MODES: Final = (b"cors", b"cors", b"no-cors", b"navigate", b"same-origin", b"websocket", b"x")
_DESTINATIONS: Final = (
    b"empty",
    b"empty",
    b"script",
    b"image",
    b"font",
    b"document",
    b"worker",
    b"style",
    b"iframe",
    b"\xff",
)
_SITES: Final = (b"cross-site", b"same-site", b"same-origin", b"none", b"")
_ERRORS: Final = ("client disconnected", "connection refused", "stream reset by client (CANCEL)", "", "x\ny")
_BITS: Final = (
    b",",
    b" ",
    b"\t",
    b'"',
    b"\\",
    b"*",
    b"\x00",
    b"\xff",
    b"true",
    b"null",
    b"http://",
    b"%",
    b";",
    b"=",
    b"\r",
    b"\x1b[2J",
    b"<b>",
)


class Generator:
    """Makes exchanges out of one random source; `damage` is how many values of a hundred get broken."""

    def __init__(self, seed: int, damage: int = 12) -> None:
        self.random = random.Random(seed)
        self._damage = damage / 100
        self._clock = 1000.0
        self._number = 0

    def exchange(self) -> Exchange:
        """Return one exchange; some belong to the ones before."""
        rnd, chance = self.random, self.random.random
        self._number += 1
        self._clock += rnd.expovariate(2.0) if chance() < 0.98 else -rnd.expovariate(0.1)
        origin = rnd.choice(PAGES if chance() < 0.9 else ODD_ORIGINS)
        request = self._request(origin)
        response: Response | None = self._response(origin)
        error, responder = None, Responder.SERVER
        if chance() < 0.05:
            error = rnd.choice(_ERRORS)
            responder = rnd.choice(tuple(Responder))
            if chance() < 0.8:
                response = None
        elif chance() < 0.02:
            response = None
        return Exchange(
            id=str(self._number if chance() < 0.98 else self._number - rnd.randrange(20)),
            request=request,
            response=response,
            error=error,
            responder=responder,
            started=self._clock,
            ended=None if response is None else self._clock + chance(),
            client=rnd.choice(("192.0.2.1", "192.0.2.2", "")),
            connection=rnd.choice(("c1", "c2", "c3", "")),
            http_version=rnd.choice(("HTTP/1.1", "HTTP/2.0", "HTTP/3", "")),
            server_address=rnd.choice(("", "198.51.100.7", "127.0.0.1", "10.0.0.9", "::1", "x")),
            websocket=response is not None and response.status == 101 and chance() < 0.5,
            source=rnd.choice(("live", "live", "flows", "har")),
        )

    def answer_of_preflight(self) -> tuple[bytes, str, list[str], int, list[tuple[bytes, bytes]]]:
        """Return origin, method and header names as asked for, and the status and the field lines of an answer."""
        rnd, chance = self.random, self.random.random
        origin = self.damaged(rnd.choice(PAGES if chance() < 0.9 else ODD_ORIGINS))
        names = [rnd.choice(NAMES).decode("latin-1") for _ in range(rnd.randrange(3))]
        fields = [self._line(rnd.choice(_OF_PREFLIGHT), origin) for _ in range(rnd.randrange(5))]
        if chance() < 0.9:
            fields.append((b"access-control-allow-origin", origin if chance() < 0.8 else b"*"))
        if chance() < 0.1:
            fields.append(self._line(b"Access-Control-Allow-Origin", origin))
        return origin, rnd.choice(METHODS), names, 204 if chance() < 0.8 else rnd.choice(STATUSES), fields

    def _request(self, origin: bytes) -> Request:
        rnd, chance = self.random, self.random.random
        fields: list[tuple[bytes, bytes]] = []
        agent = chance()
        if agent < 0.9:
            fields.append(
                (b"User-Agent", rnd.choice(tuple(USER_AGENTS.values())).encode() if agent < 0.8 else b"curl/8")
            )
        if chance() < 0.92:
            fields.append((b"Origin", self.damaged(origin)))
        method = rnd.choice(METHODS)
        if chance() < 0.35:
            method = "OPTIONS"
            asked = rnd.choice(METHODS).encode("latin-1")
            fields.append((b"Access-Control-Request-Method", self.damaged(asked)))
            if chance() < 0.6:
                fields.append((b"Access-Control-Request-Headers", self.damaged(rnd.choice(NAMES))))
        if chance() < 0.5:
            fields.append((b"Sec-Fetch-Mode", self.damaged(rnd.choice(_FETCH_MODES))))
            fields.append((b"Sec-Fetch-Dest", self.damaged(rnd.choice(_DESTINATIONS))))
            fields.append((b"Sec-Fetch-Site", self.damaged(rnd.choice(_SITES))))
        if chance() < 0.2:
            fields.append((b"Cookie", b"session=1"))
        if chance() < 0.1:
            fields.append((b"Authorization", b"Bearer x"))
        if chance() < 0.2:
            fields.append((b"Referer", self.damaged(origin + b"/page")))
        if chance() < 0.2:
            fields.append((b"Content-Type", self.damaged(rnd.choice(VALUES[b"Content-Type"]))))
        if chance() < 0.05:
            fields.append((b"If-None-Match", b'"a"'))
        if chance() < 0.1:
            fields.append((rnd.choice((b"X-Custom", b"Range", b"Upgrade", b"\xff")), self.damaged(b"websocket")))
        url = rnd.choice(TARGETS if chance() < 0.95 else ODD_TARGETS)
        return Request(method, url, HeaderList.from_bytes(fields))

    def _response(self, origin: bytes) -> Response:
        rnd, chance = self.random, self.random.random
        fields: list[tuple[bytes, bytes]] = []
        if chance() < 0.7:
            fields.append(self._line(b"Access-Control-Allow-Origin", origin))
        for _ in range(rnd.randrange(7)):
            fields.append(self._line(rnd.choice(_NAMES_OF_VALUES), origin))
        return Response(rnd.choice(STATUSES), HeaderList.from_bytes(fields))

    def _line(self, name: bytes, origin: bytes) -> tuple[bytes, bytes]:
        value = self.random.choice(VALUES[name]).replace(b"<origin>", origin)
        if self.random.random() < 0.1:
            name = name.lower()
        return name, self.damaged(value)

    def damaged(self, value: bytes) -> bytes:
        """Return the value, or now and then something made of it that nobody should send."""
        rnd = self.random
        if rnd.random() > self._damage:
            return value
        place = rnd.randrange(len(value) + 1)
        match rnd.randrange(7):
            case 0:
                return value[:place] + rnd.choice(_BITS) + value[place:]
            case 1:
                return value[:place]
            case 2:
                return value[:place] + bytes((rnd.randrange(256),)) + value[place + 1 :]
            case 3:
                return value.swapcase()
            case 4:
                return value + b", " + value
            case 5:
                return value * rnd.randrange(2, 40)
            case _:
                return rnd.randbytes(rnd.randrange(12))
