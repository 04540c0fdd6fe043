"""A mitmdump script, loaded after the addon: counts what passes, what was judged, and what the process holds.

It decides nothing and changes nothing. A request whose path is `/s/KIND/...` counts under its kind.
"""

import asyncio
import gc
import itertools
import json
import logging
import os
import re
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from mitmproxy import command, ctx, http

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.hard.soaking.turns import Turns

_SHOWN = 20
_COUNT_EVERY = 600.0
"""Seconds between counts of the addon's own objects: to go through all of a large heap takes a second and more."""
_FORGOTTEN = re.compile(r"Task was destroyed but it is pending.*ConnectionHandler\.open_connection\(\)", re.DOTALL)
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class _Errors(logging.Handler):
    """Keeps what a log must not hold: errors, and the addon's word for an exception of its own.

    Apart from the rest stands what mitmproxy does by itself: it forgets tasks that wait for their turn to connect.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = self.forgotten = 0
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno < logging.ERROR and "fault of its own" not in text and record.exc_info is None:
            return
        if record.name.startswith("mitmproxy") and _FORGOTTEN.search(text):
            self.forgotten += 1
            return
        self.count += 1
        if len(self.lines) < _SHOWN:
            self.lines.append(f"{record.name}: {text}")


class Watch:
    def __init__(self) -> None:
        self.errors = _Errors()
        self.open: dict[str, http.HTTPFlow] = {}
        self.flows = self.with_origin = 0
        self.own = self.unended = 0
        self._count_own_at = 0.0
        self.not_judged: list[str] = []
        self.outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.turns = Turns()

    def running(self) -> None:
        self.turns.start()

    def load(self, loader: object) -> None:
        logging.getLogger().addHandler(self.errors)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        self.flows += 1
        if "origin" in flow.request.headers:
            self.with_origin += 1
            self.open[flow.id] = flow

    def response(self, flow: http.HTTPFlow) -> None:
        self._ended(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._ended(flow)

    def _ended(self, flow: http.HTTPFlow) -> None:
        if self.open.pop(flow.id, None) is None:
            return
        addon = self._addon()
        if addon is None:
            return
        # Verdicts come a moment after the response.
        addon.drain()
        outcome = flow.metadata.get("cors.outcome")
        if outcome is None and flow.id in addon.kept._not_cors:
            outcome = "not-cors"
        if outcome is None and len(self.not_judged) < _SHOWN:
            what = "no response" if flow.response is None else str(flow.response.status_code)
            failure = "" if flow.error is None else f", {flow.error.msg}"
            self.not_judged.append(f"{flow.request.method} {flow.request.pretty_url}: {what}{failure}")
        self.outcomes[_kind(flow)][outcome or "none"] += 1

    def _addon(self) -> Any:
        return ctx.master.addons.get("cors-addon")

    @command.command("soak.collect")
    def collect(self) -> None:
        """Let go of garbage, closed sockets among it. It stops everything for seconds: the load has to be over."""
        gc.collect()

    @command.command("soak.counts")
    def counts(self) -> str:
        """Count what passed and what is held right now; as JSON. Without the addon, it holds nothing."""
        addon = self._addon()
        now = time.monotonic()
        if now > self._count_own_at and not (addon is not None and addon.reporting.under_way):
            # CPython raises SystemError where a tuple grows, in the report's thread, that get_objects() has shown. And
            # a list of them that outlives a collection has asyncio report errors that nobody waits for.
            self._count_own_at = now + _COUNT_EVERY
            self.own = sum(map(_is_the_addons, gc.get_objects()))
        unended = [
            flow for flow in self.open.values() if (flow.client_conn.timestamp_end or time.time()) < time.time() - 60
        ]
        for flow in unended:
            # mitmproxy tells no end of them, and closed both their connections.
            self._ended(flow)
        self.unended += len(unended)
        held = dict.fromkeys(("judged", "verdicts", "waiting", "live"), 0)
        if addon is not None:
            pipeline = addon.pipeline
            on_their_way = (addon._open, pipeline._inbox, pipeline._ended, pipeline._held, pipeline._intake.touched)
            held["judged"] = addon.kept.judged
            held["verdicts"] = len(addon.kept.verdicts)
            held["waiting"] = sum(map(len, on_their_way))
            held["live"] = len(addon.kept._flows)
        counts = {
            "rss": int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES,
            "own": self.own,
            "fds": len(os.listdir("/proc/self/fd")),
            "tasks": len(asyncio.all_tasks()),
            "own_tasks": sum("cors" in task.get_name() for task in asyncio.all_tasks()),
            "threads": threading.active_count(),
            "cpu": sum(os.times()[:2]),
            "flows": self.flows,
            "with_origin": self.with_origin,
            "open": len(self.open),
            "unended": self.unended,
            "open_lines": [_described(flow) for flow in itertools.islice(self.open.values(), _SHOWN)],
            "errors": self.errors.count,
            "forgotten": self.errors.forgotten,
            "turns": self.turns.count,
            "long_turns": self.turns.long,
            "most_own": self.turns.most_own,
            "most_steps": self.turns.most_steps,
            "longest": self.turns.longest,
            "collections": [(len(taken), sum(taken), max(taken, default=0)) for taken in self.turns.collections],
            "error_lines": self.errors.lines,
            "not_judged": self.not_judged,
            "outcomes": {kind: dict(counter) for kind, counter in self.outcomes.items()},
            **held,
        }
        return json.dumps(counts)


def _is_the_addons(held: object) -> bool:
    return str(type(held).__module__).startswith("cors_addon.")


def _described(flow: http.HTTPFlow) -> str:
    """Say of a flow that never ended what it is, and how far mitmproxy got with it."""
    request, server = flow.request, flow.server_conn
    got = "no response" if flow.response is None else f"response {flow.response.status_code}"
    body = "streamed" if request.stream else "no body" if request.raw_content is None else "with its body"
    connections = f"client {flow.client_conn.state.name}, server {server.state.name} {server.error or ''}".rstrip()
    age = time.time() - request.timestamp_start
    return (
        f"{_kind(flow)}: {request.method} {request.pretty_url} ({request.http_version}, {body}): {got}, "
        f"{connections}, {age:.0f} s old"
    )


def _kind(flow: http.HTTPFlow) -> str:
    parts = flow.request.path.split("/")
    return parts[2] if len(parts) > 3 and parts[1] == "s" else "browser"


addons = [Watch()]
