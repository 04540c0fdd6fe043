"""Exchanges written as text: for examples, tests and bug reports.

    @ client=10.0.0.1 connection=c1 time=2.5 http=2 browser=firefox
    > GET https://api.test/items
    > Origin: https://app.test
    < 200
    < Access-Control-Allow-Origin: https://app.test

A blank line separates exchanges; each begins with a request line. ``!`` in place of the response is a failure of the
flow. ``@`` lines set what the messages do not say, for the exchange that follows: ``client``, ``connection``, ``time``
and ``took`` (seconds: when it began, and until its answer), ``http`` (1, 2 or 3), ``browser`` (chromium, firefox,
webkit: sets the User-Agent where the transcript gives none), ``id``, ``address`` (of the server), ``cached`` (yes: the
browser's own cache answered), ``script`` (the URL of the program that made the request). ``<<`` begins a line of the
response's body. ``#`` begins a comment.
"""

from collections.abc import Mapping
from typing import Final

from ..fetch.headers import HeaderList
from ..fetch.messages import Request, Response
from .body_hints import hints_in
from .exchange import Exchange, Responder
from .testimony import CallSite, Testimony

USER_AGENTS: Final = {
    "chromium": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    "firefox": "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
    "webkit": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.0 Safari/605.1.15",
}
_HTTP_VERSIONS: Final = {"1": "HTTP/1.1", "2": "HTTP/2.0", "3": "HTTP/3"}
_SETTINGS: Final = frozenset(
    {"client", "connection", "time", "took", "http", "browser", "id", "address", "cached", "script"}
)


class TranscriptError(ValueError):
    """A transcript that cannot be read; the message names the line."""


def _header(line: str, number: int) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise TranscriptError(f"line {number}: {line!r} is no header; write Name: value")
    return name, value.strip(" ")


def _one_of(known: Mapping[str, str], value: str, setting: str, number: int) -> str:
    if value not in known:
        raise TranscriptError(f"line {number}: unknown {setting} {value!r}; known: {', '.join(known)}")
    return known[value]


def _seconds(settings: Mapping[str, str], setting: str, default: float, number: int) -> float:
    try:
        return float(settings.get(setting, default))
    except ValueError:
        raise TranscriptError(f"line {number}: {setting} is a number of seconds, not {settings[setting]!r}") from None


def parse_transcript(text: str) -> list[Exchange]:
    """Read a transcript into exchanges, in their order.

    Ids are ``1``, ``2``, ... unless set, and exchanges follow each other by half a second unless timed. Raises
    ``TranscriptError``.
    """
    blocks: list[list[tuple[int, str]]] = [[]]
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if line.startswith("#"):
            continue
        if line:
            blocks[-1].append((number, line))
        elif blocks[-1]:
            blocks.append([])
    return [_exchange(block, index) for index, block in enumerate(filter(None, blocks))]


def _exchange(block: list[tuple[int, str]], index: int) -> Exchange:
    settings: dict[str, str] = {}
    request_line: tuple[str, str] | None = None
    status: int | None = None
    error: str | None = None
    request_headers: list[tuple[str, str]] = []
    response_headers: list[tuple[str, str]] = []
    body: list[str] = []
    for number, line in block:
        mark, rest = line[0], line[1:].strip()
        if mark == "@":
            for word in rest.split():
                key, equals, value = word.partition("=")
                if not equals or key not in _SETTINGS:
                    raise TranscriptError(
                        f"line {number}: {word!r} is no setting; known: {', '.join(sorted(_SETTINGS))}"
                    )
                settings[key] = value
        elif mark == ">" and request_line is None:
            method, space, url = rest.partition(" ")
            if not space:
                raise TranscriptError(f"line {number}: a request begins with METHOD URL, not {rest!r}")
            request_line = method, url.strip()
        elif mark == ">":
            request_headers.append(_header(rest, number))
        elif line.startswith("<<"):
            body.append(line[2:].strip())
        elif mark == "<" and status is None:
            if not (rest.isascii() and rest.isdigit()):
                raise TranscriptError(f"line {number}: a response begins with its status, not {rest!r}")
            status = int(rest)
        elif mark == "<":
            response_headers.append(_header(rest, number))
        elif mark == "!":
            error = rest
        else:
            raise TranscriptError(f"line {number}: {line!r} begins with none of > < ! @ #")
    if request_line is None:
        raise TranscriptError(f"line {block[0][0]}: an exchange without a request")
    first = block[0][0]
    browser = _one_of(USER_AGENTS, settings.get("browser", "chromium"), "browser", first)
    if not any(name.lower() == "user-agent" for name, _ in request_headers):
        request_headers.append(("User-Agent", browser))
    started = _seconds(settings, "time", index * 0.5, first)
    return Exchange(
        id=settings.get("id", str(index + 1)),
        request=Request(*request_line, HeaderList(request_headers)),
        response=None if status is None else Response(status, HeaderList(response_headers)),
        error=error,
        responder=Responder.SERVER if error is None else Responder.PROXY,
        started=started,
        ended=started + _seconds(settings, "took", 0.1, first),
        client=settings.get("client", "192.0.2.1"),
        connection=settings.get("connection", f"c{index + 1}"),
        http_version=_one_of(_HTTP_VERSIONS, settings.get("http", "1"), "http", first),
        server_address=settings.get("address", ""),
        websocket=status == 101,
        source="flows",
        body_hints=hints_in(HeaderList(response_headers).content_type, "\n".join(body)),
        from_cache="cached" in settings,
        testimony=Testimony("a browser", call_site=CallSite(settings["script"])) if "script" in settings else None,
    )
