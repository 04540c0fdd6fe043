"""How a server that is known is told, and the setting by which each allows an origin.

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
    place of the page's, ``{host}`` and ``{name}`` in that of its host with and without port. ``snippet`` is the setting
    as text, ``None`` where there is none. ``default`` says what the program does unless told otherwise. ``because``
    says by what it is known.
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
        host = _hostname(scene.origin)
        filled = self.setting.replace("{origin}", _listed(scene.origin)).replace("{host}", host)
        return filled.replace("{name}", _without_port(host))

    def fix_of_an_error(self, scene: Scene) -> str:
        """Return what to do about an error that comes without the headers, whoever asks."""
        where = f"{self.where[:1].lower()}{self.where[1:]}"
        return f"Find out what the error is about: {self.name}'s log names it. Then, {where}: {self.fix(scene)}"

    def text(self, scene: Scene) -> Snippet | None:
        if self.snippet is None or not _HARMLESS.fullmatch(scene.origin):
            return None
        host = _hostname(scene.origin)
        text = self.snippet.replace("{origin}", scene.origin).replace("{host}", host)
        text = text.replace("{name}", _without_port(host))
        return Snippet(self.name, text, Confidence.HIGH, self.because)


_HARMLESS: Final = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9._:\[\]-]+")


def _listed(origin: str) -> str:
    """Return an origin as it stands in a list; a page without one needs one first."""
    return "*" if origin == "null" else origin[:200]


def _hostname(origin: str) -> str:
    return origin.partition("://")[2][:200] or origin[:200]


def _without_port(host: str) -> str:
    return re.sub(r":\d+$", "", host)
