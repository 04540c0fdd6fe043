"""What keeps a browser from following a redirect, the CORS check of the redirect itself left aside."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ..catalogue import CATALOGUE
from ..catalogue.violation import Severity, Stage
from ..fetch.messages import CredentialsMode
from ..fetch.origins import is_potentially_trustworthy, origin_of, serialize_origin
from ..fetch.redirects import RedirectStep, redirect_failure, redirect_target
from ..traffic.classify import BrowserFamily, Kind
from ..traffic.record import Record
from . import failure_details
from .browsers import ALL_JUDGES
from .conditions import BOTH_MODES, shown_location
from .model import Condition, HeaderLine, Judge

WITH_CREDENTIALS: Final = frozenset({"allow-origin-wildcard-with-credentials", "allow-credentials-not-true"})
"""What a CORS check finds for requests with credentials only."""


def location_conditions(record: Record, origin: str) -> list[Condition]:
    """Return what keeps a browser from following a redirect, the CORS check of the redirect itself left aside."""
    exchange = record.exchange
    assert exchange.response is not None
    target = redirect_target(exchange.request.url, exchange.response)
    if target is None:
        return []
    location = shown_location(exchange.response)
    step = target.failure
    if step is None:
        page = record.page_origin or origin
        step = redirect_failure(target.url, page, record.kind is Kind.CORS, record.hops)
    if step is None:
        return []
    name, params = _redirect_violation(step, location, target.url, record.hops)
    judges, severity = ALL_JUDGES, None
    if name == "redirect-scheme":
        # A target that is no http(s) URL fails on its own account: the redirect has passed, and the flow with it.
        judges = frozenset({Judge.WEBKIT}) if _is_refused_by_webkit(record, step, target.url) else frozenset()
        severity = Severity.BLOCKED
    return [
        Condition(
            CATALOGUE[name],
            Stage.REDIRECT,
            BOTH_MODES,
            judges,
            params,
            evidence=(HeaderLine("response", "Location", failure_details.inert(location, 2000)),),
            severity=severity,
        )
    ]


def mixed_content_conditions(record: Record) -> list[Condition]:
    """Return what keeps a page on https from following a script's redirect to http.

    https://www.w3.org/TR/mixed-content/#should-block-fetch
    Images, audio and video are not blocked but upgraded, so mode "no-cors" is left out. Hosts that count as trustworthy
    over http, such as localhost, are http like any other to WebKit alone. Measured with WebKitGTK 2.50.6.
    """
    response = record.exchange.response
    if record.kind not in (Kind.CORS, Kind.SAME_ORIGIN) or response is None:
        return []
    page = origin_of(record.page_origin or record.classification.origin or "")
    target = redirect_target(record.exchange.request.url, response)
    if page is None or page.scheme != "https" or target is None or target.failure is not None:
        return []
    there = origin_of(target.url)
    if there is None or there.scheme != "http":
        return []
    judges = frozenset({Judge.WEBKIT}) if is_potentially_trustworthy(there) else ALL_JUDGES
    if record.was_followed and (judges is ALL_JUDGES or record.browser is BrowserFamily.WEBKIT):
        return []
    return [
        Condition(
            CATALOGUE["redirect-mixed-content"],
            Stage.REDIRECT,
            BOTH_MODES,
            judges,
            {"location": failure_details.inert(shown_location(response))},
            evidence=(HeaderLine("response", "Location", failure_details.inert(shown_location(response), 2000)),),
        )
    ]


def _is_refused_by_webkit(record: Record, step: RedirectStep, target: str) -> bool:
    """Say whether WebKit counts a redirect's target among the CORS failures of the redirect itself.

    ``SubresourceLoader::checkRedirectionCrossOriginAccessControl`` and ``validateCrossOriginRedirectionURL``: it does
    so for every scheme that CORS does not know. Its network stack refuses ftp: first, and on the way from the page's
    own server also file:, blob: and what is no URL; on an https page the check for mixed content refuses all but data:
    and about: first. Measured with WebKitGTK 2.50.6.
    """
    if record.kind is Kind.CORS:
        return not target.startswith("ftp:")
    if step is not RedirectStep.SCHEME or target.startswith(("ftp:", "file:", "blob:")):
        return False
    request = record.exchange.request
    if request.url.startswith("https:") and not target.startswith(("data:", "about:")):
        return False
    # Images and style sheets, which are not CORS, say what they accept.
    return record.kind is Kind.SAME_ORIGIN or request.headers.get("Accept") == "*/*"


def is_surely_refused_scheme(record: Record, conditions: Iterable[Condition]) -> bool:
    """Say whether WebKit refuses the redirect whichever loader of the page's own server's resource it was.

    A script element follows a redirect to data:, fetch() does not. Over plain http nothing tells the two apart but that
    WebKit writes Referer before Accept for fetch() alone.
    """
    failing = [condition for condition in conditions if Judge.WEBKIT in condition.judges]
    if not failing or any(condition.violation.id != "redirect-scheme" for condition in failing):
        return False
    names = record.exchange.request.headers.names()
    by_fetch = "referer" in names and "accept" in names and names.index("referer") < names.index("accept")
    return by_fetch or all(condition.params["scheme"] != "data" for condition in failing)


def as_webkit_checks_them(record: Record, conditions: list[Condition]) -> list[Condition]:
    """Return the conditions of a redirect as WebKit meets them in a chain that began on the page's own origin.

    ``SubresourceLoader::checkRedirectionCrossOriginAccessControl`` checks every redirect with the credentials policy of
    the first request: mode "same-origin", the default of fetch(), includes credentials there. Only "omit" does not. The
    last response is checked by its own policy. Measured with WebKitGTK 2.50.6.
    """
    found = []
    for condition in conditions:
        if Judge.WEBKIT not in condition.judges or condition.modes != {CredentialsMode.INCLUDE}:
            found.append(condition)
            continue
        found.append(replace(condition, modes=BOTH_MODES, judges=frozenset({Judge.WEBKIT})))
        if others := condition.judges - {Judge.WEBKIT}:
            found.append(replace(condition, judges=others))
    return found


def hangs_on_omit(conditions: Iterable[Condition]) -> bool:
    """Say whether WebKit refuses a redirect unless the script omits credentials (see ``as_webkit_checks_them``)."""
    webkits = [c for c in conditions if Judge.WEBKIT in c.judges and CredentialsMode.NOT_INCLUDE in c.modes]
    return bool(webkits) and all(is_webkits_with_credentials(c) for c in webkits)


def is_webkits_with_credentials(condition: Condition) -> bool:
    """Say whether WebKit alone meets a condition for requests without credentials too."""
    return condition.judges == {Judge.WEBKIT} and condition.violation.id in WITH_CREDENTIALS


def bound_to_origin_conditions(record: Record) -> list[Condition]:
    """Return what keeps a request of mode "same-origin" from following a redirect to another origin.

    No browser counts that among its CORS failures, so no judge acts on it.
    """
    exchange = record.exchange
    assert exchange.response is not None
    target = redirect_target(exchange.request.url, exchange.response)
    bound = exchange.request.headers.sec_fetch_mode == "same-origin"
    if target is None or not bound or serialize_origin(target.url) == serialize_origin(exchange.request.url):
        return []
    location = shown_location(exchange.response)
    return [
        Condition(
            CATALOGUE["mode-same-origin"],
            Stage.REDIRECT,
            BOTH_MODES,
            frozenset(),
            {"location": failure_details.inert(location)},
            evidence=(
                HeaderLine("request", "Sec-Fetch-Mode", "same-origin"),
                HeaderLine("response", "Location", failure_details.inert(location, 2000)),
            ),
        )
    ]


def _redirect_violation(step: RedirectStep, location: str, target: str, hops: int) -> tuple[str, dict[str, str]]:
    shown = failure_details.inert(location)
    match step:
        case RedirectStep.USER_INFO:
            return "redirect-url-credentials", {"location": shown}
        case RedirectStep.COUNT:
            return "redirect-too-many", {"count": str(hops)}
        case RedirectStep.SCHEME:
            return "redirect-scheme", {"location": shown, "scheme": failure_details.inert(target.partition(":")[0])}
        case RedirectStep.LOCATION:
            return "redirect-scheme", {"location": shown, "scheme": "no URL"}
