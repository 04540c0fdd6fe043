"""A HAR in the shape that Chrome's developer tools export: long header lists, stacks of callers, cookies and bodies."""

import json
import random
from collections.abc import Iterator
from typing import Any, Final

from .traffic import Call, entry_of, mixed

_MORE_ASKED: Final = (
    ("sec-ch-ua", '"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"'),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", '"Linux"'),
    ("priority", "u=1, i"),
    ("cache-control", "no-cache"),
    ("pragma", "no-cache"),
)
_MORE_ANSWERED: Final = (
    ("alt-svc", 'h3=":443"; ma=86400'),
    ("cf-cache-status", "DYNAMIC"),
    ("cf-ray", "8f1a2b3c4d5e6f70-FRA"),
    ("content-encoding", "br"),
    ("nel", '{"success_fraction":0,"report_to":"cf-nel","max_age":604800}'),
    ("report-to", '{"endpoints":[{"url":"https://a.nel.example/report/v4?s=Wg6Vf0"}],"group":"cf-nel"}'),
    ("x-request-id", "7d1f0c1e-6a53-4e08-9d0c-3a0d5b7e9f11"),
)
_TYPES: Final = {"document": "document", "empty": "fetch", "script": "script", "style": "stylesheet", "image": "image"}
_WORDS: Final = '{"id":%d,"name":"item \\"%d\\"","tags":["a","b"],"html":"<p class=\\"x\\">text</p>\\n"},'


def _stack(chance: random.Random) -> dict[str, Any]:
    frames = [
        {
            "functionName": f"call{number}",
            "scriptId": str(chance.randrange(400)),
            "url": "https://app.example.test/assets/index-4f2a9c1b.js",
            "lineNumber": chance.randrange(90),
            "columnNumber": chance.randrange(90_000),
        }
        for number in range(chance.randrange(3, 16))
    ]
    return {
        "type": "script",
        "stack": {"callFrames": frames, "parent": {"description": "Promise.then", "callFrames": frames[:4]}},
    }


def _entry(number: int, started: float, call: Call, host: str, chance: random.Random) -> dict[str, Any]:
    entry = entry_of(number, started, call, host)
    asked = dict(call.asked)
    kind = _TYPES.get(asked.get("Sec-Fetch-Dest", ""), "other")
    preflight = call.method == "OPTIONS"
    request, response = entry["request"], entry["response"]
    pseudo = ((":method", call.method), (":authority", host), (":scheme", "https"), (":path", call.path))
    request["headers"] = [{"name": name, "value": value} for name, value in (*pseudo, *_MORE_ASKED)] + request[
        "headers"
    ]
    response["headers"] += [{"name": name, "value": value} for name, value in _MORE_ANSWERED]
    body = ""
    if not preflight and kind != "image":
        body = "".join(_WORDS % (number, each) for each in range(int(chance.expovariate(1 / 120))))
    elif kind == "image":
        body = "iVBORw0KGgo" * int(chance.expovariate(1 / 900))
    response["content"] = {"size": len(body), "mimeType": "application/json", "text": body}
    response |= {"_transferSize": call.body + 300, "_error": None, "_fetchedViaServiceWorker": False}
    made_by = {"type": "preflight", "url": request["url"]} if preflight else _stack(chance)
    return {
        "_connectionId": str(number // 12),
        "_initiator": made_by,
        "_priority": "High",
        "_resourceType": "preflight" if preflight else kind,
        "connection": "443",
        "pageref": "page_1",
        **entry,
    }


def pieces_of(size: int, seed: int = 1) -> Iterator[str]:
    """Yield the text of a HAR of about so many bytes, entry by entry: one entry a piece, but for the first and last."""
    chance = random.Random(seed)
    creator = {"name": "WebInspector", "version": "537.36"}
    head = json.dumps({"log": {"version": "1.2", "creator": creator, "pages": [], "entries": []}}, indent=2)
    yield head[: head.rindex("[]")] + "["
    done = 0
    for each in mixed(1 << 30):
        text = json.dumps(_entry(*each, chance), indent=2).replace("\n", "\n      ")
        yield ("," if done else "") + "\n      " + text
        done += len(text)
        if done >= size:
            break
    yield "\n    ]\n  }\n}\n"


def write(path: str, size: int = 50_000_000) -> int:
    """Write such a HAR; return how many entries it holds."""
    count = -2
    with open(path, "w", encoding="utf-8") as file:
        for piece in pieces_of(size):
            file.write(piece)
            count += 1
    return count
