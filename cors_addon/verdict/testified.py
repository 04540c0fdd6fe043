"""What the browser itself said decides: it narrows the credentials modes, and overrules what the headers say."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ..fetch.messages import CredentialsMode
from ..traffic.evidence import Evidence, Knowledge
from ..traffic.exchange import Exchange
from ..traffic.record import Record
from ..traffic.testimony import Testimony, Told
from .browsers import JUDGE_OF, error_name, first_failure
from .failure_details import inert
from .model import Condition, Judge, Outcome, ToldView, Verdict, View

REFUSED: Final = "net::ERR_FAILED"
"""What Chromium's recorders say of a request that CORS blocked, and of little else."""

GENERIC: Final = "CORSDidNotSucceed"
"""What Firefox says of any CORS request that failed: it names no reason."""

_OUTCOMES: Final = {Told.PASSED: "allowed", Told.CORS: "blocked", Told.FAILED: "failed", Told.ABORTED: "aborted"}
_OVERRULED: Final = "the browser delivered the response, so something in the browser switches CORS off"
_TAKEN: Final = "the body was saved although CORS blocks the response: a plugin or extension may have asked"
_UNEXPLAINED: Final = "the browser blocked the response, and nothing in the response explains why"
_EQUAL: Final = "{number} equal requests were under way: what the browser says may be of another one"
_UNFOLLOWED: Final = ("CORSExternalRedirectNotAllowed", "CORSPreflightDidNotSucceed")
"""Firefox has the second name for a redirected preflight where ``fetch()`` does not follow redirects (``redirect`` is
"error" or "manual"), which nothing on the wire tells. Measured with Firefox 153."""

_COOKIES: Final = 5
NO_CORS_AFTER_ALL: Final = "the browser used a response that fails the CORS check: a beacon, or mode no-cors"
BESIDE_CORS: Final = "the browser names another reason than CORS for a response that fails the CORS check: mode no-cors"
_REASONS: Final = (
    ("net::ERR_BLOCKED_BY_CLIENT", "an extension or content blocker stopped the request: try without it"),
    ("net::ERR_BLOCKED_BY_CSP", "the page's Content-Security-Policy blocks it: list the server in connect-src"),
    ("net::ERR_BLOCKED_BY_ADMINISTRATOR", "the administrator's policy blocks the request"),
    ("net::ERR_BLOCKED_BY_ORB", "opaque response blocking withheld the response"),
    ("net::ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS", "the local network needs the user's permission, and a page on https"),
    (
        "net::ERR_BLOCKED_BY_PRIVATE_NETWORK_ACCESS",
        "the browser keeps public http pages from private addresses: serve the page over https",
    ),
    ("net::ERR_BLOCKED_BY_MIXED_CONTENT", "the page is on https, and browsers keep it from loading http"),
    ("net::ERR_UNSAFE_PORT", "browsers block this port: move the server to another one"),
    ("net::ERR_TOO_MANY_REDIRECTS", "the redirects do not end"),
    ("net::ERR_BLOCKED_BY_RESPONSE", "the response's or the page's resource policy withheld the response"),
    ("net::ERR_NAME_", "the browser found no address for the host"),
    ("net::ERR_CERT_", "the browser does not trust the server's certificate"),
    ("net::ERR_SSL_", "the TLS connection to the server failed"),
    ("net::ERR_CONNECTION_", "the browser got no connection to the server"),
    ("net::ERR_INTERNET_DISCONNECTED", "the browser was offline"),
    ("NS_ERROR_UNKNOWN_HOST", "the browser found no address for the host"),
    ("NS_ERROR_CONNECTION_REFUSED", "the browser got no connection to the server"),
    ("NS_BINDING_ABORTED", "the page, its user or a navigation aborted the request"),
)


def testimony_of(record: Record) -> Testimony | None:
    """Return what the browser said of the server's response; of one that was changed on its way it says nothing."""
    return None if record.delivered is not None else record.exchange.testimony


def speaker_of(testimony: Testimony, record: Record) -> Judge:
    """Return whose behaviour was told of."""
    family = testimony.family or record.browser
    return Judge.CHROMIUM if family is None else JUDGE_OF[family]


def narrowed(
    testimony: Testimony,
    speaker: Judge,
    conditions: Sequence[Condition],
    modes: frozenset[CredentialsMode],
    exchange: Exchange,
) -> tuple[frozenset[CredentialsMode], frozenset[CredentialsMode]]:
    """Return the credentials modes to judge under, and those under which a browser's view equals what it said."""
    failures = {mode: first_failure(speaker, mode, conditions) for mode in CredentialsMode}
    if testimony.outcome in (Told.PASSED, Told.FAILED):
        fitting = frozenset(mode for mode, failure in failures.items() if failure is None)
    else:
        named = {mode: error_name(speaker, each, exchange) for mode, each in failures.items() if each is not None}
        fitting = frozenset(mode for mode, name in named.items() if name == testimony.error) or frozenset(named)
    return (fitting & modes) or fitting or modes, fitting


