"""The table of servers that are known by their port, path or headers, each with its CORS setting.

Ports are the ones that each program listens on unless told otherwise. ``server_list.py`` has those that one sign tells.
"""

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
        scene.target is not None and scene.target.port in (5173, 5174, 4173) and scene.varies == {"origin"}
    )


_VITE: Final = re.compile(r"/@(?:vite|fs|id|react-refresh)\b|/node_modules/\.vite/")


def _powered(name: str) -> Callable[[Scene], bool]:
    return lambda scene: (scene.headers.get("X-Powered-By") or "").lower().startswith(name)


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
            _at(8123, "/api/", "/auth/")(scene)
            or (_server("python")(scene) and "aiohttp" in scene.server and scene.path == "/api/")
        ),
        "In Home Assistant's configuration.yaml",
        "Add {origin} to the list of cors_allowed_origins under http, then restart.",
        "port 8123 and the path, or aiohttp with the path /api/",
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
        lambda scene: (
            _at(8888, "/api/", "/files/")(scene)
            or (
                _server("tornadoserver")(scene) and _path(r"/(?:[^?]*/)?api/(?:kernel|content|session|terminal)")(scene)
            )
        ),
        "In jupyter_server_config.py",
        "Set c.ServerApp.allow_origin = '{origin}'.",
        "port 8888, or TornadoServer and the path",
        "c.ServerApp.allow_origin = '{origin}'",
        _OFF,
        "c.ServerApp.allow_origin",
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
    KnownServer(
        "Socket.IO",
        _path(r"/(?:[^?]*/)?socket\.io/"),
        "Where the Socket.IO server is created",
        "Set cors: { origin: '{origin}' } in its options, with credentials: true if the client sets withCredentials.",
        "the path /socket.io/",
        "const io = new Server(server, { cors: { origin: '{origin}' } })",
        "since version 3 CORS is switched off by default",
    ),
    KnownServer(
        "Strapi",
        _powered("strapi"),
        "In Strapi's config/middlewares.js, at strapi::cors",
        "Set origin to a list with {origin}, and add the request's header names to headers.",
        "X-Powered-By",
        list_name="strapi::cors origin",
    ),
    KnownServer(
        "Directus",
        _powered("directus"),
        "In Directus' environment",
        "Set CORS_ENABLED=true and CORS_ORIGIN={origin}, then restart.",
        "X-Powered-By",
        "CORS_ENABLED=true\nCORS_ORIGIN={origin}",
        _OFF,
    ),
    KnownServer(
        "OpenTelemetry Collector",
        _at(4318, "/v1/(?:traces|metrics|logs)$"),
        "In the collector's configuration, at receivers.otlp.protocols.http",
        "Add {origin} to cors.allowed_origins, and the request's header names to cors.allowed_headers.",
        "port 4318 and the path",
        "receivers:\n  otlp:\n    protocols:\n      http:\n        cors:\n          allowed_origins: ['{origin}']",
        _OFF,
    ),
    KnownServer(
        "Sentry",
        _path(r"/api/\d+/(?:envelope|store|minidump|security)/"),
        "In the Sentry project's settings, under Security",
        "Add {host} to Allowed Domains.",
        "the path of Sentry's ingest",
        default="it takes events of its Allowed Domains only",
        list_name="Allowed Domains",
    ),
    KnownServer(
        "IdentityServer",
        _path(r"/(?:[^?]*/)?connect/(?:token|userinfo|revocation|introspect)$"),
        "In the client's configuration in IdentityServer",
        "Add {origin} to the client's AllowedCorsOrigins.",
        "the path /connect/",
        default="it allows its clients' AllowedCorsOrigins only",
        list_name="AllowedCorsOrigins",
    ),
    KnownServer(
        "authentik",
        _path(r"/application/o/(?:token|userinfo|revoke|introspect)/"),
        "In authentik's admin interface, at the provider",
        "Add a redirect URI of {origin}: its origin is then allowed.",
        "the path /application/o/",
        default="it allows the origins of its redirect URIs only",
        list_name="redirect URIs",
    ),
    KnownServer(
        "Ory",
        lambda scene: _at(4444, "/oauth2/", "/userinfo")(scene) or _at(4433, "/self-service/", "/sessions/")(scene),
        "In the environment of Ory Hydra or Kratos",
        "Set SERVE_PUBLIC_CORS_ENABLED=true and SERVE_PUBLIC_CORS_ALLOWED_ORIGINS={origin}.",
        "port 4444 or 4433 and the path",
        "SERVE_PUBLIC_CORS_ENABLED=true\nSERVE_PUBLIC_CORS_ALLOWED_ORIGINS={origin}",
        _OFF,
    ),
    KnownServer(
        "AnkiConnect",
        _at(8765, "/$"),
        "In Anki, under Tools, Add-ons, AnkiConnect, Config",
        "Add {origin} to webCorsOriginList, then restart Anki.",
        "port 8765",
        '"webCorsOriginList": ["http://localhost", "{origin}"]',
        "it allows http://localhost only",
        "webCorsOriginList",
    ),
    KnownServer(
        "Kubo",
        _at(5001, "/api/v0/"),
        "Where the IPFS daemon runs",
        "Add {origin} to API.HTTPHeaders.Access-Control-Allow-Origin, then restart the daemon.",
        "port 5001 and the path",
        "ipfs config --json API.HTTPHeaders.Access-Control-Allow-Origin '[\"{origin}\"]'",
        "it allows its own pages only",
        "API.HTTPHeaders",
    ),
    KnownServer(
        "Geth",
        _at(8545, "/$"),
        "Where the node is started",
        "Add `--http.corsdomain {origin}` to the command line.",
        "port 8545",
        "geth --http --http.corsdomain {origin}",
        _OFF,
        "--http.corsdomain",
    ),
    KnownServer(
        "Node-RED",
        _at(1880),
        "In Node-RED's settings.js",
        "Set httpNodeCors: { origin: '{origin}', methods: 'GET,PUT,POST,DELETE' }, then restart.",
        "port 1880",
        "httpNodeCors: { origin: '{origin}', methods: 'GET,PUT,POST,DELETE' },",
        _OFF,
    ),
    KnownServer(
        "RabbitMQ's management API",
        _at(15672, "/api/"),
        "In rabbitmq.conf",
        "Set management.cors.allow_origins.1 = {origin}, then restart.",
        "port 15672 and the path",
        "management.cors.allow_origins.1 = {origin}",
        _OFF,
    ),
    KnownServer(
        "Vault",
        _at(8200, "/v1/"),
        "With Vault's command line",
        "Enable CORS for {origin}.",
        "port 8200 and the path",
        'vault write sys/config/cors enabled=true allowed_origins="{origin}"',
        _OFF,
    ),
    KnownServer(
        "Consul",
        _at(8500, "/v1/"),
        "In Consul's configuration",
        "Set the header in http_config.response_headers.",
        "port 8500 and the path",
        'http_config {\n  response_headers {\n    "Access-Control-Allow-Origin" = "{origin}"\n  }\n}',
    ),
    KnownServer(
        "MLflow",
        _path(r"/(?:ajax-)?api/2\.0/mlflow/"),
        "Where the MLflow server is started",
        "Add `--cors-allowed-origins {origin}`.",
        "the path",
        "mlflow server --cors-allowed-origins {origin}",
        "it allows localhost only",
        "--cors-allowed-origins",
    ),
    KnownServer(
        "Airflow",
        _path(r"/api/v[12]/(?:dags|dagRuns|pools|variables|connections)\b"),
        "In airflow.cfg, section [api]",
        "Set access_control_allow_origins, access_control_allow_methods and access_control_allow_headers.",
        "the path",
        "[api]\naccess_control_allow_origins = {origin}",
        _OFF,
    ),
    KnownServer(
        "Docker registry",
        lambda scene: "docker-distribution-api-version" in scene.headers,
        "In the registry's config.yml, under http.headers",
        "Set Access-Control-Allow-Origin, -Methods, -Headers and -Credentials there.",
        "Docker-Distribution-Api-Version",
        "http:\n  headers:\n    Access-Control-Allow-Origin: ['{origin}']",
        _OFF,
    ),
    KnownServer(
        "Jenkins",
        lambda scene: "x-jenkins" in scene.headers,
        "In Jenkins",
        "Install the CORS support plugin and add {origin}, or put a proxy in front that sends the headers.",
        "X-Jenkins",
    ),
    KnownServer(
        "Kibana",
        lambda scene: "kbn-name" in scene.headers,
        "In kibana.yml",
        'Set server.cors.enabled: true and server.cors.allowOrigin: ["{origin}"], then restart.',
        "Kbn-Name",
        'server.cors.enabled: true\nserver.cors.allowOrigin: ["{origin}"]',
        _OFF,
    ),
    KnownServer(
        "Gitea",
        lambda scene: any(line.startswith("i_like_gitea=") for line in scene.headers.get_all("Set-Cookie")),
        "In Gitea's app.ini, section [cors]",
        "Set ENABLED = true and ALLOW_DOMAIN = {origin}, then restart.",
        "the cookie i_like_gitea",
        "[cors]\nENABLED = true\nALLOW_DOMAIN = {origin}",
        _OFF,
    ),
    KnownServer(
        "Nextcloud",
        lambda scene: (
            'realm="nextcloud"' in (scene.headers.get("WWW-Authenticate") or "").lower()
            or _path(r"/(?:[^?]*/)?(?:remote\.php|public\.php|ocs/v[12]\.php)/")(scene)
        ),
        "In Nextcloud",
        "Install the app WebAppPassword and list {origin} in its settings, or have a proxy in front answer OPTIONS and "
        "add the headers: Nextcloud itself asks preflights for a sign-in.",
        "the path or its realm",
        default=_OFF,
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
    KnownServer(
        "Matomo",
        _path(r"/(?:[^?]*/)?(?:matomo|piwik)\.php$"),
        "In Matomo's config.ini.php, section [General]",
        "Add the page's host to cors_domains.",
        "the path /matomo.php",
        'cors_domains[] = "{origin}"',
    ),
)


def known_server(scene: Scene) -> KnownServer | None:
    """Return the program that answers, by all that the scene shows; ``None`` where it is not known."""
    return next((each for each in (*KNOWN, *LISTED) if each.fits(scene)), None)
