"""More servers with a CORS setting of their own: those that a path, a port or a header line tells.

A block is one server: its name; by what it is known, all of it (``port``, ``path`` with one of the words at the start
of a segment, ``header``, ``server``); ``where`` to act and ``write`` what; ``line`` for the setting as text; ``off``
where it is switched off unless told otherwise (and how, if not simply so), else ``only`` what it allows by default;
``list`` its allowlist's name.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from .context import Scene
from .known_servers import KnownServer

_OFF: Final = "CORS is switched off by default"

_LIST: Final = r"""
ClickHouse
header x-clickhouse-server-display-name
where In the settings profile of ClickHouse's user
write Set add_http_cors_header to 1. For requests with a preflight also add http_options_response to config.xml.
line <add_http_cors_header>1</add_http_cors_header>
off

LocalStack
port 4566
where In LocalStack's environment
write Set EXTRA_CORS_ALLOWED_ORIGINS={origin} (several with commas), then restart.
line EXTRA_CORS_ALLOWED_ORIGINS={origin}
only it allows its own pages only
list EXTRA_CORS_ALLOWED_ORIGINS

GeoServer
path geoserver/
where In GeoServer's WEB-INF/web.xml
write Remove the comment marks around the cross-origin filter and its mapping (Jetty's or Tomcat's), then restart.
off

Moonraker
port 7125
path printer/ server/ machine/ access/ api/
where In moonraker.conf, section [authorization]
write Add {origin} to cors_domains, then restart Moonraker.
line [authorization]
line cors_domains:
line   {origin}
only it allows the origins of cors_domains only
list cors_domains

Spring Boot's actuator
path actuator actuator/
where In the application's application.properties
write Set management.endpoints.web.cors.allowed-origins={origin}: the application's own CORS code does not cover it.
line management.endpoints.web.cors.allowed-origins={origin}
line management.endpoints.web.cors.allowed-methods=GET,POST
off

Azure Functions Core Tools
port 7071
path api/ admin/ runtime/
where In local.settings.json, under Host
write Set CORS to {origin}, and CORSCredentials to true if the page includes credentials (SignalR does).
line "Host": { "CORS": "{origin}", "CORSCredentials": true }

Laravel
path broadcasting/auth sanctum/csrf-cookie
where In Laravel's config/cors.php
write Add this path to paths and {origin} to allowed_origins; for cookies set supports_credentials to true.
line 'paths' => ['api/*', 'sanctum/csrf-cookie', 'broadcasting/auth'],
off CORS is switched off for paths that config/cors.php does not list

AD FS
path adfs/
server microsoft-httpapi
where In PowerShell on the AD FS server (2019 or newer)
write Run Set-AdfsResponseHeaders -EnableCORS $true, then -CORSTrustedOrigins {origin}.
line Set-AdfsResponseHeaders -EnableCORS $true
line Set-AdfsResponseHeaders -CORSTrustedOrigins {origin}
off

CometBFT (Tendermint)
port 26657
where In the node's config.toml, section [rpc]
write Add {origin} to cors_allowed_origins, and the request's header names to cors_allowed_headers, then restart.
line [rpc]
line cors_allowed_origins = ["{origin}"]
off

Cosmos SDK's API
port 1317
path cosmos/ ibc/
where In the node's app.toml, section [api]
write Set enabled-unsafe-cors = true, or have a proxy in front send the headers, then restart.
line [api]
line enabled-unsafe-cors = true
off

Dex
path dex/
where In Dex's configuration, under web
write Add {origin} to allowedOrigins, then restart.
line web:
line   allowedOrigins: ['{origin}']
off

FusionAuth
port 9011
path oauth2/ api/ .well-known/
where In FusionAuth, under Settings, System, CORS
write Enable CORS and add {origin} to the allowed origins, with the method and the headers.
off

Chroma
header chroma-trace-id
where In Chroma's environment or configuration
write Set CHROMA_SERVER_CORS_ALLOW_ORIGINS='["{origin}"]' (since 1.0 cors_allow_origins in its YAML file).
line CHROMA_SERVER_CORS_ALLOW_ORIGINS='["{origin}"]'
off

