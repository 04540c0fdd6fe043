"""The whole way to green: what stands between an exchange and the browser, in its order, and what mends it."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from ...catalogue.violation import FixOwner, Severity
from ...fetch.checks import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    EXPOSE_HEADERS,
    MAX_AGE,
)
from ...fetch.headers import HeaderList, byte_lowercase, get_decode_and_split
from ...fetch.messages import Response
from ...fetch.origins import OPAQUE
from ...fetch.redirects import redirect_target
from ...traffic.record import Record
from ...verdict.failure_details import inert
from ...verdict.fix_steps import STATUS, Change, Way, WayStep
from ...verdict.model import Finding, Verdict
from .later_requests import ahead_of
from .required_headers import MAX_AGE_SECONDS, Need, hidden_names

_LONGEST: Final = 2_000
_MOST_LINES: Final = 8
_MOST_NAMES: Final = 100
_STOPS: Final = (Severity.BLOCKED, Severity.CONDITIONAL)
_LOGIN: Final = re.compile(
    r"(?<![a-z])(?:log-?in|sign-?in|sso|oauth2?|openid|saml|auth|authorize)(?![a-z])", re.IGNORECASE
)
_HOPELESS: Final = (
    "no safe header allows credentials to the origin null: the page gets an origin of its own, by being served over "
    "http or https and without a redirect from another origin, or sends the request without credentials"
)
_LISTS: Final = (ALLOW_METHODS, ALLOW_HEADERS)
_CORP: Final = "Cross-Origin-Resource-Policy"
_TIMING: Final = "Timing-Allow-Origin"
_PRIVATE_NETWORK: Final = "Access-Control-Allow-Private-Network"
_BESIDE: Final = ("vary", "cross-origin-resource-policy")


def way_of(record: Record, verdict: Verdict, need: Need) -> Way | None:
    """Return the way to green of an exchange with findings; ``None`` where there is nothing to change."""
    response = record.exchange.response
    if response is None:
        return None
    steps = _steps(record, verdict, need, response)
    if not steps:
        return None
    green = mended(response, (change for step in steps for change in step.changes))
    stopping = [step for step in steps if step.severity in _STOPS]
    curable = all(step.changes or step.findings == ("preflight-redirect",) for step in stopping)
    return Way(
        inert(need.origin, _LONGEST),
        inert(need.method),
        tuple(inert(name) for name in need.header_names[:_MOST_NAMES]),
        need.credentials,
        tuple(steps),
        green.status,
        _about_cors(green.headers),
        ahead_of(record, need, response, green) if stopping and curable else (),
        tuple(inert(name) for name in hidden_names(response, need.credentials)[:_MOST_NAMES]),
    )


def mended(response: Response, changes: Iterable[Change]) -> Response:
    """Return the response with the changes made: the new line takes the place of the first old one."""
    status = response.status
    lines = [(byte_lowercase(line[0]), line) for line in response.headers]
    for change in changes:
        if change.header == STATUS:
            status = int(change.after or status)
            continue
        key = change.header.lower()
        at = next((index for index, (name, _) in enumerate(lines) if name == key), len(lines))
        kept = [each for each in lines if each[0] != key]
        lines = kept if change.after is None else [*kept[:at], (key, (change.header, change.after)), *kept[at:]]
    return Response(status, HeaderList(line for _, line in lines))


def _about_cors(headers: HeaderList) -> tuple[str, ...]:
    """Return the lines about CORS in one order, whatever the server's is: the origin first, then by name."""
    lines = [line for line in headers if line[0].lower().startswith("access-control-") or line[0].lower() in _BESIDE]
    lines.sort(key=lambda line: (line[0].lower() != ALLOW_ORIGIN.lower(), line[0].lower()))
    return tuple(f"{name}: {inert(value, _LONGEST)}" for name, value in lines)


# --- steps ------------------------------------------------------------------------------------------------------------


def _steps(record: Record, verdict: Verdict, need: Need, response: Response) -> list[WayStep]:
    """One step for each header to change, or finding that no header cures; what stops the browser comes first."""
    ordered = sorted(verdict.findings, key=lambda finding: finding.severity not in _STOPS)
    grouped: dict[str, tuple[list[Finding], list[Change]]] = {}
    for finding in ordered:
        change = _change(finding, record, need, response)
        if change is None:
            if finding.severity in (*_STOPS, Severity.RISK):
                grouped[finding.id] = ([finding], [])
            continue
        if change.header in grouped:
            findings, changes = grouped[change.header]
            findings.append(finding)
            changes[0] = _joined(changes[0], change)
        else:
            grouped[change.header] = ([finding], [change])
    _add_vary(grouped, response)
    steps: list[WayStep] = []
    following: str | None = None
    for findings, changes in reversed(list(grouped.values())):
        first = findings[0]
        steps.append(
            WayStep(
                first.stage,
                first.severity,
                tuple(dict.fromkeys(finding.id for finding in findings)),
                FixOwner.CLIENT if _is_hopeless(first, need) else _owner(first, response, record),
                tuple(changes),
                "; ".join(change.text for change in changes) or _other_fix(first, need),
                following,
            )
        )
        if first.severity in _STOPS:
            following = first.id
    return steps[::-1]


def _other_fix(finding: Finding, need: Need) -> str:
    return _HOPELESS if _is_hopeless(finding, need) else finding.violation.fix


