"""Servers that are known by their port, path or headers, and the setting by which each allows an origin.

What a server is names the setting to change. It is never by itself a cause.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ...verdict.model import Confidence, Snippet
from .context import Scene


@dataclass(frozen=True, slots=True)
class KnownServer:
    """A program with a CORS setting of its own.

    ``fits`` looks at the scene; ``where`` and ``setting`` say where to act and what to write, with ``{origin}`` in the
    place of the page's. ``snippet`` is the setting as text, ``None`` where there is none. ``default`` says what the
    program does unless told otherwise. ``because`` says by what it is known.
    """

    name: str
    fits: Callable[[Scene], bool]
    where: str
    setting: str
    because: str
    snippet: str | None = None
    default: str = ""
    list_name: str = ""
    """How its own allowlist is called."""
    grants_preflights: bool = False
    """Whether it grants every preflight, and holds the header back from the response to the request."""

    def fix(self, scene: Scene) -> str:
        return self.setting.replace("{origin}", _listed(scene.origin)).replace("{host}", _hostname(scene.origin))

    def text(self, scene: Scene) -> Snippet | None:
        if self.snippet is None or not _HARMLESS.fullmatch(scene.origin):
            return None
        text = self.snippet.replace("{origin}", scene.origin).replace("{host}", _hostname(scene.origin))
        return Snippet(self.name, text, Confidence.HIGH, self.because)


_HARMLESS: Final = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9._:\[\]-]+")


def _listed(origin: str) -> str:
    """Return an origin as it stands in a list; a page without one needs one first."""
    return "*" if origin == "null" else origin[:200]


def _hostname(origin: str) -> str:
    return origin.partition("://")[2][:200] or origin[:200]


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
        scene.target is not None and scene.target.port in (5173, 5174, 4173) and scene.varies == {"origin"}
    )


_VITE: Final = re.compile(r"/@(?:vite|fs|id|react-refresh)\b|/node_modules/\.vite/")

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
        "LM Studio",
        _at(1234, "/v1/", "/api/v[01]/"),
        "In LM Studio's server settings",
        "Switch on Enable CORS, or start the server with `lms server start --cors`.",
        "port 1234 and the path",
        "lms server start --cors",
        "CORS is switched off by default",
    ),
    KnownServer(
        "ComfyUI",
        _at(8188),
        "Where ComfyUI is started",
        "Add `--enable-cors-header {origin}` to the command line.",
        "port 8188",
        "python main.py --enable-cors-header {origin}",
        "it refuses other origins",
    ),
    KnownServer(
        "Automatic1111's web UI",
        _at(7860, "/sdapi/"),
        "Where the web UI is started",
        "Add `--cors-allow-origins={origin}` to COMMANDLINE_ARGS.",
        "port 7860 and the path",
        "--api --cors-allow-origins={origin}",
    ),
    KnownServer(
        "Home Assistant",
        lambda scene: (
            _at(8123)(scene) or (_server("python")(scene) and "aiohttp" in scene.server and scene.path == "/api/")
        ),
        "In Home Assistant's configuration.yaml",
        "Add {origin} to the list of cors_allowed_origins under http, then restart.",
        "port 8123, or aiohttp with the path /api/",
        "http:\n  cors_allowed_origins:\n    - {origin}",
        list_name="cors_allowed_origins",
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
        "In next.config.js of the server that is called",
        "Set allowedDevOrigins: ['{host}'] (development), or send the headers by headers() in next.config.js.",
        "the path /_next/",
        "module.exports = { allowedDevOrigins: ['{host}'] }",
        "its development server allows its own origin only",
        "allowedDevOrigins",
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
        lambda scene: _path(r"/(?:sockjs-node|ws|__webpack_hmr)\b|/.*\.hot-update\.js")(scene) and not scene.server,
        "In webpack.config.js of the server that is called",
        "Set devServer.headers: { 'Access-Control-Allow-Origin': '{origin}' } and devServer.allowedHosts.",
        "the path of webpack's development server",
        "devServer: { headers: { 'Access-Control-Allow-Origin': '{origin}' } }",
    ),
    KnownServer(
        "Jellyfin",
        _at(8096),
        "In Jellyfin's dashboard, under Networking",
        "Add {origin} to the CORS hosts, then restart.",
        "port 8096",
    ),
    KnownServer(
        "n8n",
        _path(r"/webhook(?:-test)?/"),
        "In the n8n workflow, at the Webhook or Chat Trigger node's options",
        "Set Allowed Origins (CORS) to {origin}.",
        "the path /webhook/",
    ),
    KnownServer(
        "Elasticsearch",
        lambda scene: _at(9200)(scene) or "x-elastic-product" in scene.headers,
        "In elasticsearch.yml",
        'Set http.cors.enabled: true and http.cors.allow-origin: "{origin}", then restart.',
        "port 9200 or X-Elastic-Product",
        'http.cors.enabled: true\nhttp.cors.allow-origin: "{origin}"',
        "CORS is switched off by default",
    ),
    KnownServer(
        "CouchDB",
        lambda scene: _at(5984)(scene) or _server("couchdb")(scene),
        "In CouchDB's configuration (Fauxton, Configuration, CORS)",
        "Enable CORS and add {origin}.",
        "port 5984 or Server",
        "[chttpd]\nenable_cors = true\n[cors]\norigins = {origin}",
        "CORS is switched off by default",
    ),
    KnownServer(
        "InfluxDB or Prometheus",
        lambda scene: _at(9090, "/api/v1/")(scene),
        "Where Prometheus is started",
        "Set --web.cors.origin to a regular expression that matches {origin}.",
        "port 9090 and the path",
    ),
    KnownServer(
        "Jupyter",
        lambda scene: _at(8888, "/api/", "/files/")(scene) or _server("tornadoserver")(scene),
        "In jupyter_server_config.py",
        "Set c.ServerApp.allow_origin = '{origin}'.",
        "port 8888 or TornadoServer",
        "c.ServerApp.allow_origin = '{origin}'",
    ),
    KnownServer(
        "MinIO",
        _server("minio"),
        "Where MinIO is started",
        "Set MINIO_API_CORS_ALLOW_ORIGIN={origin}.",
        "Server: MinIO",
        "MINIO_API_CORS_ALLOW_ORIGIN={origin}",
    ),
    KnownServer(
        "Netdata",
        _server("netdata"),
        "In netdata.conf, section [web]",
        "Set the allowed origins, or put a proxy in front that sends the header.",
        "Server: Netdata",
    ),
)


def known_server(scene: Scene) -> KnownServer | None:
    """Return the program that answers, by all that the scene shows; ``None`` where it is not known."""
    return next((each for each in KNOWN if each.fits(scene)), None)
