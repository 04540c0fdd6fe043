"""nginx, Apache, Caddy, HAProxy, Envoy and Traefik, each before a server that has the faults."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.browser.server import Answer, Seen, Server
from tests.stacks.cases import BASIC, App
from tests.stacks.installed import SERVERS, missing_server
from tests.stacks.stack import Ports, Stack, StackError, await_listening, find_server, free_ports, process

APACHE_MODULES = Path("/usr/lib/apache2/modules")
TRIES = 3
# The password p, as each of them wants it.
SHA = "{SHA}UWuXg/ylF+7L0dBk2i0WUxCxl1k="
BCRYPT = "$2b$04$4EiEyRN1.k.wA6moSB8jduBsM/JR5pwtEbDZyWpljnfJDCccVnjYC"


class Behind:
    """The server behind: its faults are the case's, whatever the gateway does.

    It asks for passwords where the gateway has no login of its own.
    """

    def __init__(self, apps: Sequence[App], asks: bool = False) -> None:
        self._asks = asks
        self._cases = {app.host: app.case for app in apps}

    def __call__(self, seen: Seen) -> Answer:
        case = self._cases[seen.host]
        json = ("Content-Type", "application/json")
        if self._asks and case.auth and seen.header("authorization") != BASIC:
            return Answer(401, case.lines)
        if seen.method == "OPTIONS":
            return Answer(204 if case.options else 405, case.lines)
        status = {"/item": 200, "/fail": 500}.get(seen.target, 404)
        return Answer(status, (json, *case.lines), b"{}")


def _nginx(apps: Sequence[App], folder: Path, port: int, behind: int) -> tuple[list[str], list[int]]:
    (folder / "users").write_text(f"u:{SHA}\n")
    maps: dict[str, None] = {}
    servers = []
    for app in apps:
        http, location = "", ""
        if app.snippet is not None:
            http, _, location = app.snippet.partition("\n\n")
            maps[http] = None
        auth = f'auth_basic "x"; auth_basic_user_file {folder}/users;' if app.case.auth else ""
        servers.append(f"""
    server {{
        listen 127.0.0.1:{port};
        server_name {app.host};
        location / {{
{location}
            {auth}
            proxy_set_header Host $host;
            proxy_pass http://127.0.0.1:{behind};
        }}
    }}""")
    temporary = "\n".join(
        f"    {kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(f"""
{user} daemon off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{}}
http {{
    access_log off;
    server_names_hash_bucket_size 128;
{temporary}
{chr(10).join(maps)}
{"".join(servers)}
}}
""")
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], [port]


def _apache(apps: Sequence[App], folder: Path, port: int, behind: int) -> tuple[list[str], list[int]]:
    (folder / "users").write_text(f"u:{SHA}\n")
    modules = ["mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "headers", "rewrite"]
    modules += ["proxy", "proxy_http"]
    lines = [f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so" for name in modules]
    if os.geteuid() == 0:
        lines += ["User www-data", "Group www-data"]
    lines += [f"Listen 127.0.0.1:{port}", f"PidFile {folder}/pid", "ErrorLog /dev/stderr", "LogLevel crit"]
    lines += [f"DefaultRuntimeDir {folder}", "ServerName localhost"]
    for app in apps:
        lines += [f"<VirtualHost 127.0.0.1:{port}>", f"ServerName {app.host}", app.snippet or ""]
        lines += ["ProxyPreserveHost On", f"ProxyPass / http://127.0.0.1:{behind}/"]
        if app.case.auth:
            lines += ['<Location "/">', "AuthType Basic", "AuthName x", f"AuthUserFile {folder}/users"]
            lines += ["Require valid-user", "</Location>"]
        lines.append("</VirtualHost>")
    (folder / "apache.conf").write_text("\n".join(lines) + "\n")
    return ["apache2", "-d", str(folder), "-f", str(folder / "apache.conf"), "-DFOREGROUND"], [port]


def _caddy(apps: Sequence[App], folder: Path, port: int, behind: int) -> tuple[list[str], list[int]]:
    sites = ["{\nadmin off\nauto_https off\nlog {\nlevel ERROR\n}\n}"]
    for app in apps:
        auth = f"basicauth {{\nu {BCRYPT}\n}}" if app.case.auth else ""
        held = f"{auth}\nreverse_proxy 127.0.0.1:{behind}"
        site = held
        if app.snippet is not None:
            head, here, tail = app.snippet.partition(
                "# here: what the site block holds so far, authentication included"
            )
            assert here
            site = f"{head}\n{held}\n{tail}"
        sites.append(f"http://{app.host}:{port} {{\nbind 127.0.0.1\n{site}\n}}")
    (folder / "Caddyfile").write_text("\n".join(sites) + "\n")
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"], [port]


def _haproxy(apps: Sequence[App], folder: Path, ports: Sequence[int], behind: int) -> tuple[list[str], list[int]]:
    lines = ["defaults", "mode http", "timeout connect 5s", "timeout client 30s", "timeout server 30s"]
    lines += ["userlist users", "user u insecure-password p"]
    for number, (app, port) in enumerate(zip(apps, ports, strict=True)):
        lines += [f"frontend f{number}", f"bind 127.0.0.1:{port}", app.snippet or ""]
        if app.case.auth:
            lines.append("http-request auth unless { http_auth(users) }")
        lines.append("default_backend behind")
    lines += ["backend behind", f"server one 127.0.0.1:{behind}"]
    (folder / "haproxy.cfg").write_text("\n".join(lines) + "\n")
    return ["haproxy", "-db", "-q", "-f", str(folder / "haproxy.cfg")], list(ports)


def _envoy(apps: Sequence[App], folder: Path, port: int, behind: int) -> tuple[list[str], list[int]]:
    of = "type.googleapis.com/envoy.extensions.filters"
    routed = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    filters: list[Any] = [
        {
            "name": "envoy.filters.http.basic_auth",
            "typed_config": {
                "@type": f"{of}.http.basic_auth.v3.BasicAuth",
                "users": {"inline_string": f"u:{SHA}"},
            },
        },
        {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{of}.http.router.v3.Router"}},
    ]
    hosts, cors = [], []
    for app in apps:
        host: dict[str, Any] = {}
        if app.snippet is not None:
            of_host, _, of_listener = app.snippet.partition("# in http_filters")
            host, cors = yaml.safe_load(of_host), yaml.safe_load(of_listener.partition("\n")[2])
        if not app.case.auth:
            host.setdefault("typed_per_filter_config", {})["envoy.filters.http.basic_auth"] = routed
        # The server behind may close a connection that Envoy is about to use again.
        route = {"match": {"prefix": "/"}, "route": {"cluster": "behind", "retry_policy": {"retry_on": "reset"}}}
        hosts.append({"name": app.host, "domains": [app.host], "routes": [route], **host})
    manager = {
        "@type": f"{of}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "stacks",
        "route_config": {"virtual_hosts": hosts},
        "http_filters": [*cors, *filters],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}

    def at(number: int) -> dict[str, Any]:
        return {"socket_address": {"address": "127.0.0.1", "port_value": number}}

    place = {"lb_endpoints": [{"endpoint": {"address": at(behind)}}]}
    cluster = {"name": "behind", "load_assignment": {"cluster_name": "behind", "endpoints": [place]}}
    resources = {"listeners": [{"address": at(port), "filter_chains": [chain]}], "clusters": [cluster]}
    (folder / "envoy.json").write_text(json.dumps({"static_resources": resources}))
    quiet = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "critical"]
    return ["envoy", "-c", str(folder / "envoy.json"), *quiet], [port]


def _traefik(apps: Sequence[App], folder: Path, port: int, behind: int) -> tuple[list[str], list[int]]:
    middlewares: dict[str, Any] = {"login": {"basicAuth": {"users": [f"u:{BCRYPT}"]}}}
    routers = {}
    for number, app in enumerate(apps):
        used = []
        if app.snippet is not None:
            used.append(f"cors{number}")
            middlewares[used[0]] = yaml.safe_load(app.snippet)["http"]["middlewares"]["cors"]
        if app.case.auth:
            used.append("login")
        routers[f"r{number}"] = {"rule": f"Host(`{app.host}`)", "service": "behind", "middlewares": used}
    services = {"behind": {"loadBalancer": {"servers": [{"url": f"http://127.0.0.1:{behind}"}]}}}
    http = {"routers": routers, "middlewares": middlewares, "services": services}
    (folder / "dynamic.yaml").write_text(json.dumps({"http": http}))
    quiet = ["--log.level=ERROR", "--global.checknewversion=false", "--global.sendanonymoususage=false"]
    files = [f"--entrypoints.web.address=127.0.0.1:{port}", f"--providers.file.filename={folder}/dynamic.yaml"]
    return ["traefik", *files, *quiet], [port]


@contextlib.contextmanager
def _gateway(key: str, apps: Sequence[App], folder: Path) -> Iterator[Ports]:
    folder.chmod(0o755)  # some serve as another user
    hosts = [app.host for app in apps]
    with Server(Behind(apps)) as behind, contextlib.ExitStack() as keep:
        for left in reversed(range(TRIES)):
            if key == "haproxy":
                command, ports = _haproxy(apps, folder, free_ports(len(apps)), behind.http_port)
                told = dict(zip(hosts, ports, strict=True))
            else:
                write = ONE_PORT[key]
                command, ports = write(apps, folder, free_ports(1)[0], behind.http_port)
                told = dict.fromkeys(hosts, ports[0])
            command[0] = str(SERVERS.get(key) or find_server(command[0]) or command[0])
            environment = {"HOME": str(folder), "XDG_DATA_HOME": str(folder)}
            running = keep.enter_context(process(command, folder, **environment))
            try:
                await_listening(running, folder, ports)
            except StackError:
                # Somebody else may have taken a port since it was found free.
                if not left:
                    raise
                keep.close()
            else:
                yield told
                return


ONE_PORT = {"nginx": _nginx, "apache": _apache, "caddy": _caddy, "envoy": _envoy, "traefik": _traefik}


def _stack(key: str, program: str, is_told: bool = True) -> Stack:
    def missing() -> str | None:
        if key in SERVERS:
            return missing_server(key)
        if find_server(program) is None:
            return f"{program} is not installed"
        if program == "apache2" and not APACHE_MODULES.is_dir():
            return f"{APACHE_MODULES} is not there: another build of Apache than Debian's"
        return None

    return Stack(key, missing, lambda apps, folder: _gateway(key, apps, folder), is_told, before=True)


GATEWAYS = (
    _stack("nginx", "nginx"),
    _stack("apache", "apache2"),
    _stack("caddy", "caddy"),
    _stack("haproxy", "haproxy", is_told=False),  # it adds no header of its own
    _stack("envoy", "envoy"),
    _stack("traefik", "traefik", is_told=False),  # it adds no header of its own
)
