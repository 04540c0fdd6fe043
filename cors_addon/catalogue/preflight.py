"""CORS-preflight fetch: what can be wrong with the response to OPTIONS, beyond the CORS check."""

from typing import Final

from .text_layout import PREFLIGHT, pair, prose
from .violation import FixOwner, Severity, Violation

PREFLIGHT_STATUS_NOT_OK: Final = Violation(
    id="preflight-status-not-ok",
    title="The preflight got {status}; it needs 200 to 299",
    severity=Severity.BLOCKED,
    stages=PREFLIGHT,
    explanation=prose("""
        Before this request the browser sends OPTIONS to get permission. Only a status of 200 to 299 grants it,
        even if all headers are right. With 401 or 403 authentication probably runs before CORS: a preflight
        never has cookies or an Authorization header. With 404 or 405 no code handles OPTIONS at this path.
        Safari checks the status first. Chromium and Firefox check Access-Control-Allow-Origin first, and name
        that header where both are wrong.
    """),
    fix=prose("""
        On the server: answer OPTIONS before authentication, routing and body parsing, with status 204 and the
        CORS headers: `Access-Control-Allow-Origin: https://app.test`, `Access-Control-Allow-Methods: DELETE`,
        `Access-Control-Allow-Headers: Authorization` and `Vary: Origin`.
    """),
    anchor="https://fetch.spec.whatwg.org/#cors-preflight-fetch-0",
    example=pair("""
          > OPTIONS https://api.test/items/7
          {FETCH}
          > Access-Control-Request-Method: DELETE
          > Access-Control-Request-Headers: authorization
        - < 401
        - < WWW-Authenticate: Bearer
        + < 204
          {ALLOWED}
          < Access-Control-Allow-Methods: DELETE
          < Access-Control-Allow-Headers: Authorization
          < Access-Control-Max-Age: 600
        +
        + > DELETE https://api.test/items/7
        + {FETCH}
        + > Authorization: Bearer eyJhbGciOi
        + < 204
        + {ALLOWED}
    """),
    chromium="PreflightInvalidStatus",
    firefox="CORSPreflightDidNotSucceed",
    webkit="PreflightNotSuccessful",
)

PREFLIGHT_REDIRECT: Final = Violation(
    id="preflight-redirect",
    title="The preflight got {status} to {location}; browsers do not follow that",
    severity=Severity.BLOCKED,
    stages=PREFLIGHT,
    explanation=prose("""
        The server has to answer a preflight at the URL that the browser sent it to. Browsers do not follow its
        redirects, and never send the request behind it. Usual reasons: the base URL has http instead of https
        or another host name, or the path lacks a slash at its end, or has one too many. A login page that
        catches every request without a session is another. Chromium checks the redirect before any header,
        Firefox after Access-Control-Allow-Origin. Safari reports it like any other status outside 200 to 299.
    """),
    fix=prose("""
        In the client's code: call the URL in the redirect's Location directly. If the redirect goes to a login,
        change the server: answer OPTIONS with 204 and the CORS headers before the session check. Send 401
        instead of a redirect to scripts without a session.
    """),
    owner=FixOwner.CLIENT,
    anchor="https://fetch.spec.whatwg.org/#cors-preflight-fetch-0",
    example=pair("""
        - > OPTIONS https://api.test/items
        + > OPTIONS https://api.test/items/
          {FETCH}
          > Access-Control-Request-Method: POST
          > Access-Control-Request-Headers: content-type
        - < 301
        - < Location: https://api.test/items/
        + < 204
          {ALLOWED}
          < Access-Control-Allow-Methods: GET, POST
          < Access-Control-Allow-Headers: Content-Type
          < Access-Control-Max-Age: 600
        +
        + > POST https://api.test/items/
        + {FETCH}
        + > Content-Type: application/json
        + < 201
        + < Content-Type: application/json
        + {ALLOWED}
    """),
    chromium="PreflightDisallowedRedirect",
    firefox="CORSExternalRedirectNotAllowed",
    webkit="PreflightNotSuccessful",
)

ALLOW_METHODS_INVALID: Final = Violation(
    id="allow-methods-invalid",
    title="Access-Control-Allow-Methods is not a list of methods: {value}",
    severity=Severity.BLOCKED,
    stages=PREFLIGHT,
    explanation=prose("""
        Access-Control-Allow-Methods lists method names, separated by commas. A space, a semicolon, quotes or
        brackets in the place of a comma make the header unreadable. The preflight then fails, even if the
        header names the method or the method needs no permission. Empty elements and spaces around the commas
        do no harm.
    """),
    fix="On the server: put only commas between the names: `Access-Control-Allow-Methods: GET, POST, PUT`.",
    anchor="https://fetch.spec.whatwg.org/#http-access-control-allow-methods",
    example=pair("""
          > OPTIONS https://api.test/items/7
          {FETCH}
          > Access-Control-Request-Method: PUT
          < 204
          {ALLOWED}
        - < Access-Control-Allow-Methods: GET POST PUT
        + < Access-Control-Allow-Methods: GET, POST, PUT
          < Access-Control-Max-Age: 600
        +
        + > PUT https://api.test/items/7
        + {FETCH}
        + < 204
        + {ALLOWED}
    """),
    chromium="InvalidAllowMethodsPreflightResponse",
    firefox="CORSInvalidAllowMethod",
    webkit="AllowMethodsInvalid",
)

