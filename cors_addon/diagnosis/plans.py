"""One plan for a failure: who changes what, in the order in which it has to happen, each header named once."""

from collections.abc import Iterable, Iterator
from typing import Final

from ..catalogue.violation import FixOwner, Severity, Stage
from ..fetch.checks import ALLOW_HEADERS, ALLOW_METHODS
from ..fetch.origins import OPAQUE
from ..verdict.failure_details import inert
from ..verdict.fix_steps import STATUS, WayStep
from ..verdict.model import Cause, Confidence, Finding, Snippet, Verdict
from .causes import CAUSES
from .model import PlanStep, Send
from .owner import PLATFORM, THIRD_PARTY, UNKNOWN, host_of
from .platform_settings import AFTERWARDS, ORIGIN_LISTS, setting_of

ANY_STATUS: Final = "any"
OK_STATUS: Final = "2xx"
_NOT_YOURS: Final = (
    "If {host} is not yours: call it from your own backend, or use a URL that its service offers to pages."
)
_ONLY_ITS_OWNER: Final = (
    "Only its owner can change what {host} sends: call it from your own backend, or use a URL that the service offers "
    "to pages."
)
_AT_SERVICES: Final = {
    "rate-limited": "Send fewer requests: keep responses, or use a key with a higher limit. The page cannot read this "
    "429, because {host} sends it without CORS headers.",
    "gateway-error-page": "Try again later: {host} itself is down or overloaded, and no header changes that. Or call "
    "it from your own backend, with a copy to fall back on.",
    "origin-refused-by-cors": "Register the page's origin in the account's or key's settings at the service, where it "
    "keeps such a list. If it does not, only its owner can: call {host} from your own backend.",
}
"""What a page can do about a cause at somebody else's service."""
_NO_MIDDLEWARE: Final = (
    "Look for allowed origins in its settings: a platform takes no middleware. Where it has none, call it from your "
    "own backend."
)
_FUNCTIONS: Final = {
    "Supabase": ("/functions/", ".functions.supabase.co/"),
    "Netlify": ("/.netlify/functions/",),
}
"""Where a platform runs its customers' code."""
_OF_THE_SERVER: Final = (FixOwner.SERVER, FixOwner.GATEWAY)
_SLIPS: Final = ("response-header-on-request", "method-letter-case")
"""What the page writes wrongly: the fix is in its code, and no header of the server's is needed."""
_SESSION: Final = 2
"""The rank of what other responses of the host showed."""

_ADDING: Final = "Add these response headers"


def plan_of(verdict: Verdict, findings: Iterable[Finding], causes: tuple[Cause, ...]) -> tuple[PlanStep, ...]:
    """Return what has to change so that the findings are gone, as far as the best supported cause tells."""
    findings = tuple(findings)
    top = causes[0] if causes else None
    owner = verdict.owner.kind if verdict.owner is not None else UNKNOWN
    # Nobody can have a third party send other headers.
    helps = (top is None or top.headers_help) and owner != THIRD_PARTY and not _is_the_pages_alone(top, findings)
    send = _sends(verdict, findings) if helps else ()
    snippet = _snippet(findings, top)
    first = _of_cause(verdict, top, send, snippet) if top is not None else None
    if first is None:
        first = _of_findings(verdict, findings, send, snippet)
    steps = (first, *_besides(verdict, findings, top))
    if send and owner == UNKNOWN and _may_be_anybodys(findings, top):
        steps = (*steps, PlanStep(FixOwner.CLIENT.value, "", _NOT_YOURS.format(host=host_of(verdict.url))))
    return steps


def _is_the_pages_alone(cause: Cause | None, findings: tuple[Finding, ...]) -> bool:
    """Say whether a slip in the page's code is all that fails: the server would have to allow what nobody means."""
    if cause is None or cause.who is not FixOwner.CLIENT or cause.id not in _SLIPS:
        return False
    stopping = (finding for finding in findings if finding.severity in (Severity.BLOCKED, Severity.CONDITIONAL))
    return all(any(each.id == cause.id for each in finding.causes) for finding in stopping)


