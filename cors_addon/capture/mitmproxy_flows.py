"""Saved flows by way of mitmproxy's own classes: slower, and right for whatever version wrote them."""

from typing import Any

from mitmproxy import flow, http
from mitmproxy.io import compat, tnetstring

from ..mitm import flows
from .flow_files import UNREMARKABLE, Sighting
from .flow_keys import PROBE


def sighting_of_state(payload: bytes) -> Sighting | None:
    """Return what a flow tells, ``None`` where it is no HTTP flow; raises ``ValueError`` and its like."""
    state: Any = tnetstring.parse(ord("}"), memoryview(payload))
    loaded = flow.Flow.from_state(compat.migrate_flow(state))
    if not isinstance(loaded, http.HTTPFlow):
        return None
    if PROBE in loaded.metadata:
        return UNREMARKABLE
    seen = flows.glance(loaded)
    if seen.origin:
        answered = loaded.response is not None or loaded.error is not None
        return Sighting(flows.exchange_of(loaded)) if answered else UNREMARKABLE
    if loaded.response is None:
        return UNREMARKABLE
    cookie = (loaded.client_conn.id, loaded.id) if seen.cookie else None
    if flows.is_of_interest_without_origin(loaded, seen):
        return Sighting(flows.exchange_of(loaded), cookie)
    return Sighting(None, cookie) if cookie is not None else UNREMARKABLE