Apache Solr
path solr/
where In Solr's WEB-INF/web.xml
write Add Jetty's CrossOriginFilter with allowedOrigins {origin} as the first filter, then restart.
off

OctoPrint
path api/printer api/job api/connection
server tornado
where In OctoPrint's settings, under API
write Switch on Allow Cross Origin Resource Sharing (CORS), then restart.
off

Apache Superset
path superset/ api/v1/security/guest_token api/v1/chart/ api/v1/dashboard/
where In superset_config.py
write Set ENABLE_CORS = True and CORS_OPTIONS with origins {origin} (needs the package flask-cors).
line ENABLE_CORS = True
line CORS_OPTIONS = {'supports_credentials': True, 'origins': ['{origin}']}
off

Drupal
header x-generator drupal
where In Drupal's sites/default/services.yml, under cors.config
write Set enabled: true, allowedOrigins: ['{origin}'], allowedMethods and allowedHeaders, then rebuild the cache.
line cors.config:
line   enabled: true
line   allowedOrigins: ['{origin}']
off

Frappe
path api/method/ api/resource/
where In the site's site_config.json
write Set "allow_cors": "{origin}", then restart.
line "allow_cors": "{origin}"
off

Jolokia
path jolokia jolokia/
where In jolokia-access.xml
write Add <allow-origin>{origin}</allow-origin> under <cors>, then restart.
line <cors><allow-origin>{origin}</allow-origin></cors>

TeamCity
header teamcity-node-id
where In TeamCity, under Administration, Diagnostics, Internal Properties
write Set rest.cors.origins={origin}.
line rest.cors.origins={origin}
off

Kubernetes' API server
header audit-id
path api/ apis/
where Where kube-apiserver is started
write Set --cors-allowed-origins to a regular expression that matches {origin}. Or call it from a backend.
off

PostgREST
server postgrest
where In PostgREST's configuration
write Add {origin} to server-cors-allowed-origins, or leave that out to allow any.
line server-cors-allowed-origins = "{origin}"
list server-cors-allowed-origins

Hasura
path v1/graphql v1alpha1/graphql v2/query v1/metadata
server warp
where In Hasura's environment
write Add {origin} to HASURA_GRAPHQL_CORS_DOMAIN, then restart.
line HASURA_GRAPHQL_CORS_DOMAIN={origin}
list HASURA_GRAPHQL_CORS_DOMAIN

openHAB
path rest/items rest/things rest/sitemaps
where In openHAB's conf/services/runtime.cfg
write Set org.openhab.cors:enable=true.
line org.openhab.cors:enable=true
off
"""


def _test(kind: str, value: str) -> tuple[Callable[[Scene], bool], str]:
    """Return a test of a scene, and how the sign is called."""
    if kind == "port":
        return lambda scene: scene.target is not None and scene.target.port == int(value), f"port {value}"
    if kind == "path":
        words = value.split()
        ends = "|".join(re.escape(word) + ("" if word.endswith("/") else r"(?:/|$)") for word in words)
        pattern = re.compile(rf"/(?:[^?]*/)?(?:{ends})")
        return lambda scene: pattern.match(scene.path) is not None, f"the path /{words[0]}"
    if kind == "server":
        return lambda scene: scene.server.lower().startswith(value), "Server"
    name, _, part = value.partition(" ")
    return lambda scene: name in scene.headers and part in (scene.headers.get(name) or "").lower(), name.title()


def _read(block: str) -> KnownServer:
    name, *rest = block.strip().splitlines()
    told: dict[str, list[str]] = {}
    for line in rest:
        key, _, value = line.partition(" ")
        told.setdefault(key, []).append(value)
    tests = [_test(kind, value) for kind in ("port", "path", "header", "server") for value in told.get(kind, ())]
    return KnownServer(
        name,
        lambda scene: all(test(scene) for test, _ in tests),
        told["where"][0],
        told["write"][0],
        " and ".join(word for _, word in tests),
        "\n".join(told["line"]) if "line" in told else None,
        (told["off"][0] or _OFF) if "off" in told else told.get("only", [""])[0],
        told.get("list", [""])[0],
    )


def _all() -> Iterator[KnownServer]:
    for block in _LIST.strip().split("\n\n"):
        yield _read(block)


LISTED: Final = tuple(_all())
