"""Commands that ask a server again what a browser asked it: for a shell, quoted, and without secrets."""

import re
import shlex
from collections.abc import Iterable
from typing import Final

from ..fetch.headers import HeaderList
from ..verdict.failure_details import inert, without_user_info
from ..verdict.redact import names_a_secret, redact

_LONGEST_URL: Final = 4_000
_LONGEST_VALUE: Final = 1_000
_MOST_HEADERS: Final = 40
_NOT_A_LETTER: Final = re.compile(r"[^A-Z0-9]+")
_WITH_A_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


def preflight_command(url: str, origin: str, method: str, names: Iterable[str]) -> str:
    """Return the command that sends a preflight."""
    headers = [("Origin", origin), ("Access-Control-Request-Method", method)]
    listed = ",".join(names)
    if listed:
        headers.append(("Access-Control-Request-Headers", listed))
    return _command("OPTIONS", url, headers)


def request_command(url: str, origin: str, method: str, names: Iterable[str], sent: HeaderList | None) -> str:
    """Return the command that sends the request itself.

    ``names`` are the headers that the page's code sets, in lower case; ``sent`` holds their values where the request
    was seen. A value that may be a secret becomes a variable of the shell, for the reader to set.
    """
    headers = [("Origin", origin)]
    for name in list(names)[:_MOST_HEADERS]:
        headers.append((name, (sent.get(name) if sent is not None else None) or ""))
    if sent is not None and "content-type" in sent and all(name != "content-type" for name, _ in headers):
        headers.append(("content-type", sent.get("content-type") or ""))
    if sent is not None and "cookie" in sent:
        headers.append(("cookie", ""))
    command = _command(method, url, headers)
    return f"{command} --data ''" if method in _WITH_A_BODY else command


def _command(method: str, url: str, headers: Iterable[tuple[str, str]]) -> str:
    shown = inert(redact(without_user_info(url)), _LONGEST_URL)
    how = {"GET": ["-i"], "HEAD": ["-I"]}.get(method, ["-i", "-X", shlex.quote(inert(method, 40))])
    # curl gives brackets and braces in URLs a meaning of its own.
    globs = ["-g"] if any(mark in shown for mark in "[]{}") else []
    return " ".join(["curl", *how, *globs, shlex.quote(shown), *(_header(*line) for line in headers)])


def _header(name: str, value: str) -> str:
    shown = inert(name, 100)
    if names_a_secret(name) and not name.lower().startswith("access-control-"):
        return f'-H {shlex.quote(f"{shown}: ")}"${_variable(name)}"'
    if not value and name != "Origin":
        # The value was not seen, and curl leaves a header without one out.
        return f'-H {shlex.quote(f"{shown}: ")}"${_variable(name)}"'
    return f"-H {shlex.quote(f'{shown}: {inert(redact(value), _LONGEST_VALUE)}')}"


def _variable(name: str) -> str:
    return _NOT_A_LETTER.sub("_", name.upper()).strip("_") or "VALUE"
