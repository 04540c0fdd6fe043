"""Servers that it takes code to know, each with its CORS setting. All others are blocks of ``server_list.txt``."""

import re
from collections.abc import Callable
from typing import Final

from .context import Scene
from .known_servers import KnownServer
from .server_list import LISTED


def _at(port: int, *paths: str) -> Callable[[Scene], bool]:
    pattern = re.compile("|".join(paths) or ".*")
    return lambda scene: (
        scene.target is not None and scene.target.port == port and pattern.match(scene.path) is not None
    )


def _path(pattern: str) -> Callable[[Scene], bool]:
    compiled = re.compile(pattern)
    return lambda scene: compiled.match(scene.path) is not None


def _server(*beginnings: str) -> Callable[[Scene], bool]:
    return lambda scene: scene.server.lower().startswith(beginnings)


def _bare_go(scene: Scene) -> bool:
    """Go's net/http sends no Server: one that is there speaks against it."""
    return not scene.server and "x-powered-by" not in scene.headers


def _is_vite(scene: Scene) -> bool:
    if scene.server or "x-powered-by" in scene.headers:
        return False
    return _VITE.match(scene.path) is not None or (
        scene.target is not None and scene.target.port in (5173, 5174, 4173) and scene.varies in _VITES
    )


_VITE: Final = re.compile(
    r"/@(?:vite|fs|id|react-refresh)\b|/node_modules/\.vite/|/src/[^?]*\.(?:tsx?|jsx|vue|svelte)$"
)


_VITES: Final = ({"origin"}, {"origin", "access-control-request-headers"})
"""What Vite's CORS code varies by, in responses to requests and to preflights."""

_OFF: Final = "CORS is switched off by default"

KNOWN: Final = (
    KnownServer(
        "Ollama",
        lambda scene: _bare_go(scene) and _at(11434, "/api/", "/v1/", "/$")(scene),
        "On the machine that runs Ollama",
        "Set OLLAMA_ORIGINS={origin} (several with commas) in the server's environment, then restart Ollama.",
        "port 11434 and the path",
        "OLLAMA_ORIGINS={origin}",
        "it allows localhost only",
        "OLLAMA_ORIGINS",
    ),
    KnownServer(
        "Keycloak",
        _path(r"/(?:auth/)?realms/[^/]+/(?:protocol/|\.well-known/|account|broker/)"),
        "In Keycloak's admin console, at this client's settings",
        "Add {origin} to Web Origins (`+` allows the origins of its redirect URIs).",
        "the path /realms/",
        None,
        "it allows the client's Web Origins only",
        "Web Origins",
        grants_preflights=True,
    ),
    KnownServer(
        "Auth0",
        lambda scene: "x-auth0-requestid" in scene.headers or scene.owner.name == "Auth0",
        "In Auth0's dashboard, at the application's settings",
        "Add {origin} to Allowed Web Origins and to Allowed Origins (CORS).",
        "X-Auth0-RequestId or the host",
        default="it allows listed origins only",
        list_name="Allowed Web Origins",
    ),
    KnownServer(
        "Okta",
        lambda scene: "x-okta-request-id" in scene.headers or scene.owner.name == "Okta",
        "In Okta's admin console, under Security, API, Trusted Origins",
        "Add {origin} as a trusted origin, with CORS.",
        "X-Okta-Request-Id or the host",
        default="it allows trusted origins only",
        list_name="Trusted Origins",
        grants_preflights=True,
    ),
    KnownServer(
        "Microsoft Entra ID",
        lambda scene: scene.owner.name == "Microsoft Entra ID" and scene.path.endswith("/token"),
        "In the Entra admin center, at the app registration's Authentication",
        "Register the page's redirect URI under the platform Single-page application, not Web.",
        "the host and the path /token",
        default="its token endpoint allows single-page applications only",
        list_name="single-page applications",
        grants_preflights=True,
    ),
    KnownServer(
        "Next.js",
        lambda scene: scene.path.startswith("/_next/") and "x-nextjs-cache" not in scene.headers and not scene.server,
        # allowedDevOrigins takes names without a port, and sends no header: it keeps Next.js 16 from answering 403.
        "In next.config.js of the server that is called",
        "Send the headers for /_next/ by headers(). In development, also list {name} in allowedDevOrigins.",
        "the path /_next/",
        "module.exports = {\n"
        "  allowedDevOrigins: ['{name}'],\n"
        "  async headers() {\n"
        "    const headers = [{ key: 'Access-Control-Allow-Origin', value: '{origin}' }]\n"
        "    return [{ source: '/_next/:path*', headers }]\n"
        "  },\n"
        "}",
        "its development server allows localhost only",
    ),
    KnownServer(
        "Vite",
        _is_vite,
        "In vite.config.js of the server that is called",
        "Set server.cors: { origin: '{origin}' } (preview.cors for vite preview).",
        "the path or port of Vite's development server",
        "export default {\n  server: { cors: { origin: '{origin}' } },\n}",
        "since 6.0.9 it allows localhost only",
    ),
    KnownServer(
        "webpack-dev-server",
        lambda scene: _path(r"/(?:sockjs-node|__webpack_hmr)\b|/.*\.hot-update\.js")(scene) and not scene.server,
        "In webpack.config.js of the server that is called",
        "Set devServer.headers: { 'Access-Control-Allow-Origin': '{origin}' } and devServer.allowedHosts.",
        "the path of webpack's development server",
        "devServer: { headers: { 'Access-Control-Allow-Origin': '{origin}' } }",
    ),
    KnownServer(
        "Jupyter",
        # MAMP's Apache listens at port 8888 too; Tornado always names itself.
        lambda scene: (
            _server("tornadoserver")(scene)
            and (
                _at(8888, "/api/", "/files/")(scene)
                or _path(r"/(?:[^?]*/)?api/(?:kernel|content|session|terminal)")(scene)
            )
        ),
        "In jupyter_server_config.py",
        "Set c.ServerApp.allow_origin = '{origin}'.",
        "TornadoServer and the path",
        "c.ServerApp.allow_origin = '{origin}'",
        _OFF,
        "c.ServerApp.allow_origin",
    ),
    KnownServer(
        "Socket.IO",
        _path(r"/(?:[^?]*/)?socket\.io/"),
        "Where the Socket.IO server is created",
        "Set cors: { origin: '{origin}' } in its options, with credentials: true if the client sets withCredentials. "
        "In Python: cors_allowed_origins=['{origin}'].",
        "the path /socket.io/",
        "const io = new Server(server, { cors: { origin: '{origin}' } })",
        "since version 3 CORS is switched off by default",
    ),
    KnownServer(
        "Sentry",
        _path(r"/api/\d+/(?:envelope|store|minidump|security)/"),
        "In the Sentry project's settings, under Security",
        "Add {host} to Allowed Domains.",
        "the path of Sentry's ingest",
        default="it takes events of its Allowed Domains only, which are all (*) at first",
        list_name="Allowed Domains",
    ),
    KnownServer(
        "Appwrite",
        lambda scene: _server("appwrite")(scene) or scene.host == "cloud.appwrite.io",
        "In the Appwrite console, at the project's Platforms",
        "Add a Web platform with the hostname {name}.",
        "Server or the host",
        default="it allows the project's platforms only",
        list_name="the project's platforms",
    ),
)


def known_server(scene: Scene) -> KnownServer | None:
    """Return the program that answers, by all that the scene shows; ``None`` where it is not known."""
    return next((each for each in (*KNOWN, *LISTED) if each.fits(scene)), None)
