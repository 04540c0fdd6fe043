"""Everything that makes requests beside fetch(): elements, fonts, modules, EventSource, beacons, forms, WebSockets."""

from __future__ import annotations

import base64

from tests.browser.cases.case import (
    ANY,
    API,
    APP,
    APP_S,
    CREDENTIALED,
    ECHO,
    OTHER,
    OTHER_S,
    PREFLIGHT_OK,
    PREFLIGHT_OK_CREDENTIALED,
    Case,
    Endpoint,
    Lines,
    Load,
    Page,
    allow_origin,
    at,
    fetch,
    load,
    ok,
    one,
)
from tests.browser.server import Answer

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
# 8-bit mono PCM at 8 kHz, a tenth of a second of silence
WAV = (
    b"RIFF\x44\x03\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00"
    b"data\x20\x03\x00\x00" + b"\x80" * 800
)
VTT = b"WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n"
JAVASCRIPT = "text/javascript"

# how, content type, body
CONTENT: dict[str, tuple[str, bytes]] = {
    "img": ("image/gif", GIF),
    "script": (JAVASCRIPT, b"1"),
    "style": ("text/css", b"p{}"),
    "audio": ("audio/wav", WAV),
    "track": ("text/vtt", VTT),
    "font": ("font/woff2", b"no font at all"),
    "mask": ("image/gif", GIF),
    "module": (JAVASCRIPT, b"export {}"),
    "eventsource": ("text/event-stream", b"data: 1\n\n"),
}


def _content(how: str, *lines: Lines) -> Answer:
    kind, body = CONTENT[how]
    return ok(*lines, kind=kind, body=body)


SHARED: tuple[tuple[str, Lines], ...] = (
    ("bare", ()),
    ("echo", ECHO),
    ("any", ANY),
    ("credentialed", CREDENTIALED),
    ("else", allow_origin("http://else.test")),
)


# The crossorigin attribute, and which of these are worth trying under it.
TRIED: dict[str | None, tuple[str, ...]] = {
    None: ("bare",),
    "anonymous": ("bare", "echo", "any", "else"),
    "use-credentials": ("echo", "any", "credentialed"),
}


def _elements() -> list[Case]:
    cases = []
    for scheme, page, target in (("http", APP, OTHER), ("https", APP_S, OTHER_S)):
        for how in ("img", "script", "style", "audio", "track"):
            for mode in TRIED:
                for slug, lines in SHARED:
                    if slug not in TRIED[mode]:
                        continue
                    cases.append(
                        Case(
                            f"{how}-{scheme}-{mode or 'plain'}-{slug}",
                            "the crossorigin attribute makes the load a CORS request",
                            Page(page),
                            (load(how, at(target), **({} if mode is None else {"crossorigin": mode})),),
                            one(_content(how, lines)),
                            silent=how == "track" and mode is None,  # must be same-origin, and is not sent
                        )
                    )
        for how in ("font", "mask", "module", "eventsource"):
            for slug, lines in SHARED[:3]:
                cases.append(
                    Case(
                        f"{how}-{scheme}-{slug}",
                        "a load that is always a CORS request",
                        Page(page),
                        (load(how, at(target)),),
                        one(_content(how, lines)),
                    )
                )
        for slug, lines in SHARED[1:4]:
            cases.append(
                Case(
                    f"eventsource-{scheme}-credentials-{slug}",
                    "an EventSource with credentials",
                    Page(page),
                    (load("eventsource", at(target), withCredentials=True),),
                    one(_content("eventsource", lines)),
                )
            )
        for slug, lines in SHARED[:2]:
            cases.append(
                Case(
                    f"preload-{scheme}-{slug}",
                    "a preload with crossorigin",
                    Page(page),
                    (load("preload", at(target), crossorigin="anonymous", **{"as": "fetch"}),),
                    one(ok(lines)),
                )
            )
        own = {"a": Endpoint((_content("img"),))}
        cases.append(
            Case(
                f"img-{scheme}-own-anonymous",
                "same-origin with crossorigin: Origin may be sent, no check is made",
                Page(page),
                (load("img", at(page), crossorigin="anonymous"),),
                own,
            )
        )
        cases.append(
            Case(
                f"module-{scheme}-import",
                "a module of the page's own imports one from elsewhere",
                Page(page),
                (load("module", at(page)),),
                {
                    "a": Endpoint((ok(kind=JAVASCRIPT, body=f"import '{at(target, 'b')}'".encode()),)),
                    "b": Endpoint((_content("module"),)),
                },
            )
        )
        cases.append(
            Case(
                f"module-{scheme}-import-shared",
                "the same, allowed",
                Page(page),
                (load("module", at(page)),),
                {
                    "a": Endpoint((ok(kind=JAVASCRIPT, body=f"import '{at(target, 'b')}'".encode()),)),
                    "b": Endpoint((_content("module", ECHO),)),
                },
            )
        )
        cases.append(
            Case(
                f"module-{scheme}-tag",
                "a script element of type module",
                Page(page),
                (load("script", at(target), type="module"),),
                one(_content("module", ANY)),
            )
        )
        cases.append(
            Case(
                f"module-{scheme}-tag-bare",
                "a script element of type module, not shared",
                Page(page),
                (load("script", at(target), type="module"),),
                one(_content("module")),
            )
        )
    return cases