def _joined(one: Change, other: Change) -> Change:
    """Two findings of one header whose cures differ: of lists, what either names; else the first in order counts."""
    if one.header not in _LISTS or one.after is None or other.after is None or one.after == other.after:
        return one
    names = dict.fromkeys([*one.after.split(", "), *other.after.split(", ")])
    return Change(one.header, one.before, ", ".join(names))


def _add_vary(grouped: dict[str, tuple[list[Finding], list[Change]]], response: Response) -> None:
    """An answer that names one origin must not be served to another from a cache."""
    if ALLOW_ORIGIN not in grouped or "Vary" in grouped:
        return
    _, changes = grouped[ALLOW_ORIGIN]
    if changes and changes[0].after not in (None, "*") and not _varies(response.headers):
        changes.append(_vary(response.headers))


def _owner(finding: Finding, response: Response, record: Record) -> FixOwner:
    if finding.id == "preflight-redirect" and _leads_to_login(record, response):
        return FixOwner.SERVER
    return finding.violation.owner


def _change(finding: Finding, record: Record, need: Need, response: Response) -> Change | None:
    if _is_hopeless(finding, need):
        return None
    if finding.needed is not None:
        name, _, value = finding.needed.partition(": ")
        return _set(response.headers, name, value)
    other = _OTHER_CHANGES.get(finding.id)
    return None if other is None else other(record, need, response)


def _is_hopeless(finding: Finding, need: Need) -> bool:
    """Say whether only allowing null with credentials would do: that lets in the sandboxed frames of every site."""
    return need.origin == OPAQUE and need.credentials and finding.id.startswith(("allow-origin-", "allow-credentials-"))


def _set(headers: HeaderList, name: str, value: str | None) -> Change:
    lines = headers.get_all(name)
    shown = [inert(each, _LONGEST) for each in lines[:_MOST_LINES]]
    if len(lines) > _MOST_LINES:
        shown.append(f"... and {len(lines) - _MOST_LINES} more lines")
    return Change(name, tuple(shown), value)


def _status(record: Record, need: Need, response: Response) -> Change:
    return Change(STATUS, (str(response.status),), "204")


def _redirected_preflight(record: Record, need: Need, response: Response) -> Change | None:
    return _status(record, need, response) if _leads_to_login(record, response) else None


def _leads_to_login(record: Record, response: Response) -> bool:
    """Say whether a redirect leads to a login, from what is none itself."""
    url = record.exchange.request.url
    target = redirect_target(url, response)
    return target is not None and _names_login(target.url) and not _names_login(url)


def _names_login(url: str) -> bool:
    return _LOGIN.search(url.partition("?")[0]) is not None


def _vary_origin(record: Record, need: Need, response: Response) -> Change:
    return _vary(response.headers)


def _vary(headers: HeaderList) -> Change:
    listed = [value for value in get_decode_and_split(headers, "Vary") or [] if value]
    return _set(headers, "Vary", inert(", ".join([*listed, "Origin"]), _LONGEST))


def _varies(headers: HeaderList) -> bool:
    return any(value.lower() in ("origin", "*") for value in get_decode_and_split(headers, "Vary") or [])


def _exposed(record: Record, need: Need, response: Response) -> Change | None:
    return _set(response.headers, EXPOSE_HEADERS, ", ".join(need.exposed)) if need.exposed else None


def _hidden(record: Record, need: Need, response: Response) -> Change | None:
    names = [*need.exposed, *(name for name in hidden_names(response, need.credentials) if name not in need.exposed)]
    return _set(response.headers, EXPOSE_HEADERS, ", ".join(names)) if names else None


def _max_age(record: Record, need: Need, response: Response) -> Change:
    return _set(response.headers, MAX_AGE, str(MAX_AGE_SECONDS))


def _without_credentials(record: Record, need: Need, response: Response) -> Change:
    return _set(response.headers, ALLOW_CREDENTIALS, None)


def _resource_policy(record: Record, need: Need, response: Response) -> Change:
    same_site = record.exchange.request.headers.get("Sec-Fetch-Site") == "same-site"
    return _set(response.headers, _CORP, "same-site" if same_site else "cross-origin")


def _across_sites(record: Record, need: Need, response: Response) -> Change:
    return _set(response.headers, _CORP, "cross-origin")


def _timing(record: Record, need: Need, response: Response) -> Change:
    listed = [value for value in get_decode_and_split(response.headers, _TIMING) or [] if value]
    value = ", ".join([*listed, need.origin]) if need.origin != OPAQUE else "*"
    return _set(response.headers, _TIMING, inert(value, _LONGEST))


def _private_network(record: Record, need: Need, response: Response) -> Change:
    return _set(response.headers, _PRIVATE_NETWORK, "true")


_OTHER_CHANGES: Final[dict[str, Callable[[Record, Need, Response], Change | None]]] = {
    "preflight-status-not-ok": _status,
    "preflight-redirect": _redirected_preflight,
    "vary-origin-missing": _vary_origin,
    "header-not-exposed": _hidden,
    "expose-headers-invalid": _exposed,
    "expose-headers-wildcard-with-credentials": _exposed,
    "max-age-invalid": _max_age,
    "max-age-missing": _max_age,
    "allow-credentials-with-wildcard": _without_credentials,
    "corp-not-same-origin": _resource_policy,
    "corp-not-same-site": _across_sites,
    "corp-coep": _across_sites,
    "timing-allow-origin-missing": _timing,
    "private-network-access": _private_network,
}
"""Findings that name no header line themselves, and what mends them."""
