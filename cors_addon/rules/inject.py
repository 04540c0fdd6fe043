"""What a rule adds to a response: the plan for one exchange. Pure; applying it is the proxy's business.

Everything is made for the request at hand: its own origin is echoed and never ``*`` sent, names are listed, ``Vary``
keeps what the server says. Whatever the rule does not want and the server sends is taken out, so nothing is ever
there twice.

A changed response also gets ``cache-control: no-store``. The browser's HTTP cache would otherwise go on serving the
injected headers after injection has been switched off (and, to pages that were not listed, another page's origin).
Entries that the browser stored before stay as they are; when it revalidates one, the 304 is changed like any
response, the browser applies it to that one use, and drops the entry because of ``no-store`` (measured in Chromium
156 and Firefox 153). The price is that such responses are fetched anew each time, and that a page which reads
Cache-Control reads ``no-store``.
"""

from typing import Final

from ..fetch.checks import PreflightRequest, Step, Success, cors_check, preflight_failures, requested_header_names
from ..fetch.headers import HeaderList, is_token
from ..fetch.messages import CredentialsMode, Request, is_ok_status
from ..fetch.origins import OPAQUE
from ..fetch.resource_policy import timing_allow_origin_check
from ..fetch.safelists import FORBIDDEN_RESPONSE_HEADERS, SAFELISTED_RESPONSE_HEADERS
from ..traffic.exchange import ADDON_HEADER, Exchange
from .matching import Match, Stage, match
from .model import PreflightMode, Rule, RuleSet, UpstreamHeaders
from .plans import Editor, HeaderEdits, Plan, PreflightAnswer, header_safe
from .simulate import simulated

ALLOW_ORIGIN: Final = "access-control-allow-origin"
ALLOW_CREDENTIALS: Final = "access-control-allow-credentials"
ALLOW_METHODS: Final = "access-control-allow-methods"
ALLOW_HEADERS: Final = "access-control-allow-headers"
EXPOSE_HEADERS: Final = "access-control-expose-headers"
MAX_AGE: Final = "access-control-max-age"
RESOURCE_POLICY: Final = "cross-origin-resource-policy"
TIMING: Final = "timing-allow-origin"

ANSWER_STATUS: Final = 204
_LONGEST_EXPOSED: Final = 8192
_NEVER_EXPOSED: Final = (
    FORBIDDEN_RESPONSE_HEADERS
    | SAFELISTED_RESPONSE_HEADERS
    | {
        ADDON_HEADER,
        "connection",
        "cross-origin-resource-policy",
        "keep-alive",
        "proxy-connection",
        "te",
        "timing-allow-origin",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "vary",
    }
)


def plan(rules: RuleSet, exchange: Exchange, page_origin: str | None = None) -> Plan | None:
    """Return what to do to an exchange, ``None`` to leave it as it is, byte for byte.

    Called when the request is there (``exchange.response`` is ``None``): a ``PreflightAnswer`` to give instead of
    asking the server, or an ``Abort``. Called again when the response's headers are there: ``HeaderEdits``. A
    response to which a plan was applied needs no further one. ``page_origin`` is the serialized origin of the page
    where a chain of redirects turned the request's own ``Origin`` into ``null``.
    """
    if exchange.response is None and exchange.request.method != "OPTIONS" and not rules.aborts:
        return None
    found = match(rules, exchange, page_origin)
    return None if found is None else plan_for(found, exchange)


def plan_for(found: Match, exchange: Exchange) -> Plan | None:
    """Return what the matching rule does to an exchange."""
    rule, request, response = found.rule, exchange.request, exchange.response
    if rule.simulate is not None:
        return simulated(rule, rule.simulate, found.subject, exchange)
    if response is None:
        if found.subject.stage is Stage.PREFLIGHT and rule.preflight is PreflightMode.ANSWER:
            return _answer(found, request)
        return None
    if exchange.error is not None:
        return None
    editor = Editor(response)
    match found.subject.stage:
        case Stage.PREFLIGHT:
            _edit_preflight(found, request, editor)
        case Stage.ACTUAL:
            if rule.on_errors or response.status < 400:
                _edit_sharing(found, editor)
                _edit_neighbours(found, editor)
        case Stage.NO_CORS:
            if rule.on_errors or response.status < 400:
                _edit_neighbours(found, editor)
    edits = editor.finish(rule.name)
    return HeaderEdits(rule.name, edits, rule.dry_run) if edits else None


def _allows_credentials(found: Match) -> bool:
    """Say whether credentials are granted: never to ``null``, which frames of any site send."""
    return found.rule.allow_credentials and found.subject.origin != OPAQUE


def _mode(found: Match) -> CredentialsMode:
    return CredentialsMode.INCLUDE if _allows_credentials(found) else CredentialsMode.NOT_INCLUDE


def _answer(found: Match, request: Request) -> PreflightAnswer:
    headers = [(name, value) for name, value in _preflight_headers(found, request) if value]
    headers += [("vary", "Origin"), (ADDON_HEADER, header_safe(found.rule.name))]
    return PreflightAnswer(found.rule.name, ANSWER_STATUS, tuple(headers), found.rule.dry_run)