def _may_be_anybodys(findings: tuple[Finding, ...], cause: Cause | None) -> bool:
    """Say whether nothing shows that the page's author runs the server: no setting, and no other response for it."""
    if not _stops(findings):
        return False
    if findings[0].id != "allow-origin-missing":
        # A server that sends CORS headers for its pages is most often the author's.
        return False
    if cause is None:
        return True
    return cause.snippet is None and cause.rank != _SESSION and cause.who in _OF_THE_SERVER


def _stops(findings: tuple[Finding, ...]) -> bool:
    return any(finding.severity in (Severity.BLOCKED, Severity.CONDITIONAL) for finding in findings)


def _of_cause(verdict: Verdict, cause: Cause, send: tuple[Send, ...], snippet: Snippet | None) -> PlanStep | None:
    if not cause.fix:
        return None
    who, where, text = cause.who.value, cause.where, cause.fix
    owner = verdict.owner
    if owner is not None and cause.who in _OF_THE_SERVER:
        if owner.kind == THIRD_PARTY and not where:
            return _of_third_party(verdict, _AT_SERVICES.get(cause.id))
        # An error has a reason of its own, which no setting takes away.
        general = CAUSES[cause.id].of_middleware and cause.id != "server-error"
        setting = _setting(verdict) if not where else None
        if not general and not (cause.id == "origin-refused-by-cors" and owner.name in ORIGIN_LISTS):
            setting = None
        if owner.kind == PLATFORM or setting is not None:
            who = PLATFORM
            if setting is None and general and not where:
                text = _NO_MIDDLEWARE
            where, text = setting or (where or f"In {owner.name}", text)
    return PlanStep(who, where, text, send, snippet)


def _setting(verdict: Verdict) -> tuple[str, str] | None:
    platform = verdict.owner.name if verdict.owner is not None else ""
    if not any(part in verdict.url for part in _FUNCTIONS.get(platform, ("",))):
        # What it answers elsewhere, no code of its customers writes.
        return None
    return setting_of(platform, _page_of(verdict))


def _of_third_party(verdict: Verdict, way: str | None = None) -> PlanStep:
    """Return what is left where a service of somebody else would have to change."""
    return PlanStep(FixOwner.CLIENT.value, "", (way or _ONLY_ITS_OWNER).format(host=host_of(verdict.url)))


def _of_findings(
    verdict: Verdict, findings: tuple[Finding, ...], send: tuple[Send, ...], snippet: Snippet | None
) -> PlanStep:
    """Return the step where nothing proves a cause: the headers say it all, or the catalogue does."""
    steps = [step for step in _steps(verdict, findings) if step.changes]
    lacking = _lacking(steps)
    owner = verdict.owner
    if owner is not None and findings[0].violation.owner in _OF_THE_SERVER and _stops(findings):
        if owner.kind == THIRD_PARTY:
            return _of_third_party(verdict)
        setting = _setting(verdict)
        if setting is not None:
            where, text = setting
            text = f"{lacking}{AFTERWARDS.get(owner.name, '')}" if lacking else text
            return PlanStep(PLATFORM, where, text, send, snippet)
    if send and steps:
        status = any(change.header == STATUS for step in steps for change in step.changes)
        text = (
            "Answer OPTIONS with 204 before authentication and routing, with these response headers" if status else ""
        )
        removals = [change.text for step in steps for change in step.changes if change.after is None]
        return PlanStep(
            steps[0].who.value, "", text or "; ".join(removals) or _lacking(steps) or _ADDING, send, snippet
        )
    return _general(verdict, findings[0], send, snippet)


def _lacking(steps: Iterable[WayStep]) -> str:
    """Say what the lists of methods and headers lack, where that is all; empty where more is wrong."""
    told = []
    for change in (change for step in steps for change in step.changes):
        listed = {name.lower() for line in change.before for name in _names(line)}
        more = [name for name in _names(change.after or "") if name.lower() not in listed]
        if change.header not in (ALLOW_METHODS, ALLOW_HEADERS) or not more or "*" in listed:
            return ""
        told.append(f"add {', '.join(more)} to {change.header}")
    text = " and ".join(told)
    return text[:1].upper() + text[1:]


