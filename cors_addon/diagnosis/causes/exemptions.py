"""Where OPTIONS is let through without credentials, in gateways and programs that are known."""

from typing import Final

from ...traffic.body_hints import Hint
from ..platform_settings import setting_of
from .context import Scene, shown
from .server_table import known_server

_SAY_SO: Final = (
    (Hint.APIGEE_CREDENTIALS, "Apigee"),
    (Hint.WSO2_CREDENTIALS, "WSO2 API Manager"),
    (Hint.ENVOY_JWT, "Istio or Envoy"),
)


def exemption(scene: Scene) -> tuple[str | None, str | None]:
    """Return where OPTIONS is let through without credentials, and how, for the gateway or program that is known."""
    name = next((name for hint, name in _SAY_SO if scene.says(hint)), None)
    if "x-kong-response-latency" in scene.headers and "x-kong-upstream-latency" not in scene.headers:
        name = "Kong"
    elif "azureapimanagementkey" in (scene.headers.get("WWW-Authenticate") or "").lower():
        name = "Azure API Management"
    if name is not None:
        return setting_of(name, shown(scene.origin, 100)) or (None, None)
    server = known_server(scene)
    return (server.where, server.fix(scene)) if server is not None and server.default else (None, None)
