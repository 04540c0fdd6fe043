"""What blocks nothing: the list of it all, and what is about the response as a whole."""

from typing import Final

from .access_risks import (
    HTTP_ORIGIN_WITH_CREDENTIALS,
    LOCALHOST_ORIGIN_WITH_CREDENTIALS,
    NULL_ORIGIN_WITH_CREDENTIALS,
    ORIGIN_ECHOED_WITH_CREDENTIALS,
    ORIGIN_PATTERN_TOO_LOOSE,
    PRIVATE_ADDRESS_WILDCARD,
    SHARED_HOSTING_ORIGIN_WITH_CREDENTIALS,
)
from .exposure import (
    EXPOSE_HEADERS_FORBIDDEN,
    EXPOSE_HEADERS_INVALID,
    EXPOSE_HEADERS_WILDCARD_WITH_CREDENTIALS,
    HEADER_NOT_EXPOSED,
    SECRET_HEADER_EXPOSED,
    TIMING_ALLOW_ORIGIN_MISSING,
)
from .preflight_advice import (
    ALLOW_METHODS_FORBIDDEN,
    AUTHORIZATION_COVERED_BY_WILDCARD,
    MAX_AGE_CAPPED,
    MAX_AGE_INVALID,
    MAX_AGE_MISSING,
    PREFLIGHT_ECHOED,
    PREFLIGHT_NOT_FOLLOWED,
    PREFLIGHT_NOT_SEEN,
)
from .text_layout import EVERY_STAGE, pair, prose
from .violation import FixOwner, Severity, Stage, Violation

_BEHIND_A_PREFLIGHT: Final = frozenset({Stage.REDIRECT, Stage.RESPONSE})

VARY_ORIGIN_MISSING: Final = Violation(
    id="vary-origin-missing",
    title="Access-Control-Allow-Origin: {value} without Vary: Origin; a cache can mix up pages",
    severity=Severity.RISK,
    stages=_BEHIND_A_PREFLIGHT,
    explanation=prose("""
        The server sends a different Access-Control-Allow-Origin to each page and does not say that the response
        depends on Origin. A cache, in the browser or before the server, can then return the response to a page
        of another origin. That page's CORS check fails although the server never saw the request, and only as
        long as the cache keeps the response. A server that sends the same value to every page needs no Vary.
    """),
    fix=prose("""
        On the server: add `Vary: Origin` to every response of this URL, also to requests without Origin. Extend
        an existing list: `Vary: Accept-Encoding, Origin`.
    """),
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches",
    example=pair("""
          > GET https://api.test/items
          {FETCH}
          {JSON}
          < Cache-Control: max-age=300
          < Access-Control-Allow-Origin: https://app.test
        + < Vary: Origin

          > GET https://api.test/items
          > Origin: https://admin.test
          > Sec-Fetch-Dest: empty
          > Sec-Fetch-Mode: cors
          > Sec-Fetch-Site: cross-site
          {JSON}
          < Cache-Control: max-age=300
          < Access-Control-Allow-Origin: https://admin.test
        + < Vary: Origin
    """),
)

ALLOW_CREDENTIALS_WITH_WILDCARD: Final = Violation(
    id="allow-credentials-with-wildcard",
    title="Access-Control-Allow-Credentials: true has no effect with Access-Control-Allow-Origin: *",
    severity=Severity.ADVICE,
    stages=EVERY_STAGE,
    explanation=prose("""
        A request without credentials does not need Access-Control-Allow-Credentials, and a request with
        credentials fails because of `*`. So `true` has no effect here. The server's author probably expects
        cookies to work; the first request with cookies will fail.
    """),
    fix=prose("""
        On the server: for public data, remove Access-Control-Allow-Credentials and keep `*`. If pages need
        cookies, name the trusted page: `Access-Control-Allow-Origin: https://app.test`,
        `Access-Control-Allow-Credentials: true` and `Vary: Origin`.
    """),
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
    example=pair("""
          > GET https://cdn.test/inter.woff2
          > Origin: https://app.test
          > Sec-Fetch-Dest: font
          > Sec-Fetch-Mode: cors
          > Sec-Fetch-Site: cross-site
          < 200
          < Content-Type: font/woff2
          < Access-Control-Allow-Origin: *
        - < Access-Control-Allow-Credentials: true
    """),
)

SET_COOKIE_IGNORED: Final = Violation(
    id="set-cookie-ignored",
    title="Browsers ignore Set-Cookie in the response to a request without credentials: {names}",
    severity=Severity.INFO,
    stages=_BEHIND_A_PREFLIGHT,
    explanation=prose("""
        The response sets a cookie, but the page sent the request without credentials, and then browsers neither
        send nor store cookies. fetch() and XMLHttpRequest include no credentials in requests to other origins
        by default. This is a usual reason why a sign-in seems to work and the next request is not signed in.
    """),
    fix=prose("""
        If the page needs the cookie, send `credentials: "include"` (or set `withCredentials`) from the client.
        On the server: add `Access-Control-Allow-Origin: https://app.test` and
        `Access-Control-Allow-Credentials: true`, in the response to OPTIONS as well. Across sites the cookie
        needs `SameSite=None; Secure` too.
    """),
    owner=FixOwner.CLIENT,
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
    example=pair("""
          > OPTIONS https://api.test/session
          {FETCH}
          > Access-Control-Request-Method: POST
          > Access-Control-Request-Headers: content-type
          < 204
          {ALLOWED}
        + < Access-Control-Allow-Credentials: true
          < Access-Control-Allow-Methods: POST
          < Access-Control-Allow-Headers: Content-Type
          < Access-Control-Max-Age: 600

          > POST https://api.test/session
          {FETCH}
          > Content-Type: application/json
        + > Cookie: device=77c0
          {JSON}
          < Set-Cookie: session=1f3a; Secure; HttpOnly; SameSite=None
          {ALLOWED}
        + < Access-Control-Allow-Credentials: true
    """),
)

AUDIT: Final = (
    ORIGIN_ECHOED_WITH_CREDENTIALS,
    ORIGIN_PATTERN_TOO_LOOSE,
    NULL_ORIGIN_WITH_CREDENTIALS,
    HTTP_ORIGIN_WITH_CREDENTIALS,
    LOCALHOST_ORIGIN_WITH_CREDENTIALS,
    SHARED_HOSTING_ORIGIN_WITH_CREDENTIALS,
    PRIVATE_ADDRESS_WILDCARD,
    SECRET_HEADER_EXPOSED,
    EXPOSE_HEADERS_FORBIDDEN,
    PREFLIGHT_ECHOED,
    ALLOW_METHODS_FORBIDDEN,
    MAX_AGE_MISSING,
)
"""What works and should still not stay so: a risk, or a round trip for nothing."""

ADVICE: Final = (
    AUTHORIZATION_COVERED_BY_WILDCARD,
    HEADER_NOT_EXPOSED,
    EXPOSE_HEADERS_INVALID,
    EXPOSE_HEADERS_WILDCARD_WITH_CREDENTIALS,
    MAX_AGE_INVALID,
    MAX_AGE_CAPPED,
    VARY_ORIGIN_MISSING,
    ALLOW_CREDENTIALS_WITH_WILDCARD,
    SET_COOKIE_IGNORED,
    TIMING_ALLOW_ORIGIN_MISSING,
    PREFLIGHT_NOT_SEEN,
    PREFLIGHT_NOT_FOLLOWED,
)
"""What is pointless, fragile, out of sight, or not as the author meant it."""
