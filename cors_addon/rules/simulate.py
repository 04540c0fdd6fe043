"""Makes a chosen violation happen: everything right but for one thing, so that browsers report exactly that.

The failing exchange is blocked by the browser whatever else it says, so what is granted beside the fault opens
nothing to anybody. ``allow-credentials-not-true`` and the three ``-with-credentials`` ids need a request that
includes credentials: no server can make the browser see them otherwise. ``corp-coep`` needs a page with
Cross-Origin-Embedder-Policy.
"""

from typing import Final

from ..fetch.checks import requested_header_names
from ..fetch.headers import is_token
from ..fetch.messages import Request
from ..traffic.exchange import ADDON_HEADER, Exchange
from .matching import Stage, Subject
from .model import Rule
from .plans import Abort, Editor, HeaderEdits, Plan, PreflightAnswer, header_safe

_FOREIGN: Final = "https://simulated.invalid"
_NO_TOKEN: Final = "(simulated)"

Wanted = dict[str, tuple[str, ...]]
"""Header name to its lines; no line takes the header out."""


def simulated(rule: Rule, violation: str, subject: Subject, exchange: Exchange) -> Plan | None:
    """Return the plan that makes the violation happen; ``None`` where it is too early (the response is awaited)."""
    request, response = exchange.request, exchange.response
    if violation == "network-error":
        return Abort(rule.name, rule.dry_run) if response is None else None
    if response is None and subject.stage is not Stage.PREFLIGHT:
        return None
    status, wanted = _fault(violation, subject, request)
    if violation == "allow-origin-multiple" and exchange.http_version.startswith("HTTP/1"):
        # Firefox counts the lines whose name is spelled just so (measured, 153); HTTP/2 knows lower case only.
        wanted["Access-Control-Allow-Origin"] = wanted.pop("access-control-allow-origin")
    if response is None:
        lines = [(name, value) for name, values in wanted.items() for value in values]
        lines += [("vary", "Origin"), (ADDON_HEADER, header_safe(rule.name))]
        return PreflightAnswer(rule.name, status or 204, tuple(lines), rule.dry_run)
    editor = Editor(response)
    for name, values in wanted.items():
        editor.set(name, *values)
    if status is not None:
        editor.status(status)
    if subject.stage is not Stage.NO_CORS:
        editor.vary_on_origin()
    edits = editor.finish(rule.name)
    return HeaderEdits(rule.name, edits, rule.dry_run) if edits else None


def _granted(subject: Subject, request: Request) -> Wanted:
    wanted: Wanted = {
        "access-control-allow-origin": (subject.origin,),
        "access-control-allow-credentials": ("true",),
    }
    if subject.stage is Stage.PREFLIGHT:
        names = [name for name in requested_header_names(request.headers) if is_token(name)]
        wanted["access-control-allow-methods"] = (subject.method,) if is_token(subject.method) else ()
        wanted["access-control-allow-headers"] = (", ".join(names),) if names else ()
        wanted["access-control-max-age"] = ("0",)
    return wanted


def _fault(violation: str, subject: Subject, request: Request) -> tuple[int | None, Wanted]:
    """Return the status to set, if any, and the headers: what is right, and the one fault."""
    if subject.stage is Stage.NO_CORS:
        return None, _NO_CORS_FAULTS[violation]
    wanted = _granted(subject, request)
    methods = wanted.get("access-control-allow-methods", ())
    names = wanted.get("access-control-allow-headers", ())
    match violation:
        case "allow-origin-missing":
            wanted["access-control-allow-origin"] = ()
        case "allow-origin-multiple":
            wanted["access-control-allow-origin"] = (subject.origin, _FOREIGN)
        case "allow-origin-invalid":
            wanted["access-control-allow-origin"] = ("simulated-invalid-origin",)
        case "allow-origin-mismatch":
            wanted["access-control-allow-origin"] = (_FOREIGN,)
        case "allow-origin-wildcard-with-credentials":
            wanted["access-control-allow-origin"] = ("*",)
        case "allow-credentials-not-true":
            wanted["access-control-allow-credentials"] = ()
        case "preflight-status-not-ok":
            return 403, wanted
        case "preflight-redirect":
            return 307, wanted | {"location": (_header_url(request.url),)}
        case "allow-methods-invalid":
            wanted["access-control-allow-methods"] = (", ".join((_NO_TOKEN, *methods)),)
        case "allow-headers-invalid":
            wanted["access-control-allow-headers"] = (", ".join((_NO_TOKEN, *names)),)
        case "method-not-allowed":
            wanted["access-control-allow-methods"] = ("GET",)
        case "method-wildcard-with-credentials":
            wanted["access-control-allow-methods"] = ("*",)
        case "header-not-allowed":
            wanted["access-control-allow-headers"] = ()
        case "header-wildcard-with-credentials":
            wanted["access-control-allow-headers"] = ("*",)
        case "redirect-url-credentials":
            return 307, wanted | {"location": ("https://simulated:simulated@simulated.invalid/",)}
        case "redirect-scheme":
            return 307, wanted | {"location": ("simulated-scheme://simulated.invalid/",)}
        case "redirect-too-many":
            return 307, wanted | {"location": (_header_url(request.url),)}
        case _:
            pass
    return None, wanted


_NO_CORS_FAULTS: Final[dict[str, Wanted]] = {
    "corp-not-same-origin": {"cross-origin-resource-policy": ("same-origin",)},
    "corp-not-same-site": {"cross-origin-resource-policy": ("same-site",)},
    "corp-coep": {"cross-origin-resource-policy": ()},
    "nosniff-mime": {"content-type": ("application/octet-stream",), "x-content-type-options": ("nosniff",)},
    "orb-blocked": {"content-type": ("application/json",), "x-content-type-options": ("nosniff",)},
}


def _header_url(url: str) -> str:
    """Return a URL that can stand in a header, whatever the request line held."""
    return "".join(char if "!" <= char <= "~" else f"%{ord(char) & 0xFF:02X}" for char in url)
