"""What the tests of injection share: a proxy with rules in force, and flows that go through it as through mitmproxy."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from mitmproxy import http

from tests.mitm.support import API, APP, Proxy, make_flow, make_response, proxy


class _Plain(yaml.SafeDumper):
    """Writes a value that stands there twice twice: a rule file holds no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


NAME = "local app calls the API"


def rule(name: str = NAME, **keys: Any) -> dict[str, Any]:
    """Make a rule for ``APP`` calling ``API``; a key given as ``None`` is left out."""
    made: dict[str, Any] = {"name": name, "hosts": ["api.test"], "allow_origins": [APP], **keys}
    return {key: value for key, value in made.items() if value is not None}


def written(*rules: dict[str, Any], **top: Any) -> str:
    """Write a rule file; without rules there is the usual one."""
    return yaml.dump({"version": 1, **top, "rules": list(rules or (rule(),))}, Dumper=_Plain, sort_keys=False)


class Injecting(Proxy):
    """A proxy with a rule file."""

    path: Path

    def rewrite(self, text: str) -> None:
        """Save another text as the rule file and let the addon look at it twice, as it does within half a second."""
        self.path.write_text(text)
        self.look()

    def look(self) -> None:
        """Let the addon look at its file and its clock until a change is read."""
        for _ in range(2):
            self.addon._tick()

    def command(self, name: str, *arguments: str) -> Any:
        """Run a command as the user types it."""
        return self.context.master.commands.call_strings(name, list(arguments))


@contextmanager
def injecting(*rules: dict[str, Any], on: bool = True, **options: Any) -> Iterator[Injecting]:
    """Run the addon with these rules in its rule file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rules.yaml")
        path.write_text(written(*rules))
        with proxy(cors_rules=str(path), cors_inject=on, **options) as running:
            made = Injecting(running.context, running.addon)
            made.updated = running.updated
            made.path = path
            yield made


def passed(running: Proxy, subject: http.HTTPFlow) -> bool:
    """Take a live flow through the hooks; its response stands for the server's. Say whether the server was asked."""
    server, subject.response = subject.response, None
    running.hook("requestheaders", subject)
    if subject.error is not None:
        running.hook("error", subject)
        return False
    asked = subject.response is None
    if asked:
        subject.response = server
    if subject.response is not None:
        running.hook("responseheaders", subject)
        if subject.error is None:
            running.hook("response", subject)
    return asked


def call(
    *lines: str, method: str = "GET", url: str = API, origin: str = APP, status: int = 200, **others: Any
) -> http.HTTPFlow:
    """Make a page's call and the server's answer with these header lines."""
    return make_flow(f"Origin: {origin}", method=method, url=url, response=make_response(status, *lines), **others)


def ask(
    *lines: str,
    asks: str = "PUT",
    names: str = "",
    url: str = API,
    origin: str = APP,
    status: int = 204,
    **others: Any,
) -> http.HTTPFlow:
    """Make a preflight and the server's answer with these header lines."""
    wanted = [f"Access-Control-Request-Headers: {names}"] if names else []
    return make_flow(
        f"Origin: {origin}",
        f"Access-Control-Request-Method: {asks}",
        *wanted,
        method="OPTIONS",
        url=url,
        response=make_response(status, *lines, body=b""),
        **others,
    )


def heads(subject: http.HTTPFlow) -> dict[str, str]:
    """Return the response's headers; a name that stands there twice is an error."""
    assert subject.response is not None
    pairs = [(name.decode(), value.decode()) for name, value in subject.response.headers.fields]
    assert len({name.lower() for name, _ in pairs}) == len(pairs), f"doubled: {pairs}"
    return dict(pairs)
