"""Servers that reject the host name under which they are called."""

from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...traffic.body_hints import Hint
from ...verdict.model import Cause, Confidence
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry
from .context import Scene, shown

HIGH, MEDIUM = Confidence.HIGH, Confidence.MEDIUM

HOST_REFUSED: Final = CauseEntry(
    "host-name-refused",
    "The server rejects the host name under which it is called",
    "The body names the host: Vite's allowedHosts, webpack's Invalid Host header, Django's ALLOWED_HOSTS, Rails' "
    "hosts.",
    FixOwner.SERVER,
    "Add the host to the list of hosts that the server answers to.",
    absent=LACKS_ALLOW_ORIGIN,
    decisive=True,
)

_HOST_LISTS: Final = (
    (Hint.HOST_REFUSED_BY_VITE, "server.allowedHosts in vite.config"),
    (Hint.HOST_REFUSED_BY_WEBPACK, "devServer.allowedHosts in webpack's configuration"),
    (Hint.HOST_REFUSED_BY_RAILS, "config.hosts in config/environments/development.rb"),
    (Hint.HOST_REFUSED_BY_DJANGO, "ALLOWED_HOSTS in settings.py"),
)
_TRUSTED: Final = "allowed_hosts of TrustedHostMiddleware (FastAPI, Starlette)"


def host_refused(scene: Scene, said: str) -> Iterator[Cause]:
    """For a body that says that the server is called by a name which it does not know; ``said`` is what it answered."""
    host = shown(scene.host, 100)
    for hint, setting in _HOST_LISTS:
        if scene.says(hint):
            # Starlette has the words of webpack's dev server, with another status.
            by_starlette = hint is Hint.HOST_REFUSED_BY_WEBPACK and scene.status == 400
            fix = f"Add {host} to {_TRUSTED if by_starlette else setting}, then restart."
            yield HOST_REFUSED.named(HIGH, f"{said}, and the body says so of {host}", (scene.id,), fix=fix)
            return
    if scene.says(Hint.BAD_REQUEST_BY_DJANGO) and scene.status == 400:
        how = f"{said} with Django's own page for it, which it sends for a host that is not in ALLOWED_HOSTS"
        fix = f"Add {host} to ALLOWED_HOSTS in settings.py. Django's log names what it refused (DisallowedHost)."
        yield HOST_REFUSED.named(MEDIUM, how, (scene.id,), fix=fix)
