"""Which violations a rule can make happen, and why it cannot the others. The ids are those of the reports."""

from typing import Final

SIMULATED: Final = frozenset(
    {
        "allow-credentials-not-true",
        "allow-headers-invalid",
        "allow-methods-invalid",
        "allow-origin-invalid",
        "allow-origin-mismatch",
        "allow-origin-missing",
        "allow-origin-multiple",
        "allow-origin-wildcard-with-credentials",
        "corp-coep",
        "corp-not-same-origin",
        "corp-not-same-site",
        "header-not-allowed",
        "header-wildcard-with-credentials",
        "method-not-allowed",
        "method-wildcard-with-credentials",
        "network-error",
        "nosniff-mime",
        "orb-blocked",
        "preflight-redirect",
        "preflight-status-not-ok",
        "redirect-scheme",
        "redirect-too-many",
        "redirect-url-credentials",
    }
)

_ADVICE: Final = "It is advice: no browser blocks anything for it, so there is no failure to show."

NOT_SIMULATED: Final = {
    "mode-same-origin": "It begins with a request of a page to its own origin, and those are never touched.",
    "local-network-access": "The browser decides it before it sends anything; no response can make it happen.",
    "blocked-response-not-saved": "It is about what a capture leaves out, and not about a response.",
    "private-network-access": "No browser of today checks it.",
    "origin-null": "It says where the page's origin comes from, and a server has no part in that.",
    "redirect-mixed-content": "Only a page over https refuses it, and a rule does not choose the page.",
    "own-origin-refused": "It begins with a request of a page to its own origin, and those are never touched.",
    "sticky-cookie-not-returned": _ADVICE,
    "websocket-refused": _ADVICE,
    "origin-echoed-with-credentials": _ADVICE,
    "origin-pattern-too-loose": _ADVICE,
    "null-origin-with-credentials": _ADVICE,
    "http-origin-with-credentials": _ADVICE,
    "localhost-origin-with-credentials": _ADVICE,
    "shared-hosting-origin-with-credentials": _ADVICE,
    "private-address-wildcard": _ADVICE,
    "secret-header-exposed": _ADVICE,
    "expose-headers-forbidden": _ADVICE,
    "preflight-echoed": _ADVICE,
    "allow-methods-forbidden": _ADVICE,
    "max-age-missing": _ADVICE,
    "authorization-covered-by-wildcard": _ADVICE,
    "header-not-exposed": _ADVICE,
    "expose-headers-invalid": _ADVICE,
    "expose-headers-wildcard-with-credentials": _ADVICE,
    "max-age-invalid": _ADVICE,
    "max-age-capped": _ADVICE,
    "vary-origin-missing": _ADVICE,
    "allow-credentials-with-wildcard": _ADVICE,
    "set-cookie-ignored": _ADVICE,
    "timing-allow-origin-missing": _ADVICE,
    "preflight-not-seen": _ADVICE,
    "preflight-not-followed": _ADVICE,
    "set-cookie-refused": _ADVICE,
    "response-opaque": _ADVICE,
}

NO_CORS_SIMULATIONS: Final = frozenset(
    {"corp-not-same-origin", "corp-not-same-site", "corp-coep", "nosniff-mime", "orb-blocked"}
)
"""Those of responses that no CORS check guards; their requests carry no ``Origin``."""

PREFLIGHT_SIMULATIONS: Final = frozenset(
    {
        "allow-headers-invalid",
        "allow-methods-invalid",
        "header-not-allowed",
        "header-wildcard-with-credentials",
        "method-not-allowed",
        "method-wildcard-with-credentials",
        "preflight-redirect",
        "preflight-status-not-ok",
    }
)
"""Those that can happen to a preflight only."""

REDIRECT_SIMULATIONS: Final = frozenset({"redirect-scheme", "redirect-too-many", "redirect-url-credentials"})
"""Those that can happen to a request only, since a preflight is never redirected."""
