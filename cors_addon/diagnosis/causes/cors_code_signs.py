"""What shows that CORS code, and whose, answered with a refusal."""

from typing import Final

from ...fetch.checks import ALLOW_HEADERS, ALLOW_METHODS, ALLOW_ORIGIN
from ...fetch.headers import byte_lowercase
from ...fetch.methods import is_cors_safelisted_method
from ...traffic.body_hints import Hint
from .context import Scene, shown

_LISTS: Final = (ALLOW_METHODS, ALLOW_HEADERS, "Access-Control-Max-Age")
ASKED_METHOD: Final = "access-control-request-method"
"""In Vary: what CORS code of Spring and others adds to each of its responses, and little else does."""

ASKED: Final = frozenset({ASKED_METHOD, "access-control-request-headers"})
SAYS_ORIGIN: Final = (Hint.ORIGIN_REFUSED,)
SAYS_CORS: Final = (Hint.CORS_REFUSED, Hint.METHOD_REFUSED, Hint.HEADERS_REFUSED)


def is_aspnets(scene: Scene) -> bool:
    """Say whether a response is the empty 204 with which ASP.NET Core's middleware refuses a preflight."""
    return scene.status == 204 and scene.server.lower() == "kestrel" and "allow" not in scene.headers


def is_apims(scene: Scene) -> bool:
    """Say whether a response is the empty 200 with which Azure API Management's cors policy refuses an origin.

    https://learn.microsoft.com/azure/api-management/cors-policy
    """
    ours = scene.owner.name == "Azure API Management" and scene.status == 200
    return ours and scene.headers.get("Content-Length") == "0" and not scene.has_cors_headers


def by_cors_code(scene: Scene) -> str:
    """Name what only CORS code sends with a refusal; empty where there is nothing of the kind."""
    for name in _LISTS:
        if name in scene.headers:
            return name
    if scene.says(*SAYS_CORS):
        return "words that name CORS"
    if scene.varies & ASKED:
        return "Vary: Access-Control-Request-..."
    return "Vary: Origin" if scene.varies == {"origin"} else ""


def missing_in(scene: Scene) -> str:
    """Say what of a preflight is not allowed, as far as its response or its body tells."""
    missing = []
    if ALLOW_ORIGIN not in scene.headers and not scene.says(Hint.METHOD_REFUSED, Hint.HEADERS_REFUSED):
        missing.append(f"origin {shown(scene.origin, 60)}")
    methods = scene.listed(ALLOW_METHODS)
    listed = scene.method in methods or "*" in methods or is_cors_safelisted_method(scene.method)
    if scene.says(Hint.METHOD_REFUSED) or (methods and not listed):
        missing.append(f"method {shown(scene.method, 20)}")
    allowed = [byte_lowercase(name) for name in scene.listed(ALLOW_HEADERS)]
    lacking = [name for name in scene.record.asked_names if name not in allowed and "*" not in allowed]
    if lacking and (ALLOW_HEADERS in scene.headers or scene.says(Hint.HEADERS_REFUSED)):
        missing.append(f"header {shown(', '.join(lacking), 80)}")
    return " and ".join(missing)


def is_tomcats(scene: Scene) -> bool:
    """Say whether a refusal is empty text/plain, as Tomcat's CorsFilter writes it.

    https://tomcat.apache.org/tomcat-9.0-doc/config/filter.html#CORS_Filter
    """
    kind = (scene.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    empty = scene.headers.get("Content-Length") == "0" or scene.server.startswith("Apache-Coyote")
    return scene.status == 403 and kind == "text/plain" and empty and not scene.body_hints


def is_bare(scene: Scene) -> bool:
    """Say whether a response is as bare as CORS code makes one: no type, no server, no challenge."""
    there = ("content-type", "www-authenticate", "server", "x-powered-by", "via", "set-cookie")
    return not any(name in scene.headers for name in there)
