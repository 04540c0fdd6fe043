"""Entries of ``allow_origins``: text to pattern, or what is wrong with the text."""

import re
from typing import Final, NoReturn

from ..fetch.urls import DEFAULT_PORTS
from .errors import quoted
from .host_names import parse_host
from .hosts import port_number, split_port
from .patterns import ANY_PORT, AnyPort, OriginPattern
from .value_error import Complaint, check_text, edit_distance

_OTHER_SCHEMES: Final = frozenset(
    {
        "chrome-extension",
        "moz-extension",
        "safari-web-extension",
        "capacitor",
        "ionic",
        "app",
        "tauri",
        "vscode-webview",
    }
)
_OPAQUE_SCHEMES: Final = frozenset({"file", "data", "about", "blob", "javascript"})
_ORIGINS_ARE: Final = "An origin is a scheme, a host and a port, nothing more, and browsers send it exactly so."


def parse_origin_pattern(text: str) -> OriginPattern:
    """Parse an entry of ``allow_origins``; raises ``Complaint``."""
    check_text(text, "an origin")
    if text in ("*", "**"):
        raise Complaint(
            "bare-star",
            "* is not an origin here",
            "What is sent is the caller's own origin, never *, so that credentials and caches work.",
            "list the pages; write allow_origins: any only in a rule without allow_credentials",
        )
    if text == "any":
        raise Complaint(
            "any-in-list",
            '"any" is no entry of a list',
            "It stands for all pages, and alone.",
            "write allow_origins: any",
        )
    if text.lower() == "null":
        raise Complaint(
            "null-origin",
            "the origin null belongs to nobody",
            "Pages from disk, sandboxed frames of any site and some redirects all send it, so allowing it allows "
            "strangers. Redirects of a page that is listed are taken care of without it.",
            "serve the page over http://localhost and list that, or write allow_origins: any (no credentials then)",
        )
    scheme, separator, rest = text.partition("://")
    if not separator:
        _complain_of_scheme(text)
    regex = re.search(r"[\\^$()|]|\*\\|://\.\*", text)
    if regex:
        raise Complaint(
            "regular-expression",
            f"{quoted(text)} looks like a regular expression, and none is read",
            "A dot or an anchor forgotten in a regular expression lets strangers in; here a dot is a dot.",
            'write each origin, or "https://*.dev.example.test" for all names below one',
        )
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        scheme = scheme.lower()
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme):
        raise Complaint(
            "scheme",
            f"{quoted(scheme)} is no scheme" + (", and a scheme cannot be a pattern" if "*" in scheme else ""),
            "http and https are different origins, and each is listed.",
            f'write "http://{rest}" or "https://{rest}", or both',
            0,
            max(1, len(scheme)),
        )
    if scheme in _OPAQUE_SCHEMES:
        raise Complaint(
            "null-origin",
            f"a {scheme}: page has no origin of its own",
            'Browsers send "Origin: null" for it, as for sandboxed frames of any site.',
            "serve the page over http://localhost and list that, or write allow_origins: any (no credentials then)",
            0,
            len(scheme) + 1,
        )
    if scheme in ("ws", "wss"):
        right = "https" if scheme == "wss" else "http"
        raise Complaint(
            "scheme",
            f"no page has a {scheme}: origin",
            "The origin is the page's, also for a WebSocket; and WebSockets need no CORS.",
            f'write "{right}://{rest}"',
            0,
            len(scheme),
        )
    return _parse_origin_rest(text, scheme, rest)


def _parse_origin_rest(text: str, scheme: str, rest: str) -> OriginPattern:
    start = len(scheme) + 3
    at = next((at for at, char in enumerate(rest) if char in "/?#\\"), None)
    if at is not None:
        kept = f"{scheme}://{rest[:at]}"
        what = (
            "trailing slash"
            if rest[at:] == "/"
            else {"/": "path", "?": "query", "#": "fragment"}.get(rest[at], "backslash")
        )
        raise Complaint("origin-with-path", f"an origin has no {what}", _ORIGINS_ARE, f'write "{kept}"', start + at)
    if "@" in rest:
        raise Complaint(
            "origin-with-path",
            "an origin has no user information",
            _ORIGINS_ARE,
            f'write "{scheme}://{rest.rpartition("@")[2]}"',
            start,
            start + rest.rindex("@") + 1,
        )
    if scheme not in DEFAULT_PORTS:
        return OriginPattern(text, scheme, _app_host(scheme, rest))
    if rest == "*" or rest.startswith("*:"):
        raise Complaint(
            "bare-star",
            f"{quoted(text)} is every page with {scheme}",
            "A page that is not yours could read the responses too.",
            f'list the pages, or write "{scheme}://*.dev.example.test"',
            start,
            start + 1,
        )
    name, port_text, port_at = split_port(rest, f"{scheme}://", start)
    host = parse_host(name, f"{scheme}://")
    shown = f"[{host.name}]" if ":" in host.name else host.name
    port: int | AnyPort = DEFAULT_PORTS[scheme]
    if port_text == "*":
        port = ANY_PORT
    elif port_text is not None:
        port = port_number(text, f"{scheme}://{name}", port_text, port_at)
        if port == DEFAULT_PORTS[scheme]:
            raise Complaint(
                "default-port",
                f":{port} is the default port of {scheme}",
                "Browsers leave it out of the origin, so this would never match.",
                f'write "{scheme}://{name}"',
                port_at - 1,
            )
    return OriginPattern(text, scheme, shown, host.wildcard, port)


def _app_host(scheme: str, rest: str) -> str:
    near = next(
        (known for known in ("https", "http") if edit_distance(scheme, known) <= 2 and scheme not in _OTHER_SCHEMES),
        None,
    )
    if near is not None:
        raise Complaint(
            "scheme",
            f"{quoted(scheme)} is no scheme of a page",
            "Pages come over http or https; apps and browser extensions have schemes of their own.",
            f'write "{near}://{rest}"',
            0,
            len(scheme),
        )
    if not rest or "*" in rest or not re.fullmatch(r"[A-Za-z0-9._-]+(:[0-9]+)?", rest):
        raise Complaint(
            "host-syntax",
            f"{quoted(rest)} is no host of an origin",
            "With a scheme of an app or extension the origin is exact, without patterns.",
            f'write it as the browser sends it, such as "{scheme}://localhost"',
            len(scheme) + 3,
        )
    return rest


def _complain_of_scheme(text: str) -> NoReturn:
    if "*" in text.removeprefix("*."):
        raise Complaint(
            "wildcard-place",
            f"{quoted(text)} is no pattern of origins",
            "Patterns are SCHEME://NAME and SCHEME://*.NAME, each with a port, :* or none.",
            'write for example "https://*.dev.example.test" or "http://localhost:*"',
        )
    name = re.split(r"[/?#]", re.sub(r"^(https?:?/{0,2}|//)", "", text, flags=re.IGNORECASE), maxsplit=1)[0] or text
    host = name.partition(":")[0].removeprefix("*.")
    local = host in ("localhost", "127.0.0.1", "[") or host.endswith((".localhost", ".local")) or ":" in name
    written = re.match(r"https?", text)
    scheme = written.group() if written else ("http" if local else "https")
    raise Complaint(
        "missing-scheme",
        f"{quoted(text)} has no scheme",
        f"{_ORIGINS_ARE} http://localhost:3000 and https://localhost:3000 are different pages.",
        f'write "{scheme}://{name}"; if it is the server being called, move it to hosts',
    )
