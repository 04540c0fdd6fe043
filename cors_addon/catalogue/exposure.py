"""What scripts may read of a response: too little for its author, or too much for everybody."""

from typing import Final

from .text_layout import RESPONSE, pair, prose
from .violation import Severity, Stage, Violation

_BEHIND_A_PREFLIGHT: Final = frozenset({Stage.REDIRECT, Stage.RESPONSE})

HEADER_NOT_EXPOSED: Final = Violation(
    id="header-not-exposed",
    title="Scripts cannot read these response headers: {names}",
    severity=Severity.INFO,
    stages=RESPONSE,
    explanation=prose("""
        In a response of another origin, scripts can always read Cache-Control, Content-Language,
        Content-Length, Content-Type, Expires, Last-Modified and Pragma. They can read other headers only if
        Access-Control-Expose-Headers lists them. DevTools shows all headers, but `response.headers.get()`
        returns null. Scripts can never read Set-Cookie.
    """),
    fix=prose("""
        If the page needs them, list them on the server, in the response itself and not in the preflight's:
        `Access-Control-Expose-Headers: X-Total-Count`.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-access-control-expose-headers",
    example=pair("""
          > GET https://api.test/items
          {FETCH}
          {JSON}
          < X-Total-Count: 42
          {ALLOWED}
        + < Access-Control-Expose-Headers: X-Total-Count
    """),
)

EXPOSE_HEADERS_INVALID: Final = Violation(
    id="expose-headers-invalid",
    title="Access-Control-Expose-Headers is not a list of header names: {value}",
    severity=Severity.ADVICE,
    stages=RESPONSE,
    explanation=prose("""
        Access-Control-Expose-Headers lists header names, separated by commas. A space, a semicolon, a colon or
        quotes make the whole header unreadable, and then it exposes nothing: scripts can read only the few
        headers that are always readable. Nothing is blocked.
    """),
    fix="On the server: put only commas between the names: `Access-Control-Expose-Headers: X-Total-Count, X-Page`.",
    anchor="https://fetch.spec.whatwg.org/#http-access-control-expose-headers",
    example=pair("""
          > GET https://api.test/items
          {FETCH}
          {JSON}
          < X-Total-Count: 42
          < X-Page: 1
          {ALLOWED}
        - < Access-Control-Expose-Headers: X-Total-Count X-Page
        + < Access-Control-Expose-Headers: X-Total-Count, X-Page
    """),
)

EXPOSE_HEADERS_WILDCARD_WITH_CREDENTIALS: Final = Violation(
    id="expose-headers-wildcard-with-credentials",
    title="Access-Control-Expose-Headers: * exposes nothing to a request with credentials",
    severity=Severity.ADVICE,
    stages=RESPONSE,
    explanation=prose("""
        For a request with credentials (cookies, HTTP authentication) `*` is not a wildcard: browsers look for a
        header with that name. Scripts can then read only the few headers that are always readable. Nothing is
        blocked.
    """),
    fix="On the server: list the headers by name: `Access-Control-Expose-Headers: X-Total-Count`.",
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
    example=pair("""
          > GET https://api.test/orders
          {FETCH}
          > Cookie: session=1f3a
          {JSON}
          < X-Total-Count: 42
          {ALLOWED}
          < Access-Control-Allow-Credentials: true
        - < Access-Control-Expose-Headers: *
        + < Access-Control-Expose-Headers: X-Total-Count
    """),
)

EXPOSE_HEADERS_FORBIDDEN: Final = Violation(
    id="expose-headers-forbidden",
    title="Access-Control-Expose-Headers lists headers that no script can read: {names}",
    severity=Severity.ADVICE,
    stages=RESPONSE,
    explanation=prose("""
        Scripts can never read Set-Cookie, so listing it has no effect. To store the cookie, the browser needs a
        request with credentials and cookie attributes that allow it.
    """),
    fix=prose("""
        On the server: remove the name from `Access-Control-Expose-Headers`. If the browser does not keep the
        cookie, check `Access-Control-Allow-Credentials: true` and `SameSite=None; Secure` instead.
    """),
    anchor="https://fetch.spec.whatwg.org/#forbidden-response-header-name",
    example=pair("""
          > GET https://api.test/items
          {FETCH}
          {JSON}
          {ALLOWED}
        - < Access-Control-Expose-Headers: Set-Cookie
        + < Access-Control-Expose-Headers: X-Total-Count
    """),
)

SECRET_HEADER_EXPOSED: Final = Violation(
    id="secret-header-exposed",
    title="Pages of every origin can read these secret headers: {names}",
    severity=Severity.ADVICE,
    stages=RESPONSE,
    explanation=prose("""
        A header of this response has a name that suggests a key or a token. Access-Control-Expose-Headers lets
        scripts read the header, and Access-Control-Allow-Origin lets every page read the response. A key that
        is the same for all users is then public. A token for one user should reach known pages only.
    """),
    fix=prose("""
        On the server: remove the name from `Access-Control-Expose-Headers`, or name the one page that needs it:
        `Access-Control-Allow-Origin: https://app.test` with `Vary: Origin`.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-access-control-expose-headers",
    cwe=200,
    example=pair("""
          > GET https://api.test/session
          {FETCH}
          {JSON}
          < X-Auth-Token: 5d2f
        - < Access-Control-Allow-Origin: *
        + {ALLOWED}
          < Access-Control-Expose-Headers: X-Auth-Token
    """),
)

TIMING_ALLOW_ORIGIN_MISSING: Final = Violation(
    id="timing-allow-origin-missing",
    title="Timing-Allow-Origin does not list {origin}, so the page sees no timing details",
    severity=Severity.INFO,
    stages=_BEHIND_A_PREFLIGHT,
    explanation=prose("""
        Resource Timing shows a page how long name lookup, connection and response took, and the Server-Timing
        values. For responses of other origins it does so only if Timing-Allow-Origin names the page or is `*`.
        Otherwise the details are zero or empty. One redirect without the header hides them for the whole chain.
        Nothing is blocked.
    """),
    fix=prose("""
        If the page measures this request, add on the server `Timing-Allow-Origin: https://app.test`, or
        `Timing-Allow-Origin: *` where timing is no secret, to every response of the redirect chain.
    """),
    anchor="https://fetch.spec.whatwg.org/#concept-tao-check",
    example=pair("""
          > GET https://api.test/items
          {FETCH}
          {JSON}
          < Server-Timing: db;dur=53
        - < Timing-Allow-Origin: https://www.app.test
        + < Timing-Allow-Origin: https://app.test
          {ALLOWED}
    """),
)
