"""Requests that never reached the proxy, folded: what the browser blocked or answered itself, and what to do."""

from typing import Any, Final

from ..traffic.bounded_dicts import Remembered
from .requests import BrowserRequest, Outcome, Unsent

_KEPT: Final = 1_000

_EXPECTED: Final = frozenset({Unsent.PREFLIGHT, Unsent.REDIRECT, Unsent.TWICE})
"""What another flow or entry tells already."""

_BY_ORIGIN: Final = frozenset({Unsent.CSP, Unsent.MIXED_CONTENT, Unsent.LOCAL_NETWORK_ACCESS, Unsent.PORT})
"""What stops every URL of an origin, and has one fix for all of them."""

_HELP: Final = {
    Unsent.CSP: "Add {origin} to {directive} in the Content-Security-Policy of the page.",
    Unsent.MIXED_CONTENT: "Call the URL over https, or serve the page over http while developing.",
    Unsent.EXTENSION: "Disable the extension or policy that blocks the request, and load the page again.",
    Unsent.LOCAL_NETWORK_ACCESS: "Allow the page to reach the local network in the browser's site settings.",
    Unsent.CACHE: "On the server: send Vary: Origin, so that no other page's response is reused. Then clear the cache.",
    Unsent.SERVICE_WORKER: "Fix what the service worker responds, or unregister the service worker.",
    Unsent.PORT: "Serve the API on another port, such as 8080.",
    Unsent.SAME_ORIGIN: 'Leave out mode: "same-origin" for URLs of other origins.',
    Unsent.ABORTED: "Keep the page open, and do not abort the call, until the response is there.",
}
_WHAT: Final = {
    Unsent.CSP: "the Content-Security-Policy of the page blocks it",
    Unsent.MIXED_CONTENT: "an https page may not call http (mixed content)",
    Unsent.EXTENSION: "an extension or policy of the browser blocks it",
    Unsent.LOCAL_NETWORK_ACCESS: "the browser blocks calls to the local network (Local Network Access)",
    Unsent.CACHE: "the browser's cache answers it",
    Unsent.SERVICE_WORKER: "a service worker answers it",
    Unsent.PORT: "the browser blocks this port for every page",
    Unsent.SAME_ORIGIN: 'mode "same-origin" excludes URLs of other origins',
    Unsent.ABORTED: "the page aborts it before it is sent",
    Unsent.OTHER: "the browser blocks it",
}


class UnsentRequests:
    """Keeps what was never sent; ``entries`` are plain data for reports, newest last, repeats counted.

    ``others`` says that the repeats have other URLs of the same origin too, which one fix lets through.
    """

    def __init__(self) -> None:
        self._entries: Remembered[tuple[object, ...], dict[str, Any]] = Remembered(_KEPT)

    def add(self, request: BrowserRequest, browser: str) -> dict[str, Any] | None:
        """Keep a request; return its entry where it is the first of its kind.

        A cache or service worker that answers rightly is no news, nor is what another flow tells.
        """
        reason = request.unsent
        if reason is None or reason in _EXPECTED or request.outcome is Outcome.PASSED:
            return None
        place = _origin_of(request.url) if reason in _BY_ORIGIN else request.url
        key = (place, request.method, reason, request.directive, request.error, request.call_site)
        known = self._entries.get(key)
        if known is not None:
            known["count"] += 1
            known["others"] = known["others"] or request.url != known["url"]
            self._entries.move_to_end(key)
            return None
        entry = self._entries[key] = entry_of(request, browser)
        return entry

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [dict(entry) for entry in self._entries.values()]

    def clear(self) -> None:
        self._entries.clear()


def entry_of(request: BrowserRequest, browser: str) -> dict[str, Any]:
    """Return a request as reports show it."""
    reason = request.unsent or Unsent.OTHER
    what = _WHAT.get(reason, _WHAT[Unsent.OTHER])
    if reason is Unsent.CSP and request.directive:
        what = f"{request.directive} in the Content-Security-Policy of the page blocks it"
    elif reason in (Unsent.CACHE, Unsent.SERVICE_WORKER):
        what += f", and the response fails with {request.error}" if request.error else ", and the response fails"
    elif reason is Unsent.OTHER and request.error:
        what += f" ({request.error})"
    site = request.call_site
    return {
        "url": request.url,
        "method": request.method or "GET",
        "origin": _origin_of(request.page),
        "page": request.page,
        "browser": browser,
        "reason": reason.value,
        "directive": request.directive or None,
        "error": request.error,
        "message": f"not sent: {what}",
        "help": _HELP.get(reason, "").format(
            origin=_origin_of(request.url), directive=request.directive or "the directive"
        ),
        "initiator": None if site is None else plain_site(site),
        "started": request.started,
        "count": 1,
        "others": False,
    }


def plain_site(site: Any) -> dict[str, Any]:
    """Return a call site as plain data, as ``initiator`` in reports."""
    return {
        "url": site.url,
        "line": site.line or None,
        "column": site.column or None,
        "function": site.function or None,
    }


def _origin_of(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    authority = rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
    return f"{scheme}://{authority}" if separator else ""
