"""Takes flows of one kind through the hooks of an addon, in a process of its own; see ``hooks.py``.

Reads how many, a line each time, and answers with ``[seconds in the hooks, seconds altogether]`` of a flow.
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from mitmproxy import http
from mitmproxy.test import taddons

from .traffic import CORS, PAGE, PLAIN, UNSHARED, Call, flow_of

KINDS: Final[dict[str, tuple[Call, ...]]] = {"plain": PLAIN, "CORS": CORS, "injected": UNSHARED}
RULES: Final = f"""version: 1
rules:
  - name: bench
    hosts: [injected.example.test]
    allow_origins: ['{PAGE}']
    allow_credentials: true
    preflight: repair
"""
_BATCH: Final = 50

Hook = Callable[[http.HTTPFlow], None]


class Hooked:
    """An addon of a checkout as a running mitmproxy has it, and its hooks for a flow's way."""

    def __init__(self, root: str) -> None:
        sys.path.insert(0, root)
        from cors_addon.mitm.addon import CorsAddon

        addon: Any = CorsAddon()
        self.addon = addon
        # What hooks leave for later: without a pipeline that is the look of every quarter of a second.
        self.drain: Callable[[], object] = addon.pipeline.settle if hasattr(addon, "pipeline") else addon._tick
        self.before = self._hooks("requestheaders", "request")
        self.after = self._hooks("responseheaders", "response")

    def _hooks(self, *names: str) -> list[Hook]:
        return [getattr(self.addon, name) for name in names if hasattr(self.addon, name)]

    def send(self, flow: http.HTTPFlow) -> None:
        """Take a flow that has its response already through the hooks, as if the response came after the request."""
        response, flow.response = flow.response, None
        for hook in self.before:
            hook(flow)
        flow.response = response
        for hook in self.after:
            hook(flow)

    def measure(self, kind: str, flows: int, number: int) -> tuple[float, float]:
        """Return the seconds of a flow in the hooks and altogether; flows are numbered from ``number`` on."""
        calls = KINDS[kind]
        host = "injected.example.test" if kind == "injected" else "host.example.test"
        in_hooks = later = 0.0
        for start in range(number, number + flows, _BATCH):
            size = min(_BATCH, number + flows - start)
            batch = [
                flow_of(n, time.time(), calls[n % len(calls)], host, live=True) for n in range(start, start + size)
            ]
            begun = time.thread_time()
            for flow in batch:
                self.send(flow)
            put = time.thread_time()
            self.drain()
            in_hooks += put - begun
            later += time.thread_time() - put
        return in_hooks / flows, (in_hooks + later) / flows


@contextlib.contextmanager
def loaded(root: str, **options: Any) -> Iterator[Hooked]:
    """Load the addon of a checkout into a mitmproxy that runs; needs a running event loop."""
    with taddons.context() as context:
        made = Hooked(root)
        context.master.addons.add(made.addon)
        context.options.update(**options)
        made.addon.running()
        yield made


async def _answer(root: str, kind: str) -> None:
    number = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rules.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(RULES)
        with loaded(root, cors_rules=path, cors_inject=True) as hooked:
            for line in sys.stdin:
                print(json.dumps(hooked.measure(kind, int(line), number)), flush=True)
                number += int(line)
                await asyncio.sleep(0)


if __name__ == "__main__":
    asyncio.run(_answer(*sys.argv[1:]))