ALLOW_HEADERS_INVALID: Final = Violation(
    id="allow-headers-invalid",
    title="Access-Control-Allow-Headers is not a list of header names: {value}",
    severity=Severity.BLOCKED,
    stages=PREFLIGHT,
    explanation=prose("""
        Access-Control-Allow-Headers lists header names, separated by commas. A space, a semicolon, a colon or
        quotes make the whole header unreadable. The preflight then fails, even if the header has the name that
        the request needs. Empty elements and spaces around the commas do no harm.
    """),
    fix="On the server: put only commas between the names: `Access-Control-Allow-Headers: Content-Type, X-Api-Key`.",
    anchor="https://fetch.spec.whatwg.org/#http-access-control-allow-headers",
    example=pair("""
          > OPTIONS https://api.test/items
          {FETCH}
          > Access-Control-Request-Method: POST
          > Access-Control-Request-Headers: content-type,x-api-key
          < 204
          {ALLOWED}
          < Access-Control-Allow-Methods: POST
        - < Access-Control-Allow-Headers: Content-Type; X-Api-Key
        + < Access-Control-Allow-Headers: Content-Type, X-Api-Key
          < Access-Control-Max-Age: 600
        +
        + > POST https://api.test/items
        + {FETCH}
        + > Content-Type: application/json
        + > X-Api-Key: k-4711
        + < 201
        + < Content-Type: application/json
        + {ALLOWED}
    """),
    chromium="InvalidAllowHeadersPreflightResponse",
    firefox="CORSInvalidAllowHeader",
    webkit="AllowHeadersInvalid",
)

