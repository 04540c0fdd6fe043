"""How long the event loop is held by one flow with a mebibyte in one place: `bench.py --only large`.

Each piece of work between two turns of the loop is timed by itself: each hook, the verdict, what is behind it, the
lines of a report. CPU time of this thread, the best of some tries.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mitmproxy import http

from .hooks_worker import Hooked, loaded
from .measures import AFTER, ROOT, Row, Say
from .traffic import CORS, PAGE, Call, Lines, flow_of, without_sharing

MEBIBYTE: Final = 1 << 20
_TRIES: Final = 2
_TARGET: Final = "≤ 20 ms"
_PARTS: Final = {
    "letters": "x",
    "names": "x-abcdefgh, ",
    "names, all different": "",
    "percent signs": "%41%3D",
    "parameters": "?a=%3D&token=b",
    "quotes": '"\\',
    "spaces": " ",
    "Unicode": "é\u202e",
    "URLs": "http://a.test/?k=v ",
    "JSON": '{"a":{"token":',
    "random": "aB3xY9kQ2LmN7pR4sT6v",
}

Make = Callable[[str], Call]
_PREFLIGHT, _, _GET = CORS[:3]
_BARE: Final = without_sharing(_GET)


def _value(kind: str) -> str:
    part = _PARTS[kind]
    if not part:
        return ", ".join(f"x-name-{number:08}" for number in range(MEBIBYTE // 17))
    return part * (MEBIBYTE // len(part.encode()))


def _answered(name: str, call: Call = _BARE) -> Make:
    return lambda value: replace(call, answered=(*_without(call.answered, name), (name, value)))


def _asked(name: str, call: Call = _BARE) -> Make:
    return lambda value: replace(call, asked=(*_without(call.asked, name), (name, value)))


def _without(lines: Lines, name: str) -> Lines:
    return tuple(line for line in lines if line[0].lower() != name.lower())


def _redirect(value: str) -> Call:
    return replace(_GET, status=302, answered=(*_GET.answered, ("Location", "https://else.example.test/?" + value)))


def _many_lines(value: str) -> Call:
    lines = tuple((f"X-{number}", value[number * 16 : number * 16 + 16]) for number in range(len(value) // 32))
    return replace(_BARE, answered=(*_BARE.answered, *lines))


def _lines_of_one(name: str) -> Make:
    def make(value: str) -> Call:
        lines = tuple((name, value[start : start + 64]) for start in range(0, len(value), 72))
        return replace(_GET, answered=(*_GET.answered, *lines))

    return make


PLACES: Final[dict[str, Make]] = {
    "value of an unknown header": _answered("X-Other"),
    "name of a header": lambda value: replace(_BARE, answered=(*_BARE.answered, ("X-" + value, "a"))),
    "many headers": _many_lines,
    "many Set-Cookie": _lines_of_one("Set-Cookie"),
    "many Access-Control-Allow-Origin": _lines_of_one("Access-Control-Allow-Origin"),
    "many Vary": _lines_of_one("Vary"),
    "path": lambda value: replace(_BARE, path="/" + value.replace("{", "[").replace("}", "]")),
    "query": lambda value: replace(_BARE, path="/a?b=" + value.replace("{", "[").replace("}", "]")),
    "query of what passes": lambda value: replace(_GET, path="/a?b=" + value.replace("{", "[").replace("}", "]")),
    "Cookie": _asked("Cookie"),
    "Cookie of what passes": _asked("Cookie", _GET),
    "Origin": _asked("Origin"),
    "Referer": _asked("Referer"),
    "User-Agent": _asked("User-Agent"),
    "Access-Control-Request-Headers": _asked("Access-Control-Request-Headers", _PREFLIGHT),
    "Access-Control-Request-Method": _asked("Access-Control-Request-Method", _PREFLIGHT),
    "method": lambda value: replace(_BARE, method=value),
    "Access-Control-Allow-Origin": _answered("Access-Control-Allow-Origin"),
    "Access-Control-Allow-Origin with a URL": lambda value: _answered("Access-Control-Allow-Origin")(
        PAGE + "/" + value
    ),
    "Access-Control-Allow-Credentials": _answered("Access-Control-Allow-Credentials", _GET),
    "Access-Control-Allow-Headers": _answered("Access-Control-Allow-Headers", _PREFLIGHT),
    "Access-Control-Allow-Methods": _answered("Access-Control-Allow-Methods", _PREFLIGHT),
    "Access-Control-Expose-Headers": _answered("Access-Control-Expose-Headers", _GET),
    "Access-Control-Max-Age": _answered("Access-Control-Max-Age", _PREFLIGHT),
    "Content-Security-Policy": _answered("Content-Security-Policy"),
    "Content-Type": _answered("Content-Type"),
    "Cross-Origin-Embedder-Policy": _answered("Cross-Origin-Embedder-Policy"),
    "Cross-Origin-Opener-Policy": _answered("Cross-Origin-Opener-Policy"),
    "Cross-Origin-Resource-Policy": _answered("Cross-Origin-Resource-Policy"),
    "Link": _answered("Link"),
    "Location": _redirect,
    "Report-To": _answered("Report-To"),
    "Reporting-Endpoints": _answered("Reporting-Endpoints"),
    "Server": _answered("Server"),
    "Set-Cookie": _answered("Set-Cookie"),
    "Timing-Allow-Origin": _answered("Timing-Allow-Origin"),
    "Vary": _answered("Vary", _GET),
    "Via": _answered("Via"),
    "WWW-Authenticate": lambda value: replace(_answered("WWW-Authenticate")(value), status=401),
    "body of an error": lambda value: replace(_answered("Content-Type")("application/json"), status=403),
}


def _pieces(hooked: Hooked, flow: http.HTTPFlow) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what is done for a flow, in pieces between which the loop may turn."""
    addon = hooked.addon
    response, flow.response = flow.response, None
    yield "request", lambda: [hook(flow) for hook in hooked.before]

    def answered() -> None:
        flow.response = response
        for hook in hooked.after:
            hook(flow)

    yield "response", answered
    yield "verdict", addon.pipeline.turn
    yield "verdict, again", addon.pipeline.settle
    yield "causes and fixes", lambda: addon.verdict_of(flow)
    from cors_addon.mitm.contentview import text_for  # type: ignore[import-not-found,unused-ignore]

    yield "view", lambda: text_for(flow)
    yield "journal", lambda: [each.journal.prepare() for each in addon.kept.journals._journals.values()]
    yield "page", lambda: sum(1 for _ in addon.page.page._screen().prepare())
    yield "summary", lambda: addon.commands.status()
    yield "suggestion", lambda: addon.commands.rules_suggest([flow])


