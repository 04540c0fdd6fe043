"""The running addon's verdicts, for scripts."""

from typing import Any

from mitmproxy import ctx, http

from .addon import CorsAddon


def verdict_of(flow: http.HTTPFlow) -> dict[str, Any] | None:
    """Judge a flow at once and return its entry, as in ``flows`` of the JSON report; plain data.

    The addon judges a few milliseconds after a response is on its way, and then puts the entry into
    ``flow.metadata["cors"]``. A script that needs the entry in a hook of its own asks here, from ``responseheaders``
    on. Returns ``None`` where there is nothing to say: no response yet, nothing that CORS judges, no addon loaded.
    """
    addon = ctx.master.addons.get(CorsAddon.name)
    return addon.verdict_of(flow) if isinstance(addon, CorsAddon) else None
