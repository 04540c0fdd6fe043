"""Forwarded ports that are private: a development tunnel asks for a sign-in."""

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from ...catalogue.violation import FixOwner
from .cause import CauseEntry

PRIVATE_PORT: Final = CauseEntry(
    "dev-tunnel-private",
    "The forwarded port is private, so the tunnel asks for a sign-in",
    "The redirect leads to the tunnel's own sign-in (/pf-signin), or the tunnel sends WWW-Authenticate: tunnel.",
    FixOwner.CLIENT,
    "Set the port's visibility to Public (Ports panel, Port Visibility). Preflights and requests without cookies "
    "cannot sign in.",
    headers_help=False,
    decisive=True,
    where="In the tunnel's settings",
)


_WORKSTATIONS: Final = (
    "Make the port public under Backend Ports in Firebase Studio (IDX), or open its URL in a tab and sign in, and send "
    "the page's requests with credentials. Preflights cannot sign in."
)


_GITPODS: Final = re.compile(r"(\d{1,5})-[a-z0-9-]{1,80}\.ws-[a-z]{2}\d{1,4}\.gitpod\.io$")


def gitpods_fix(host: str, status: int, bare: bool) -> str | None:
    """Return the fix for what Gitpod itself answers for a private port: 401 without a word; ``None`` for all else."""
    found = _GITPODS.match(host) if status == 401 and bare else None
    if found is None:
        return None
    port = found[1]
    return (
        f"Make port {port} public: Ports view, the lock; or visibility: public at the port in .gitpod.yml; or "
        f"`gp ports visibility {port}:public`. Preflights carry no cookie, so they cannot sign in."
    )


def is_sign_in(url: str) -> bool:
    """Say whether a redirect leads to a tunnel's own sign-in."""
    parts = urlsplit(url)
    return parts.path.startswith("/pf-signin") or (parts.hostname or "").endswith(".tunnels.api.visualstudio.com")


def is_workstations(host: str) -> bool:
    """Say whether a host is a forwarded port of a Cloud Workstation, which redirects to a sign-in and nowhere else."""
    return host.endswith(".cloudworkstations.dev")


def public_at(host: str, url: str) -> str:
    """Name the port that has to be public, as the sign-in's URL has it."""
    if is_workstations(host):
        return _WORKSTATIONS
    query = dict(parse_qsl(urlsplit(url).query[:4_000]))
    return _public(query.get("port", ""), query.get("name") or query.get("id") or "")


def public_at_host(host: str) -> str:
    """Name the port that has to be public, as a forwarded port's host has it, such as NAME-8000.app.github.dev."""
    found = re.match(r"([a-z0-9-]{1,80})-(\d{1,5})\.", host)
    return _public(found[2], found[1]) if found is not None else PRIVATE_PORT.fix


def _public(port: str, name: str) -> str:
    if not (port.isascii() and port.isdigit() and len(port) <= 5):
        return PRIVATE_PORT.fix
    at = f" -c {name}" if re.fullmatch(r"[a-z0-9-]{1,80}", name) else ""
    return (
        f"Make port {port} public: Ports panel, Port Visibility, Public; or `gh codespace ports visibility "
        f"{port}:public{at}` "
        f"(dev tunnels: `devtunnel port update`, `devtunnel access create --anonymous`). Preflights cannot sign in."
    )