def _beacons_and_forms() -> list[Case]:
    cases = []
    for scheme, page, target in (("http", APP, OTHER), ("https", APP_S, OTHER_S)):
        plain: tuple[tuple[str, str, Load], ...] = (
            ("beacon-text", "a beacon with text", load("beacon", at(target))),
            ("beacon-plain-blob", "a beacon of a safelisted type", load("beacon", at(target), type="text/plain")),
            ("form-post", "a form", load("form", at(target))),
            ("form-post-plain", "a form as text", load("form", at(target), enctype="text/plain")),
            ("form-get", "a form with GET", load("form", at(target), method="GET")),
            ("iframe", "a frame", load("iframe", at(target))),
            ("ping", "a hyperlink's ping", load("ping", at(target))),
            ("no-cors-get", "an opaque response", fetch(at(target), mode="no-cors")),
            ("no-cors-include", "with credentials", fetch(at(target), mode="no-cors", credentials="include")),
            ("no-cors-post", "a POST nobody reads", fetch(at(target), "POST", mode="no-cors", body="x")),
            ("no-cors-head", "a HEAD nobody reads", fetch(at(target), "HEAD", mode="no-cors")),
            (
                "no-cors-post-no-referrer",
                "a POST whose origin is hidden",
                fetch(at(target), "POST", mode="no-cors", body="x", referrerPolicy="no-referrer"),
            ),
            ("own-post", "the page's own server", fetch(at(page), "POST", body="x")),
            ("own-put", "the page's own server", fetch(at(page), "PUT", body="x")),
            ("own-get-header", "the page's own server", fetch(at(page), headers={"X-Custom": "1"})),
            ("own-same-origin-mode", "the page's own server", fetch(at(page), mode="same-origin")),
            ("keepalive", "a request that outlives the page", fetch(at(target), "POST", body="x", keepalive=True)),
            ("hidden-referrer", "mode cors keeps its origin", fetch(at(target), referrerPolicy="no-referrer")),
            ("form-encoded", "a safelisted type", fetch(at(target), "POST", body="a=b")),
            (
                "form-type",
                "a safelisted type, spelled out",
                fetch(at(target), "POST", body="a=b", headers={"Content-Type": "application/x-www-form-urlencoded"}),
            ),
            (
                "safelisted-headers",
                "no preflight for any of these",
                fetch(at(target), headers={"Accept": "text/x", "Accept-Language": "de", "Content-Language": "de"}),
            ),
            ("range", "a safelisted range", fetch(at(target), headers={"Range": "bytes=0-9"})),
            ("xhr", "XMLHttpRequest", load("xhr", at(target))),
            ("xhr-post", "XMLHttpRequest with POST", load("xhr", at(target), method="POST", body="x")),
            ("worker-own", "a worker script", load("worker", at(page))),
        )
        for slug, why, request in plain:
            answer = ok(kind=JAVASCRIPT, body=b"postMessage(1)") if slug == "worker-own" else ok()
            cases.append(
                Case(
                    f"plain-{scheme}-{slug}",
                    f"{why}; no header comes back",
                    Page(page),
                    (request,),
                    one(answer),
                    silent=slug == "ping",  # Firefox sends none by default
                )
            )
        json_beacon = load("beacon", at(target), type="application/json", body="{}")
        for slug, preflight in (
            ("refused", Answer(404)),
            ("any", Answer(204, ANY)),
            ("passes", PREFLIGHT_OK_CREDENTIALED),
            ("not-credentialed", PREFLIGHT_OK),
        ):
            cases.append(
                Case(
                    f"beacon-{scheme}-json-{slug}",
                    "a beacon that needs a preflight, always with credentials",
                    Page(page),
                    (json_beacon,),
                    one(ok(CREDENTIALED), preflight),
                )
            )
        socket = target.replace("http", "ws", 1)
        upgrade = Answer(
            101, (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", "<accept>"))
        )
        cases.append(
            Case(
                f"websocket-{scheme}",
                "no CORS for WebSockets",
                Page(page),
                (load("websocket", at(socket)),),
                one(upgrade),
            )
        )
        cases.append(
            Case(
                f"websocket-{scheme}-refused",
                "a handshake that is refused",
                Page(page),
                (load("websocket", at(socket)),),
                one(ok(status=403)),
            )
        )
    return cases


def _elsewhere() -> list[Case]:
    """The same fetch from a worker and from frames."""
    cases = []
    for scheme, page, target in (("http", APP, OTHER), ("https", APP_S, OTHER_S)):
        for where, slug in (
            ("worker", "worker"),
            (f"frame {page}", "own-frame"),
            (f"frame {page.replace('app', 'third')}", "cross-frame"),
            (f"sandbox {page}", "sandbox"),
            ("data", "data"),
            ("serviced", "serviced"),
        ):
            if slug == "serviced" and scheme == "http":
                continue  # service workers are for https alone
            for name, lines in (*SHARED[:3], ("null", allow_origin("null"))):
                cases.append(
                    Case(
                        f"from-{scheme}-{slug}-{name}",
                        "the origin is that of the place, and null in a sandbox and a data: document",
                        Page(page),
                        (fetch(at(target), where=where),),
                        one(ok(lines)),
                    )
                )
            cases.append(
                Case(
                    f"from-{scheme}-{slug}-put",
                    "a preflight from there",
                    Page(page),
                    (fetch(at(target), "PUT", where=where),),
                    one(ok(ECHO), PREFLIGHT_OK),
                )
            )
            cases.append(
                Case(
                    f"from-{scheme}-{slug}-put-refused",
                    "a preflight from there that is refused",
                    Page(page),
                    (fetch(at(target), "PUT", where=where),),
                    one(ok(ECHO), Answer(405)),
                )
            )
        cases.append(
            Case(
                f"from-{scheme}-sandbox-home",
                "a sandboxed frame is cross-origin to its own server",
                Page(page),
                (fetch(at(page), where=f"sandbox {page}"),),
                one(ok()),
            )
        )
        cases.append(
            Case(
                f"from-{scheme}-sandbox-form",
                "a form from a sandboxed frame",
                Page(page),
                (load("form", at(target), where=f"sandbox {page}"),),
                one(ok()),
            )
        )
    cases.append(
        Case(
            "from-http-same-site-frame",
            "a frame of the same site calls the page's origin",
            Page(APP),
            (fetch(at(APP), where=f"frame {API}"),),
            one(ok()),
        )
    )
    return cases


CASES: tuple[Case, ...] = (*_elements(), *_beacons_and_forms(), *_elsewhere())
