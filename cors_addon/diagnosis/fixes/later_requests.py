"""What comes behind an exchange that was stopped: requests that were never sent, and what their answers need."""

from typing import Final

from ...catalogue.violation import Stage
from ...fetch.checks import ALLOW_CREDENTIALS, ALLOW_HEADERS, ALLOW_METHODS, ALLOW_ORIGIN
from ...fetch.messages import Response
from ...fetch.origins import OPAQUE, serialize_origin
from ...fetch.redirects import is_tainted_by, redirect_target, redirected_method
from ...traffic.classify import Kind
from ...traffic.record import Record
from ...verdict.failure_details import inert, without_user_info
from ...verdict.fix_steps import Ahead
from ...verdict.redact import redact
from .required_headers import Need

_LONGEST: Final = 2_000


def ahead_of(record: Record, need: Need, response: Response, green: Response) -> tuple[Ahead, ...]:
    """What the browser does next, had it been let pass: the request behind a preflight, the target of a redirect."""
    url = record.exchange.request.url
    target = redirect_target(url, response)
    if record.kind is Kind.PREFLIGHT and (target is None or green.status != response.status):
        return (_request(need, Stage.RESPONSE, need.method, url, need.origin, "the request itself"),)
    if target is None or target.failure is not None or record.was_followed:
        return ()
    if serialize_origin(target.url) == (record.page_origin or need.origin) and record.kind is Kind.PREFLIGHT:
        # Called directly, the target is the page's own server, which no browser asks for headers.
        return ()
    if record.kind is Kind.PREFLIGHT:
        return (_request(need, Stage.PREFLIGHT, "OPTIONS", target.url, need.origin, "the preflight, asked there"),)
    page = record.page_origin or need.origin
    tainted = record.kind is Kind.CORS and is_tainted_by(url, target.url, page)
    origin = OPAQUE if record.tainted or tainted else need.origin
    method = redirected_method(response.status, need.method)
    about = "the target of the redirect"
    if origin == OPAQUE and need.origin != OPAQUE:
        about = f"{about}, which gets Origin: null: better that the client calls it right away"
    return (_request(need, Stage.RESPONSE, method, target.url, origin, about),)


def _request(need: Need, stage: Stage, method: str, url: str, origin: str, about: str) -> Ahead:
    lines: list[str] = []
    if need.any_page and not need.credentials:
        lines.append(f"{ALLOW_ORIGIN}: *")
    elif origin == OPAQUE:
        if need.credentials:
            about = f"{about} (no safe header allows credentials to the origin null)"
        else:
            lines.append(f"{ALLOW_ORIGIN}: *")
    else:
        lines += [f"{ALLOW_ORIGIN}: {origin}", "Vary: Origin"]
        if need.credentials:
            lines.insert(1, f"{ALLOW_CREDENTIALS}: true")
    if stage is Stage.PREFLIGHT and lines:
        lines.insert(1, f"{ALLOW_METHODS}: {', '.join(need.methods)}")
        if need.header_names:
            lines.insert(2, f"{ALLOW_HEADERS}: {', '.join(need.header_names)}")
    shown = inert(redact(without_user_info(url)), _LONGEST)
    headers = tuple(inert(line, _LONGEST) for line in lines)
    return Ahead(stage, inert(method), shown, inert(origin, _LONGEST), headers, about)
