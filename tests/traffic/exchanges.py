"""Exchanges in few words, for the tests of traffic and verdict."""

from collections.abc import Sequence

from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import Request, Response
from cors_addon.traffic.exchange import Exchange, Responder
from cors_addon.traffic.transcript import USER_AGENTS

APP = "https://app.test"
API = "https://api.test"
ITEMS = f"{API}/items"


def lines_of(lines: Sequence[str]) -> HeaderList:
    """Build a header list from lines of ``Name: value``."""
    return HeaderList([(name, value.removeprefix(" ")) for name, _, value in (line.partition(":") for line in lines)])


def exchange(
    request: str,
    *lines: str,
    id: str = "1",
    at: float = 0.0,
    took: float = 0.1,
    status: int | None = 200,
    answer: Sequence[str] = (),
    browser: str | None = "chromium",
    error: str | None = None,
    client: str = "192.0.2.1",
    connection: str | None = None,
    http: str = "HTTP/1.1",
    address: str = "",
    source: str = "live",
    websocket: bool = False,
) -> Exchange:
    """Build an exchange from ``METHOD URL`` and the request's header lines.

    ``at`` and ``took`` are seconds. ``status=None`` is an answer not yet there, ``browser=None`` no User-Agent. Every
    exchange has a connection of its own unless told otherwise.
    """
    method, _, url = request.partition(" ")
    agent = [] if browser is None else [f"User-Agent: {USER_AGENTS.get(browser, browser)}"]
    answered = status is not None and error is None
    return Exchange(
        id=id,
        request=Request(method, url, lines_of([*lines, *agent])),
        response=Response(status or 0, lines_of(answer)) if answered else None,
        error=error,
        responder=Responder.SERVER if error is None else Responder.PROXY,
        started=at,
        ended=at + took if answered or error else None,
        client=client,
        connection=f"c{id}" if connection is None else connection,
        http_version=http,
        server_address=address,
        websocket=websocket,
        source=source,
    )


def cors(request: str, *lines: str, origin: str = APP, site: str = "cross-site", **more: object) -> Exchange:
    """Build a CORS request: with ``Origin``, and over https with the Sec-Fetch headers of fetch()."""
    fetch_metadata = metadata("cors", site) if " https:" in request else ()
    return exchange(request, f"Origin: {origin}", *fetch_metadata, *lines, **more)  # type: ignore[arg-type]


def preflight(
    request: str, *names: str, origin: str = APP, site: str = "cross-site", lines: Sequence[str] = (), **more: object
) -> Exchange:
    """Build a preflight for ``METHOD URL`` and the unsafe header names; answered with 204 unless told otherwise."""
    method, _, url = request.partition(" ")
    asked = [f"Access-Control-Request-Method: {method}"]
    if names:
        asked.append(f"Access-Control-Request-Headers: {','.join(names)}")
    more.setdefault("status", 204)
    return cors(f"OPTIONS {url}", *asked, *lines, origin=origin, site=site, **more)


def metadata(mode: str, site: str, destination: str = "empty") -> tuple[str, ...]:
    return f"Sec-Fetch-Mode: {mode}", f"Sec-Fetch-Site: {site}", f"Sec-Fetch-Dest: {destination}"


def allow(origin: str = APP, *lines: str, credentials: bool = False, methods: str = "", names: str = "") -> list[str]:
    """Return the lines of an answer that allows an origin."""
    answer = [f"Access-Control-Allow-Origin: {origin}"]
    if credentials:
        answer.append("Access-Control-Allow-Credentials: true")
    if methods:
        answer.append(f"Access-Control-Allow-Methods: {methods}")
    if names:
        answer.append(f"Access-Control-Allow-Headers: {names}")
    return [*answer, *lines]
