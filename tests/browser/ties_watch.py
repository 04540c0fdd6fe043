"""A mitmdump script, loaded after the addon: which requests of a listened-to browser are tied to a flow."""

import json
from typing import Any

from mitmproxy import command, ctx


class TiesWatch:
    @command.command("ties.counts")
    def counts(self) -> str:
        """Return as JSON how many requests are tied, and which requests and flows are without the other."""
        told: dict[str, Any] = {"tied": 0, "without_flow": [], "waiting": [], "flows": []}
        for browser in ctx.master.addons.get("cors-addon").browsers._running:
            ties = browser.ties
            told["tied"] += ties.tied
            told["without_flow"] += [_shown(each) for each in ties._gone.values() if each.unsent is None]
            for queue in ties._queues.values():
                # Of a document that a service worker leaves to the network, Firefox tells the first half and no more.
                told["waiting"] += [_shown(each) for each in queue.requests if each.is_settled or each.on_wire]
                told["flows"] += [flow.id for flow in queue.flows]
        return json.dumps(told)


def _shown(request: Any) -> str:
    settled = f", settled after {request.settled - request.started:.2f} s" if request.settled else ""
    return f"{request.method} {request.url}: {request.outcome.value} {request.error or ''}{settled}"


addons = [TiesWatch()]
