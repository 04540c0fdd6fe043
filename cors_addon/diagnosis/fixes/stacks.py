"""Which software answered, read from a response's headers: with how sure that is, and the lines that it rests on."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ...fetch.headers import HeaderList
from ...fetch.messages import Request, Response
from ...fetch.origins import origin_of
from ...verdict.failure_details import inert
from ...verdict.model import Confidence
from ...verdict.redact import redact_header
from .stack_signatures import COOKIE_RULES, HEADER_RULES, HIGH, HOST_RULES, LAYER_OF, LOW, MEDIUM, NAMES, Layer

_SURE: Final = {HIGH: 0, MEDIUM: 1, LOW: 2}
_SHOWN: Final = 80
_LONGEST: Final = 500
_HTML: Final = "text/html; charset=utf-8"
_Note = Callable[[str, Confidence, str], None]
"""Takes down a stack, how sure it is, and why."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """A stack that took part in an answer; ``because`` are the header lines that say so, values of cookies left out."""

    stack: str
    confidence: Confidence
    because: str

    @property
    def name(self) -> str:
        return NAMES[self.stack]

    @property
    def layer(self) -> Layer:
        return LAYER_OF[self.stack]


def recognise(request: Request, *responses: Response) -> tuple[Recognised, ...]:
    """Return the stacks that took part in the answers to a request, each once, the innermost first.

    Several ``responses`` are those of one server: a preflight's and its request's. Empty where nothing tells.
    """
    found: dict[str, tuple[Confidence, dict[str, None]]] = {}

    def note(stack: str, confidence: Confidence, because: str) -> None:
        known, lines = found.setdefault(stack, (confidence, {}))
        lines[because] = None
        if _SURE[confidence] < _SURE[known]:
            found[stack] = (confidence, lines)

    for response in responses:
        _by_headers(response.headers, note)
        _by_combination(response, note)
    origin = origin_of(request.url)
    told = None if origin is None else _by_host(origin.host)
    if origin is not None and told is not None:
        note(*told, f"host {inert(origin.host, _SHOWN)}")
    _settle(found)
    recognised = (
        Recognised(stack, confidence, "; ".join(list(lines)[:4])) for stack, (confidence, lines) in found.items()
    )
    return tuple(sorted(recognised, key=lambda each: (each.layer, _SURE[each.confidence])))


@functools.lru_cache(1024)
def _by_host(host: str) -> tuple[str, Confidence] | None:
    for pattern, stack, confidence in HOST_RULES:
        if pattern.fullmatch(host):
            return stack, confidence
    return None


def _by_headers(headers: HeaderList, note: _Note) -> None:
    names = headers.names()
    for name in names:
        for stack, confidence, pattern in HEADER_RULES.get(name, ()):
            value = next((each for each in headers.get_all(name) if pattern.match(each[:_LONGEST])), None)
            if value is not None:
                note(stack, confidence, _line(name, value))
    if "set-cookie" in names:
        for cookie in headers.get_all("Set-Cookie"):
            name = cookie.partition("=")[0].strip()[:_SHOWN]
            for pattern, stack, confidence in COOKIE_RULES:
                if pattern.match(name):
                    note(stack, confidence, f"Set-Cookie: {inert(name)}")
        cookies = {cookie.partition("=")[0].strip() for cookie in headers.get_all("Set-Cookie")}
        if "XSRF-TOKEN" in cookies:
            # Laravel, Spring and Angular's back ends share the name.
            laravel = any(name.endswith("_session") for name in cookies)
            note("laravel" if laravel else "spring", MEDIUM if laravel else LOW, "Set-Cookie: XSRF-TOKEN")


def _by_combination(response: Response, note: _Note) -> None:
    """What no header proves alone, and several together do."""
    headers = response.headers

    def has(name: str, *values: str) -> bool:
        return headers.get(name) in values

    nosniff, denied = has("x-content-type-options", "nosniff"), has("x-frame-options", "DENY")
    if "x-runtime" in headers and "x-request-id" in headers:
        note("rails", HIGH, "x-request-id with x-runtime")
    three = "origin, access-control-request-method, access-control-request-headers"
    if has("vary", three):
        # Spring, Laravel, Actix and others send the same three names; only axum's layer sends them in small letters.
        note("axum", LOW, "Vary names Origin and both Access-Control-Request- headers, in small letters")
    if denied and has("referrer-policy", "same-origin") and has("cross-origin-opener-policy", "same-origin"):
        note("django", MEDIUM, "X-Frame-Options, Referrer-Policy and Cross-Origin-Opener-Policy as its defaults are")
    if denied and nosniff and has("cache-control", "no-cache, no-store, max-age=0, must-revalidate"):
        note("spring", HIGH, "Cache-Control, Pragma and X-Frame-Options as Spring Security sets them")
    if response.status >= 400 and nosniff and has("content-type", "text/plain; charset=utf-8"):
        note("go", LOW, "an error in text/plain with X-Content-Type-Options: nosniff")
    if nosniff and has("content-security-policy", "default-src 'none'") and has("content-type", _HTML):
        note("express", MEDIUM, "an error page with Content-Security-Policy: default-src 'none' and nosniff")
    if not headers.get("server") and "x-powered-by" not in headers and has("keep-alive", "timeout=72"):
        note("fastify", MEDIUM, "keep-alive: timeout=72, its default")


def _settle(found: dict[str, tuple[Confidence, dict[str, None]]]) -> None:
    """Take out what another stack explains better."""
    if "nestjs" in found:
        found.pop("express", None)
    if "rails" in found and found["rails"][0] is not LOW:
        found.pop("spring", None)
    if "laravel" in found and any(key in found for key in ("rails",)) and found["laravel"][0] is HIGH:
        found.pop("rails", None)  # laravel_session fits its pattern as well
    surest = min((_SURE[found[key][0]] for key in found if LAYER_OF[key] is Layer.APPLICATION), default=None)
    for key in [key for key in found if LAYER_OF[key] is Layer.APPLICATION]:
        if surest is not None and _SURE[found[key][0]] > surest:
            del found[key]
    if "cloudfront" in found and "s3" in found and "apigateway" in found:
        del found["s3"]


def _line(name: str, value: str) -> str:
    return f"{name}: {inert(redact_header(name, value), _SHOWN)}"


def best_places(recognised: Iterable[Recognised], status: int, most: int = 2) -> tuple[Recognised, ...]:
    """Return where a fix belongs, best first: the application, which knows its errors and its users.

    A gateway's own error (502, 503, 504) never saw the application, so the outermost server comes first then.
    """
    ordered = sorted(recognised, key=lambda each: (each.layer, _SURE[each.confidence]))
    if status in (502, 503, 504):
        ordered = sorted(ordered, key=lambda each: (-_as_gateway(each.layer), _SURE[each.confidence]))
    return tuple(ordered[:most])


def _as_gateway(layer: Layer) -> int:
    return {Layer.SERVER: 2, Layer.GATEWAY: 3, Layer.EDGE: 1}.get(layer, 0)