METHOD_NOT_ALLOWED: Final = Violation(
    id="method-not-allowed",
    title="Method {method} is not allowed: Access-Control-Allow-Methods is {value}",
    severity=Severity.BLOCKED,
    stages=PREFLIGHT,
    explanation=prose("""
        The browser asked for permission to send this method, and the response does not list it. GET, HEAD and
        POST need no listing, all other methods do; browsers ignore the Allow header. Case matters. fetch() and
        XMLHttpRequest write delete, get, head, options, post and put in capitals, but send patch as the script
        wrote it, and `patch` is not `PATCH`.
    """),
    fix=prose("""
        On the server: list the method in the response to OPTIONS: `Access-Control-Allow-Methods: GET, POST,
        PATCH`. If the script wrote the method in small letters, write `method: "PATCH"` in its code.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-access-control-allow-methods",
    example=pair("""
          > OPTIONS https://api.test/items/7
          {FETCH}
          > Access-Control-Request-Method: PATCH
          < 204
          {ALLOWED}
        - < Access-Control-Allow-Methods: GET, POST
        + < Access-Control-Allow-Methods: GET, POST, PATCH
          < Access-Control-Max-Age: 600
        +
        + > PATCH https://api.test/items/7
        + {FETCH}
        + < 204
        + {ALLOWED}
    """),
    chromium="MethodDisallowedByPreflightResponse",
    firefox="CORSMethodNotFound",
    webkit="MethodNotAllowed",
)

METHOD_WILDCARD_WITH_CREDENTIALS: Final = Violation(
    id="method-wildcard-with-credentials",
    title="Access-Control-Allow-Methods: * does not allow {method} with credentials",
    severity=Severity.BLOCKED,
    stages=PREFLIGHT,
    explanation=prose("""
        The response allows all methods with `*`. For a request with credentials (cookies, HTTP authentication)
        `*` is not a wildcard: browsers look for a method with that name. The request behind the preflight
        decides; the preflight itself never has credentials. GET, HEAD and POST need no listing in any case.
    """),
    fix=prose("""
        On the server: list the methods by name in the response to OPTIONS: `Access-Control-Allow-Methods: GET,
        POST, PUT`. If the page needs no cookies, remove `credentials: "include"` (or `withCredentials`) from
        its code.
    """),
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
    example=pair("""
          > GET https://api.test/items/7
          {FETCH}
          > Cookie: session=1f3a
          {JSON}
          {ALLOWED}
          < Access-Control-Allow-Credentials: true

          > OPTIONS https://api.test/items/7
          {FETCH}
          > Access-Control-Request-Method: PUT
          < 204
          {ALLOWED}
          < Access-Control-Allow-Credentials: true
        - < Access-Control-Allow-Methods: *
        + < Access-Control-Allow-Methods: GET, POST, PUT
          < Access-Control-Max-Age: 600
        +
        + > PUT https://api.test/items/7
        + {FETCH}
        + > Cookie: session=1f3a
        + < 204
        + {ALLOWED}
        + < Access-Control-Allow-Credentials: true
    """),
    chromium="MethodDisallowedByPreflightResponse",
    firefox="CORSMethodNotFound",
    webkit="MethodNotAllowed",
)

HEADER_NOT_ALLOWED: Final = Violation(
    id="header-not-allowed",
    title="Request header {name} is not allowed: Access-Control-Allow-Headers is {value}",
    severity=Severity.BLOCKED,
    stages=PREFLIGHT,
    explanation=prose("""
        The script, or a library that it uses, sets a request header that needs permission, and the response to
        OPTIONS does not list it. Case does not matter, spelling does. Only Accept, Accept-Language,
        Content-Language, Content-Type and Range need no permission, and these only with simple values:
        `Content-Type: application/json` needs it. Browsers name the first missing header; this report names
        each of them.
    """),
    fix=prose("""
        On the server: add the header name in the response to OPTIONS: `Access-Control-Allow-Headers:
        Content-Type, X-Api-Key`. If the page does not need the header (tracing libraries add theirs to every
        request), stop sending it to this host.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-access-control-allow-headers",
    example=pair("""
          > OPTIONS https://api.test/items
          {FETCH}
          > Access-Control-Request-Method: POST
          > Access-Control-Request-Headers: content-type,x-api-key
          < 204
          {ALLOWED}
          < Access-Control-Allow-Methods: POST
        - < Access-Control-Allow-Headers: Content-Type
        + < Access-Control-Allow-Headers: Content-Type, X-Api-Key
          < Access-Control-Max-Age: 600
        +
        + > POST https://api.test/items
        + {FETCH}
        + > Content-Type: application/json
        + > X-Api-Key: k-4711
        + < 201
        + < Content-Type: application/json
        + {ALLOWED}
    """),
    chromium="HeaderDisallowedByPreflightResponse",
    firefox="CORSMissingAllowHeaderFromPreflight",
    webkit="HeaderNotAllowed",
)

HEADER_WILDCARD_WITH_CREDENTIALS: Final = Violation(
    id="header-wildcard-with-credentials",
    title="Access-Control-Allow-Headers: * does not allow {name} with credentials",
    severity=Severity.BLOCKED,
    stages=PREFLIGHT,
    explanation=prose("""
        The response allows all request headers with `*`. For a request with credentials (cookies, HTTP
        authentication) `*` is not a wildcard: browsers look for a header with that name. The request behind the
        preflight decides; the preflight itself never has credentials.
    """),
    fix=prose("""
        On the server: list the headers by name in the response to OPTIONS: `Access-Control-Allow-Headers:
        Content-Type, X-Api-Key`. If the page needs no cookies, remove `credentials: "include"` (or
        `withCredentials`) from its code.
    """),
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
    example=pair("""
          > GET https://api.test/items
          {FETCH}
          > Cookie: session=1f3a
          {JSON}
          {ALLOWED}
          < Access-Control-Allow-Credentials: true

          > OPTIONS https://api.test/items
          {FETCH}
          > Access-Control-Request-Method: POST
          > Access-Control-Request-Headers: content-type
          < 204
          {ALLOWED}
          < Access-Control-Allow-Credentials: true
          < Access-Control-Allow-Methods: POST
        - < Access-Control-Allow-Headers: *
        + < Access-Control-Allow-Headers: Content-Type
          < Access-Control-Max-Age: 600
        +
        + > POST https://api.test/items
        + {FETCH}
        + > Content-Type: application/json
        + > Cookie: session=1f3a
        + < 201
        + < Content-Type: application/json
        + {ALLOWED}
        + < Access-Control-Allow-Credentials: true
    """),
    chromium="HeaderDisallowedByPreflightResponse",
    firefox="CORSMissingAllowHeaderFromPreflight",
    webkit="HeaderNotAllowed",
)

PREFLIGHT_FETCH: Final = (
    PREFLIGHT_STATUS_NOT_OK,
    PREFLIGHT_REDIRECT,
    ALLOW_METHODS_INVALID,
    ALLOW_HEADERS_INVALID,
    METHOD_NOT_ALLOWED,
    METHOD_WILDCARD_WITH_CREDENTIALS,
    HEADER_NOT_ALLOWED,
    HEADER_WILDCARD_WITH_CREDENTIALS,
)