def _preflight_headers(found: Match, request: Request) -> list[tuple[str, str]]:
    """Return what a preflight's answer is to say; an empty value stands for a header that is not to be there."""
    rule, subject = found.rule, found.subject
    methods = rule.allow_methods
    if methods is None:
        methods = (subject.method,) if is_token(subject.method) else ()
    names = rule.allow_headers
    if names is None:
        names = tuple(name for name in requested_header_names(request.headers) if is_token(name))
    headers = [
        (ALLOW_ORIGIN, subject.origin),
        (ALLOW_CREDENTIALS, "true" if _allows_credentials(found) else ""),
        (ALLOW_METHODS, ", ".join(methods)),
        (ALLOW_HEADERS, ", ".join(names)),
        (MAX_AGE, str(rule.max_age)),
    ]
    if request.headers.get("access-control-request-private-network") == "true":
        # Chromium 104 to 137 asked for this; nothing newer does.
        headers.append(("access-control-allow-private-network", "true"))
    return headers


def _edit_preflight(found: Match, request: Request, editor: Editor) -> None:
    rule, subject, response = found.rule, found.subject, editor.response
    corrects_status = rule.preflight is not PreflightMode.FORWARD
    if rule.upstream_headers is not UpstreamHeaders.REPLACE:
        asked = PreflightRequest(subject.origin, subject.method, requested_header_names(request.headers))
        failures = [
            f for f in preflight_failures(asked, _mode(found), response) if corrects_status or f.step is not Step.STATUS
        ]
        if not failures:
            return
    if not corrects_status and not rule.on_errors and response.status >= 400:
        return
    _write(rule, _preflight_headers(found, request), editor)
    if corrects_status and not is_ok_status(response.status):
        # A 304 comes without a body, and a 200 would have to have one.
        editor.status(204 if response.status == 304 else 200)
        editor.set("location")


def _edit_sharing(found: Match, editor: Editor) -> None:
    rule, origin, headers = found.rule, found.subject.origin, editor.response.headers
    if rule.upstream_headers is not UpstreamHeaders.REPLACE:
        passes = isinstance(cors_check(origin, _mode(found), headers), Success)
        if passes and _exposes(headers, rule.expose_headers or ()):
            return
    exposed = exposable_names(headers) if rule.expose_headers is None else rule.expose_headers
    _write(
        rule,
        [
            (ALLOW_ORIGIN, origin),
            (ALLOW_CREDENTIALS, "true" if _allows_credentials(found) else ""),
            (EXPOSE_HEADERS, ", ".join(exposed)),
        ],
        editor,
    )
    if rule.upstream_headers is UpstreamHeaders.REPLACE:
        # Nothing reads them here, and they would contradict what the rule says in preflights.
        for name in (ALLOW_METHODS, ALLOW_HEADERS, MAX_AGE):
            if editor.has(name):
                editor.set(name)


def _write(rule: Rule, wanted: list[tuple[str, str]], editor: Editor) -> None:
    """Bring CORS headers to what they are to be, as far as ``upstream_headers`` lets them be changed."""
    headers = editor.response.headers
    match rule.upstream_headers:
        case UpstreamHeaders.KEEP:
            if any(name.startswith("access-control-") for name in headers.names()):
                return
        case UpstreamHeaders.FILL:
            kept_origin = headers.get(ALLOW_ORIGIN)
            if (ALLOW_ORIGIN, OPAQUE) in wanted and editor.has(ALLOW_CREDENTIALS):
                # The server's own line would grant credentials to null.
                return
            wanted = [(name, value) for name, value in wanted if value and not editor.has(name)]
            if kept_origin == "*":
                # Beside a wildcard that stays, allowed credentials would be a contradiction.
                wanted = [(name, value) for name, value in wanted if name != ALLOW_CREDENTIALS]
        case UpstreamHeaders.REPLACE:
            pass
    for name, value in wanted:
        editor.set(name, *([value] if value else []))
    if any(name == ALLOW_ORIGIN for name, _ in wanted):
        editor.vary_on_origin()


def _edit_neighbours(found: Match, editor: Editor) -> None:
    """Set what opens a response to requests that no CORS check guards, and to timing."""
    rule, origin = found.rule, found.subject.origin
    replaces = rule.upstream_headers is UpstreamHeaders.REPLACE
    if rule.resource_policy is not None and (replaces or not editor.has(RESOURCE_POLICY)):
        editor.set(RESOURCE_POLICY, rule.resource_policy.value)
    writes_timing = rule.timing_allow_origin and (replaces or not editor.has(TIMING))
    if writes_timing and not timing_allow_origin_check(origin, editor.response.headers):
        editor.set(TIMING, origin)
        editor.vary_on_origin()


def exposable_names(headers: HeaderList) -> tuple[str, ...]:
    """Return the names of a response that a script may be given and cannot read yet, in their order.

    Cookies, what every script can read, what belongs to the connection and what only browsers read are left out. It
    ends where the list would grow beyond what a header can carry.
    """
    names: list[str] = []
    length = 0
    for name in headers.names():
        # A name that is * would be read as the wildcard.
        if name == "*" or name in _NEVER_EXPOSED or name.startswith((":", "access-control-")) or not is_token(name):
            continue
        length += len(name) + 2
        if length > _LONGEST_EXPOSED:
            break
        names.append(name)
    return tuple(names)


def _exposes(headers: HeaderList, names: tuple[str, ...]) -> bool:
    if not names:
        return True
    listed = {name.strip(" \t").lower() for line in headers.get_all(EXPOSE_HEADERS) for name in line.split(",")}
    return all(name.lower() in listed for name in names)