def without(speaker: Judge, conditions: Sequence[Condition]) -> list[Condition]:
    """Return conditions on which one judge does not act."""
    return [replace(condition, judges=condition.judges - {speaker}) for condition in conditions]


def fails_beside_cors(testimony: Testimony, exchange: Exchange) -> bool:
    """Say whether the browser gave another reason than CORS for a response that it had: it names CORS where it can."""
    return testimony.outcome is Told.FAILED and testimony.certain and exchange.response is not None


def says_why_no_response(testimony: Testimony, exchange: Exchange) -> bool:
    """Say whether the browser said why an exchange has no response, so that no header can."""
    if exchange.response is not None and exchange.response.status:
        return False
    return testimony.outcome in (Told.FAILED, Told.ABORTED) or testimony.blocked_by is not None


def proved(record: Record, known: Knowledge, mode: CredentialsMode, testimony: Testimony) -> Knowledge:
    """Add what an outcome that the browser told proves of the credentials mode."""
    what = "delivered" if testimony.outcome is Told.PASSED else "blocked"
    how = "without credentials only" if mode is CredentialsMode.NOT_INCLUDE else "with credentials only"
    text = f"the browser {what} the response, as it does {how}"
    return Knowledge(mode, (*known.evidence, Evidence(mode, True, text, record.id)))


def unsaved(exchange: Exchange) -> str:
    """Say what is known of a response whose headers were not saved."""
    testimony = exchange.testimony
    if testimony is None or testimony.outcome is not Told.CORS:
        return "the capture holds no response headers"
    error = inert(testimony.error or "", 200)
    return f"the browser says {error}, as for CORS, and the capture holds no response: record through the proxy"


def reason_of(testimony: Testimony) -> str:
    """Say why an exchange has no response that CORS could be asked about."""
    error = inert(testimony.error or "", 200)
    if testimony.blocked_by is not None:
        return "never sent: its preflight failed"
    if testimony.outcome is Told.ABORTED:
        return "the page, its user or a navigation aborted the request"
    what = next((text for name, text in _REASONS if error.startswith(name)), "the browser got no response")
    return f"{what} ({error})" if error else what


def with_testimony(verdict: Verdict, record: Record) -> Verdict:
    """Return a verdict that says what the browser said, and follows it where the judge came to another outcome."""
    testimony = testimony_of(record)
    if testimony is None or testimony.outcome is None:
        return verdict
    speaker = speaker_of(testimony, record)
    view, told = verdict.views[speaker], verdict.told
    if told is None:
        told = told_view(
            testimony, testimony.outcome, testimony.outcome is not Told.CORS or view.outcome is Outcome.BLOCKED
        )
    views, notes = verdict.views, verdict.notes
    if testimony.outcome is Told.CORS and view.outcome is not Outcome.BLOCKED:
        # A recorder writes the same error for what an extension or a test refuses.
        changed = View(Outcome.BLOCKED, testimony.error) if testimony.certain else View(Outcome.UNKNOWN)
        seen = record.exchange.response is not None and record.exchange.response.status
        views, notes = {**views, speaker: changed}, (*notes, _UNEXPLAINED) if seen else notes
    elif testimony.outcome is Told.PASSED and not told.agrees:
        changed = View(Outcome.ALLOWED if testimony.certain else Outcome.UNKNOWN)
        views, notes = {**views, speaker: changed}, (*notes, _OVERRULED if testimony.certain else _TAKEN)
    elif testimony.outcome is Told.ABORTED and view.outcome is Outcome.CONDITIONAL:
        # Nobody got the response, so nothing will tell which way it goes.
        views = {**views, speaker: View(Outcome.UNKNOWN)}
    elif testimony.outcome is Told.CORS and testimony.certain and testimony.error not in (None, view.error, GENERIC):
        # Blocked by both, by another name: the browser's is the right one.
        told = replace(told, agrees=(view.error, testimony.error) == _UNFOLLOWED)
        views = {**views, speaker: View(Outcome.BLOCKED, testimony.error)}
    if testimony.cookies_left_out:
        cookies = ", ".join(
            f"{inert(name, 60)} ({inert(why, 60)})" for name, why in testimony.cookies_left_out[:_COOKIES]
        )
        notes = (*notes, f"cookies that the browser did not send: {cookies}")
    if testimony.under_way > 1:
        notes = (*notes, _EQUAL.format(number=testimony.under_way))
    return replace(verdict, told=told, views=views, notes=notes, outcome=views[verdict.judge].outcome)


def told_view(testimony: Testimony, outcome: Told, agrees: bool) -> ToldView:
    """Return what was told, for the report."""
    return ToldView(testimony.browser, _OUTCOMES[outcome], testimony.error, agrees)