def _names(value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


_PLACES: Final = ("On the server: ", "In the client: ", "In the client's code: ")
_BOTH: Final = "In the page or on the server"
_EXAMPLE: Final = "https://app.test"


def _general(verdict: Verdict, finding: Finding, send: tuple[Send, ...], snippet: Snippet | None) -> PlanStep:
    """Return what the catalogue says of a finding, with this page's origin in place of the example's."""
    way_text = next((step.text for step in _steps(verdict, [finding]) if not step.changes), "")
    text = way_text or finding.violation.fix
    text = text.replace(_EXAMPLE, _page_of(verdict))
    owner = finding.violation.owner
    for place in _PLACES:
        if text.startswith(place):
            rest = text.removeprefix(place)
            return PlanStep(owner.value, "", f"{rest[:1].upper()}{rest[1:]}", send, snippet)
    return PlanStep(owner.value, _BOTH if text.startswith("If the page") else "", text, send, snippet)


def _page_of(verdict: Verdict) -> str:
    """Return the origin of the page that made the request, in words where nothing tells it."""
    origin = verdict.origin or (verdict.way.origin if verdict.way is not None else "")
    return inert(origin) if origin and origin != OPAQUE else "the page's origin"


def _besides(verdict: Verdict, findings: tuple[Finding, ...], cause: Cause | None) -> Iterator[PlanStep]:
    """Yield the steps that no header brings about, behind those of the cause: it does not speak of them."""
    if cause is not None and not cause.headers_help:
        return
    for step in _steps(verdict, findings[1:]):
        told = cause is not None and any(cause in finding.causes for finding in findings if finding.id in step.findings)
        if not step.changes and not told:
            finding = next(each for each in findings if each.id in step.findings)
            yield _general(verdict, finding, (), None)


def _steps(verdict: Verdict, findings: Iterable[Finding]) -> list[WayStep]:
    ids = {finding.id for finding in findings}
    return [step for step in verdict.way.steps if not ids.isdisjoint(step.findings)] if verdict.way else []


def _sends(verdict: Verdict, findings: tuple[Finding, ...]) -> tuple[Send, ...]:
    """Return the headers that the responses need, with this request's values."""
    way = verdict.way
    steps = [step for step in _steps(verdict, findings) if step.changes]
    if way is None or not steps:
        return ()
    if not any(finding.violation.severity.value == "blocked" for finding in findings):
        lines = [f"{each.header}: {each.after}" for step in steps for each in step.changes if each.after is not None]
        return (Send(verdict.method, ANY_STATUS, tuple(lines)),) if lines else ()
    preflight = verdict.stage is Stage.PREFLIGHT
    own = _with_method(way.headers, way.method) if preflight else way.headers
    sends = [Send(verdict.method, OK_STATUS if preflight else ANY_STATUS, _listed(own))]
    for ahead in way.ahead:
        if ahead.headers and preflight:
            # Behind a redirect there is another preflight; here it is the request that comes next.
            lines = [line for line in ahead.headers if not line.startswith((ALLOW_METHODS, ALLOW_HEADERS))]
            sends.append(Send(way.method, ANY_STATUS, _listed(lines)))
        elif ahead.headers:
            to = ahead.method if ahead.url == verdict.url else f"{ahead.method} {ahead.url}"
            sends.append(Send(to, ANY_STATUS, _listed(ahead.headers)))
    return tuple(each for each in sends if each.headers)


def _with_method(lines: tuple[str, ...], method: str) -> tuple[str, ...]:
    """Return the lines of a preflight's response with the method named: a safelisted one needs no line, and has one."""
    if any(line.lower().startswith("access-control-allow-methods:") for line in lines):
        return lines
    return (*lines[:1], f"Access-Control-Allow-Methods: {method}", *lines[1:])


def _listed(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lines))


def _snippet(findings: tuple[Finding, ...], cause: Cause | None) -> Snippet | None:
    """Return what to paste: the setting that the cause names, else that of the stack that was recognised."""
    if cause is not None and cause.snippet is not None:
        return cause.snippet
    if cause is not None and not cause.headers_help:
        return None
    recognised = [
        snippet
        for finding in findings
        for snippet in finding.snippets
        if snippet.because and snippet.confidence is not Confidence.LOW
    ]
    stacks = {snippet.stack for snippet in recognised}
    if not recognised or (cause is not None and cause.who in (FixOwner.CLIENT, FixOwner.BROWSER)):
        return None
    # Two stacks that both might have answered are no reason to paste either.
    return recognised[0] if len(stacks) == 1 or recognised[0].confidence is Confidence.HIGH else None
