"""The same recording as somebody else may have it: other hosts, spellings, order, containers, and fields left out."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.capture.recorded import PAGE, Entry, made, zipped

Har = dict[str, Any]
OPTIONAL = (
    *("_priority", "_connectionId", "cache", "connection", "pageref", "serverIPAddress", "queryString", "cookies"),
    *("headersSize", "statusText", "redirectURL", "_transferSize", "_fetchedViaServiceWorker", "httpVersion"),
)


def entries_of(har: Har) -> list[Entry]:
    found: list[Entry] = har["log"]["entries"]
    return found


def renamed(har: Har) -> Har:
    """Other hosts and another path, wherever they are named."""
    text = json.dumps(har).replace("api.example", "backend.svc.example:8443").replace("/items", "/v2/things")
    return dict(json.loads(text.replace("http://localhost:5173", "http://localhost:4200")))


def respelled(change: Callable[[str], str]) -> Callable[[Har], Har]:
    def respell(har: Har) -> Har:
        for entry in entries_of(har):
            for side in ("request", "response"):
                for line in entry[side].get("headers") or ():
                    line["name"] = line["name"] if line["name"].startswith(":") else change(line["name"])
        return har

    return respell


def reordered(har: Har) -> Har:
    """Header lines in another order; those of one name keep theirs."""
    for entry in entries_of(har):
        for side in ("request", "response"):
            lines = entry[side].get("headers")
            if lines:
                entry[side]["headers"] = sorted(lines, key=lambda line: str(line["name"]).lower()[::-1])
    return har


def bare(har: Har) -> Har:
    """Without the fields that recorders leave out as they like."""
    for entry in entries_of(har):
        for part in (entry, entry["request"], entry["response"]):
            for name in OPTIONAL:
                part.pop(name, None)
    return har


def later(har: Har) -> Har:
    """A week later, in another time zone."""
    for entry in entries_of(har):
        moment = datetime.fromisoformat(entry["startedDateTime"]) + timedelta(days=7)
        entry["startedDateTime"] = moment.isoformat().replace("+00:00", "") + "+00:00"
    return har


def beside_others(har: Har) -> Har:
    """Among requests of the page that have nothing to do with them."""
    own = made(f"GET {PAGE}/style.css", kind="stylesheet", origin=None, at=0.2, size=90)
    own["request"]["headers"] = [line for line in own["request"]["headers"] if not line["name"].startswith("Sec-")]
    picture = {**copy.deepcopy(own), "_resourceType": "image"}
    picture["request"]["url"] = f"{PAGE}/logo.png"
    har["log"]["entries"] = [*entries_of(har), own, picture]
    return har


VARIANTS: Mapping[str, Callable[[Har], Har]] = {
    "hosts": renamed,
    "lower": respelled(str.lower),
    "upper": respelled(str.upper),
    "order": reordered,
    "bare": bare,
    "later": later,
    "others": beside_others,
}
CONTAINERS: Mapping[str, Callable[[Har], tuple[str, bytes]]] = {
    "har": lambda har: ("run.har", json.dumps(har).encode()),
    "indented": lambda har: ("run.har", json.dumps(har, indent=3).encode("utf-8-sig")),
    "log": lambda har: ("run.json", json.dumps(har["log"]).encode()),
    "list": lambda har: ("run.json", json.dumps([har]).encode()),
    "gz": lambda har: ("run.har.gz", gzip.compress(json.dumps(har).encode())),
    "zip": lambda har: ("run.zip", zipped({"run.har": json.dumps(har)})),
    "utf-16": lambda har: ("run.har", json.dumps(har).encode("utf-16")),
}


def varied(har: Har, *names: str) -> Har:
    """Apply variants, one after the other, to a copy."""
    changed = copy.deepcopy(har)
    for name in names:
        changed = VARIANTS[name](changed)
    return changed
