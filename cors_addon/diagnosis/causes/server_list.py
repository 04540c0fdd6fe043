"""Servers with a CORS setting of their own that port, path, host or a header line tells: ``server_list.txt``.

A block is one server. Its first line is the name; then comes by what it is known, all of it: ``port``; ``path`` with
one of the words at the start of a segment; ``root`` for the path /; ``host`` with one of the domains; ``header`` with
a part of its value; ``server`` with what Server begins with. A line that begins with ``or`` opens another way to know
it. ``where`` to act and ``write`` what; ``line`` for the setting as text; ``off`` where it is switched off unless told
otherwise (and how, if not simply so), else ``only`` what it allows by default; ``list`` its allowlist's name.

Ports are the ones that each program listens on unless told otherwise.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from .context import Scene
from .known_servers import KnownServer

_OFF: Final = "CORS is switched off by default"
_SIGNS: Final = ("port", "path", "root", "host", "header", "server")

_Test = Callable[[Scene], bool]


def _test(kind: str, value: str) -> tuple[_Test, str]:
    """Return a test of a scene, and how the sign is called."""
    match kind:
        case "port":
            return lambda scene: scene.target is not None and scene.target.port == int(value), f"port {value}"
        case "path":
            words = value.split()
            ends = "|".join(re.escape(word) + ("" if word.endswith("/") else r"(?:/|$)") for word in words)
            pattern = re.compile(rf"/(?:[^?]*/)?(?:{ends})")
            return lambda scene: pattern.match(scene.path) is not None, f"the path /{words[0]}"
        case "root":
            return lambda scene: scene.path == "/", "the path /"
        case "host":
            domains = tuple(f".{domain}" for domain in value.split())
            return lambda scene: scene.target is not None and f".{scene.target.host}".endswith(domains), "the host"
        case "server":
            return lambda scene: scene.server.lower().startswith(value), "Server"
        case _:
            name, _, part = value.partition(" ")
    return lambda scene: any(part in line.lower() for line in scene.headers.get_all(name)), name.title()


def _read(block: str) -> Iterator[KnownServer]:
    """Yield the server of a block, for each way to know it."""
    name, *rest = block.splitlines()
    told: dict[str, list[str]] = {}
    ways: list[list[tuple[_Test, str]]] = [[]]
    for line in rest:
        if line.startswith("or "):
            ways.append([])
        key, _, value = line.removeprefix("or ").partition(" ")
        if key in _SIGNS:
            ways[-1].append(_test(key, value))
        else:
            told.setdefault(key, []).append(value)
    for tests in ways:
        yield KnownServer(
            name,
            partial(_fits, tuple(test for test, _ in tests)),
            told["where"][0],
            told["write"][0],
            " and ".join(word for _, word in tests),
            "\n".join(told["line"]) if "line" in told else None,
            (told["off"][0] or _OFF) if "off" in told else told.get("only", [""])[0],
            told.get("list", [""])[0],
        )


def _fits(tests: tuple[_Test, ...], scene: Scene) -> bool:
    return all(test(scene) for test in tests)


def _all() -> Iterator[KnownServer]:
    for block in Path(__file__).with_suffix(".txt").read_text("utf-8").strip().split("\n\n"):
        yield from _read(block)


LISTED: Final = tuple(_all())