async def _measure(places: Mapping[str, Make], say: Say) -> list[Row]:
    rows = []
    with TemporaryDirectory() as folder, loaded(ROOT, cors_report=[str(Path(folder, "a.jsonl"))]) as hooked:
        number = 0
        values = {kind: _value(kind) for kind in _PARTS}
        flow = flow_of(10**6, time.time(), _BARE, "host.example.test", live=True)
        for _, work in _pieces(hooked, flow):  # what is slow once: imports, caches
            work()
        for place, make in places.items():
            worst: tuple[float, str, str] = (0.0, "", "")
            for kind, value in values.items():
                call = make(value)
                best: dict[str, float] = {}
                for _ in range(_TRIES):
                    number += 1
                    flow = flow_of(number, time.time(), replace(call, path="/x"), "host.example.test", live=True)
                    if call.path != _BARE.path:
                        flow.request.data.path = call.path.encode("utf-8", "surrogateescape")
                    if place.startswith("body") and flow.response is not None:
                        flow.response.data.content = value.encode()
                    for name, work in _pieces(hooked, flow):
                        begun = time.thread_time()
                        work()
                        best[name] = min(best.get(name, 1e9), time.thread_time() - begun)
                    addon = hooked.addon
                    addon.clear()
                name, taken = max(best.items(), key=lambda each: each[1])
                worst = max(worst, (taken, name, kind))
            say(f"1 MB, {place}: {worst[0] * 1e3:.1f} ms ({worst[1]}, {worst[2]})")
            rows.append(Row(f"1 MB: {place}", {AFTER: f"{worst[0] * 1e3:.1f} ms ({worst[1]}, {worst[2]})"}, _TARGET))
    return rows


def measure(roots: Mapping[str, str], say: Say, quick: bool = False) -> list[Row]:
    """Return the longest piece of work for a mebibyte in each place, of this checkout alone."""
    del roots
    logging.disable()
    return asyncio.run(_measure(dict([*PLACES.items()][:1]) if quick else PLACES, say))
