"""Platforms, each as far as it runs here: its own runtime with the function of a snippet, or an emulator of a store."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import shlex
from collections.abc import Iterator, Sequence
from email.utils import formatdate
from pathlib import Path
from xml.sax.saxutils import escape

from tests.browser.server import Server
from tests.stacks.cases import BLOB_CASES, STORE_CASES, App
from tests.stacks.frameworks import started
from tests.stacks.gateways import Behind
from tests.stacks.installed import (
    AZURITE_FOLDER,
    HERE,
    NODE_FOLDER,
    PYPI_FOLDER,
    SERVERS,
    missing_node,
    missing_server,
    missing_set,
)
from tests.stacks.stack import Ports, Stack, StackError, await_listening, free_ports, process

WORKERD = NODE_FOLDER / "node_modules" / "@cloudflare" / "workerd-linux-64" / "bin" / "workerd"
PASSES_ON = "export default { fetch: (request) => fetch(request) };"
# Any key does, in base64.
KEY = base64.b64encode(b"for tests alone").decode()
CONTAINER = "files"
OPTIONS = {
    "--origins": "AllowedOrigins",
    "--methods": "AllowedMethods",
    "--allowed-headers": "AllowedHeaders",
    "--exposed-headers": "ExposedHeaders",
    "--max-age": "MaxAgeInSeconds",
}
"""What `az storage cors add` takes, and what the store calls it."""


def _missing_workerd() -> str | None:
    return missing_node() or (None if WORKERD.exists() else "npm has no workerd for this machine")


@contextlib.contextmanager
def _cloudflare(apps: Sequence[App], folder: Path) -> Iterator[Ports]:
    """Each app's Worker at a port of its own; what it fetches comes from the server behind, which has the faults."""
    with Server(Behind(apps, asks=True)) as behind:
        ports = free_ports(len(apps))
        services = [f'(name = "behind", external = (address = "127.0.0.1:{behind.http_port}", http = ()))']
        sockets, workers = [], []
        for number, (app, port) in enumerate(zip(apps, ports, strict=True)):
            (folder / f"w{number}.js").write_text(app.snippet or PASSES_ON)
            services.append(f'(name = "w{number}", worker = .w{number})')
            sockets.append(f'(name = "s{number}", address = "127.0.0.1:{port}", http = (), service = "w{number}")')
            workers.append(
                f'const w{number} :Workerd.Worker = (modules = [(name = "w", esModule = embed "w{number}.js")],'
                ' compatibilityDate = "2026-01-01", globalOutbound = "behind");'
            )
        (folder / "config.capnp").write_text(
            'using Workerd = import "/workerd/workerd.capnp";\n'
            f"const config :Workerd.Config = (services = [{', '.join(services)}], sockets = [{', '.join(sockets)}]);\n"
            + "\n".join(workers)
        )
        with process([str(WORKERD), "serve", str(folder / "config.capnp")], folder) as running:
            await_listening(running, folder, ports)
            yield dict(zip((app.host for app in apps), ports, strict=True))


def _of_node(stack: str) -> Stack:
    def start(apps: Sequence[App], folder: Path) -> contextlib.AbstractContextManager[Ports]:
        return started(stack, ["node", str(HERE / "node" / "clouds.js"), str(NODE_FOLDER)], apps, folder)

    return Stack(stack, missing_node, start, is_told=stack != "firebase")


def _netlify(apps: Sequence[App], folder: Path) -> contextlib.AbstractContextManager[Ports]:
    command = [str(SERVERS["deno"]), "run", "--quiet", "--no-remote", "--allow-net=127.0.0.1"]
    command += [f"--allow-read={folder}", f"--allow-write={folder}", str(HERE / "deno" / "serve.js")]
    return started("netlify", command, apps, folder, DENO_DIR=str(PYPI_FOLDER / "deno-cache"), DENO_NO_UPDATE_CHECK="1")


@contextlib.contextmanager
def _azure(apps: Sequence[App], folder: Path) -> Iterator[Ports]:
    """One storage account a case, with a container that anybody may read; its name is the host's first label."""
    (port,) = free_ports(1)
    program = AZURITE_FOLDER / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    command = ["node", str(program), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--silent"]
    command += ["--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"]
    accounts = ";".join(f"{app.host.partition('.')[0]}:{KEY}" for app in apps)
    with process(command, folder, AZURITE_ACCOUNTS=accounts) as running:
        await_listening(running, folder, [port])
        for app in apps:
            _ask_azure(app.host, port, f"/{CONTAINER}", "restype=container", **{"x-ms-blob-public-access": "blob"})
            _ask_azure(app.host, port, f"/{CONTAINER}/item", "", b"{}", **{"x-ms-blob-type": "BlockBlob"})
            rule = app.case.rule if app.snippet is None else _rule_of(app.snippet)
            if rule:
                inside = "".join(f"<{name}>{escape(rule.get(name, ''))}</{name}>" for name in OPTIONS.values())
                body = (
                    f"<StorageServiceProperties><Cors><CorsRule>{inside}</CorsRule></Cors></StorageServiceProperties>"
                )
                _ask_azure(app.host, port, "/", "restype=service&comp=properties", body.encode())
        yield dict.fromkeys((app.host for app in apps), port)


def _rule_of(snippet: str) -> dict[str, str]:
    """The rule that `az storage cors add` would write."""
    words = shlex.split(snippet, comments=True)
    assert words[:4] == ["az", "storage", "cors", "add"], snippet
    given: dict[str, list[str]] = {}
    for word in words[4:]:
        if word.startswith("--"):
            given[word] = []
        else:
            given[list(given)[-1]].append(word)
    assert given.pop("--services") == ["b"]
    return {OPTIONS[option]: ",".join(values) for option, values in given.items()}


def _ask_azure(host: str, port: int, path: str, query: str, body: bytes = b"", **lines: str) -> None:
    """Send one signed request: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key"""
    account = host.partition(".")[0]
    lines |= {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2023-11-03"}
    named = "".join(f"{name}:{lines[name]}\n" for name in sorted(lines))
    asked = "".join(f"\n{pair.replace('=', ':', 1)}" for pair in sorted(filter(None, query.split("&"))))
    length = str(len(body)) if body else ""
    text = f"PUT\n\n\n{length}\n\n\n\n\n\n\n\n\n{named}/{account}{path}{asked}"
    signed = base64.b64encode(hmac.digest(base64.b64decode(KEY), text.encode(), hashlib.sha256)).decode()
    lines |= {"Authorization": f"SharedKey {account}:{signed}", "Host": host}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("PUT", f"{path}?{query}" if query else path, body, lines)
        response = connection.getresponse()
        said = response.read()
        if response.status >= 300:
            raise StackError(f"azurite: PUT {path}?{query}: {response.status} {said!r}")
    finally:
        connection.close()


def _s3(apps: Sequence[App], folder: Path) -> contextlib.AbstractContextManager[Ports]:
    return started("s3", ["node", str(HERE / "node" / "clouds.js"), str(NODE_FOLDER)], apps, folder)


CLOUDS = (
    Stack("cloudflare", _missing_workerd, _cloudflare, is_told=False, before=True),
    _of_node("firebase"),
    _of_node("vercel"),
    Stack("netlify", lambda: missing_server("deno"), _netlify),
    Stack("s3", missing_node, _s3, is_told=False, cases=STORE_CASES, grants_credentials=True),
    Stack("azureblob", lambda: missing_set(AZURITE_FOLDER), _azure, cases=BLOB_CASES, grants_credentials=True),
)
