"""Each violation that a rule can make happen, what meets it, and each browser's own name for it."""

from __future__ import annotations

from dataclasses import dataclass

from cors_addon.catalogue import CATALOGUE
from tests.browser.cases.case import (
    APP,
    APP_S,
    CREDENTIALED,
    OTHER,
    OTHER_S,
    PREFLIGHT_OK_CREDENTIALED,
    THIRD_S,
    Case,
    Load,
    Page,
    at,
    fetch,
    load,
    ok,
    one,
)
from tests.browser.cases.loaders import GIF, JAVASCRIPT
from tests.browser.injected import REQUIRE_CORP, SITES, corp
from tests.browser.observed import NOSNIFF
from tests.browser.server import Answer
from tests.browser.webkit_log import CORP


@dataclass(frozen=True, slots=True)
class Simulation:
    """A violation made to happen to servers that do everything right, and each browser's own name for what it meets."""

    violation: str
    case: Case
    chromium: str
    firefox: str

    @property
    def webkit(self) -> str | None:
        """This project's name for WebKit's sentence, or what WebKit's own word is where CORS has no part in it."""
        return _BESIDE_CORS.get(self.violation) or CATALOGUE[self.violation].webkit


_BESIDE_CORS = {
    "network-error": "Connection terminated unexpectedly",
    "corp-not-same-origin": CORP,
    "corp-not-same-site": CORP,
    "corp-coep": CORP,
    "nosniff-mime": NOSNIFF,
}
# Else the grant from before the rule was switched on would still hold for five seconds.
_GRANT = PREFLIGHT_OK_CREDENTIALED.with_headers(("Access-Control-Max-Age", "0"))


def _simulations() -> list[Simulation]:
    page = Page(APP_S)
    made: list[Simulation] = []

    def add(
        violation: str, call: Load, chromium: str, firefox: str, answer: Answer | None = None, on: Page = page
    ) -> None:
        name = f"simulate-{len(made)}-{violation}"
        serve = one(answer or ok(CREDENTIALED), _GRANT)
        made.append(Simulation(violation, Case(name, violation, on, (call,), serve), chromium, firefox))

    get, put = fetch(at(OTHER_S)), fetch(at(OTHER_S), "PUT")
    with_get = fetch(at(OTHER_S), credentials="include")
    with_put = fetch(at(OTHER_S), "PUT", credentials="include")
    for violation, chromium, firefox in (
        ("allow-origin-missing", "MissingAllowOriginHeader", "CORSMissingAllowOrigin"),
        ("allow-origin-multiple", "MultipleAllowOriginValues", "CORSMultipleAllowOriginNotAllowed"),
        ("allow-origin-invalid", "InvalidAllowOriginValue", "CORSAllowOriginNotMatchingOrigin"),
        ("allow-origin-mismatch", "AllowOriginMismatch", "CORSAllowOriginNotMatchingOrigin"),
    ):
        # Over HTTP/2, which mitmproxy speaks here, Firefox sees two lines as one list.
        over_2 = "CORSAllowOriginNotMatchingOrigin" if violation == "allow-origin-multiple" else firefox
        add(violation, get, chromium, over_2)
        add(violation, with_get, chromium, over_2)
        add(violation, put, f"Preflight{chromium}", over_2)
        add(violation, fetch(at(OTHER)), chromium, firefox, on=Page(APP))
        add(violation, fetch(at(OTHER), "PUT"), f"Preflight{chromium}", firefox, on=Page(APP))
    for violation, chromium, firefox in (
        ("allow-origin-wildcard-with-credentials", "WildcardOriginNotAllowed", "CORSNotSupportingCredentials"),
        ("allow-credentials-not-true", "InvalidAllowCredentials", "CORSMissingAllowCredentials"),
    ):
        add(violation, with_get, chromium, firefox)
        add(violation, with_put, f"Preflight{chromium}", firefox)
    add("preflight-status-not-ok", put, "PreflightInvalidStatus", "CORSPreflightDidNotSucceed")
    add("preflight-redirect", put, "PreflightDisallowedRedirect", "CORSExternalRedirectNotAllowed")
    add("allow-methods-invalid", put, "InvalidAllowMethodsPreflightResponse", "CORSInvalidAllowMethod")
    named = fetch(at(OTHER_S), headers={"X-Key": "1"})
    with_named = fetch(at(OTHER_S), headers={"X-Key": "1"}, credentials="include")
    add("allow-headers-invalid", named, "InvalidAllowHeadersPreflightResponse", "CORSInvalidAllowHeader")
    add("method-not-allowed", put, "MethodDisallowedByPreflightResponse", "CORSMethodNotFound")
    add("method-not-allowed", with_put, "MethodDisallowedByPreflightResponse", "CORSMethodNotFound")
    add("method-wildcard-with-credentials", with_put, "MethodDisallowedByPreflightResponse", "CORSMethodNotFound")
    add("header-not-allowed", named, "HeaderDisallowedByPreflightResponse", "CORSMissingAllowHeaderFromPreflight")
    add(
        "header-wildcard-with-credentials",
        with_named,
        "HeaderDisallowedByPreflightResponse",
        "CORSMissingAllowHeaderFromPreflight",
    )
    add("redirect-url-credentials", get, "RedirectContainsCredentials", "NS_ERROR_DOM_BAD_URI")
    add("redirect-scheme", get, "CorsDisabledScheme", "NS_ERROR_DOM_BAD_URI")
    add("redirect-too-many", get, "net::ERR_TOO_MANY_REDIRECTS", "NS_ERROR_REDIRECT_LOOP")
    add("network-error", get, "net::ERR_HTTP2_PROTOCOL_ERROR", "NS_ERROR_NET_RESET")
    add("network-error", put, "net::ERR_HTTP2_PROTOCOL_ERROR", "NS_ERROR_DOM_BAD_URI")
    add("network-error", fetch(at(OTHER)), "net::ERR_EMPTY_RESPONSE", "NS_ERROR_NET_RESET", on=Page(APP))
    picture, script = ok(kind="image/gif", body=GIF), ok(kind=JAVASCRIPT, body=b"1")
    img = load("img", at(OTHER_S))
    add("corp-not-same-origin", img, "corp-not-same-origin", "NS_ERROR_DOM_CORP_FAILED", answer=picture)
    add("corp-not-same-site", img, "corp-not-same-site", "NS_ERROR_DOM_CORP_FAILED", answer=picture)
    embedded = picture.with_headers(*corp("cross-origin"))
    coep = "corp-not-same-origin-after-defaulted-to-same-origin-by-coep"
    add("corp-coep", img, coep, "NS_ERROR_DOM_CORP_FAILED", answer=embedded, on=Page(THIRD_S, REQUIRE_CORP))
    add("nosniff-mime", load("script", at(OTHER_S)), "nosniff", "nosniff", answer=script)
    add("orb-blocked", img, "net::ERR_BLOCKED_BY_ORB", "ORB", answer=picture)
    return made


SIMULATIONS: tuple[Simulation, ...] = tuple(_simulations())
RULES: tuple[dict[str, object], ...] = tuple(
    {"name": each.case.name, "paths": [f"/c/{each.case.name}/**"], "simulate": each.violation, **SITES}
    for each in SIMULATIONS
)
