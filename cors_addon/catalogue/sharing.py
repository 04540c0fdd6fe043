"""The CORS check: may this origin read this response?"""

from typing import Final

from .text_layout import EVERY_STAGE, pair, prose
from .violation import Severity, Violation

ALLOW_ORIGIN_MISSING: Final = Violation(
    id="allow-origin-missing",
    title="No Access-Control-Allow-Origin in the response to {origin}",
    severity=Severity.BLOCKED,
    stages=EVERY_STAGE,
    explanation=prose("""
        A script can read a response of another origin only if Access-Control-Allow-Origin names the page's
        origin, or is `*`. This response has no such header, so the script gets a network error and sees neither
        status nor body. Every response of a fetch needs the header: to the preflight, each redirect, and error
        pages (4xx, 5xx). Unless this was a preflight, the server has processed the request; the browser blocks
        only the response.
    """),
    fix=prose("""
        On the server: add `Access-Control-Allow-Origin: https://app.test` (the page's origin) and `Vary:
        Origin` to every response of this URL, errors included. For public data without cookies,
        `Access-Control-Allow-Origin: *` is enough. If only errors lack the header, check the gateway, the error
        handler, and nginx: `add_header` covers 4xx and 5xx only with `always`.
    """),
    anchor="https://fetch.spec.whatwg.org/#concept-cors-check",
    example=pair("""
          > GET https://api.test/items
          {FETCH}
          {JSON}
        + {ALLOWED}
    """),
    chromium="MissingAllowOriginHeader",
    preflight_prefix=True,
    firefox="CORSMissingAllowOrigin",
    webkit="OriginNotAllowed",
)

ALLOW_ORIGIN_MULTIPLE: Final = Violation(
    id="allow-origin-multiple",
    title="Several Access-Control-Allow-Origin values for {origin}: {value}",
    severity=Severity.BLOCKED,
    stages=EVERY_STAGE,
    explanation=prose("""
        Access-Control-Allow-Origin takes exactly one value. Browsers join repeated lines with a comma before
        they compare. Two lines, or one line with a list, therefore match no origin, even if the right origin is
        in the list. Most often two servers each add the header: the application, and a proxy or framework
        around it. Firefox reports CORSMultipleAllowOriginNotAllowed for repeated lines over HTTP/1.1 only. For
        a list in one line, or repeated lines over HTTP/2, it reports CORSAllowOriginNotMatchingOrigin.
    """),
    fix=prose("""
        On the server: let one place add the header, and remove it from the other (in nginx: `proxy_hide_header
        Access-Control-Allow-Origin;`). If the server serves several pages, compare Origin with a list and send
        the one that matches: `Access-Control-Allow-Origin: https://app.test` and `Vary: Origin`.
    """),
    anchor="https://fetch.spec.whatwg.org/#concept-cors-check",
    example=pair("""
          > GET https://api.test/items
          {FETCH}
          {JSON}
        - < Access-Control-Allow-Origin: *
          {ALLOWED}
    """),
    chromium="MultipleAllowOriginValues",
    preflight_prefix=True,
    firefox="CORSMultipleAllowOriginNotAllowed",
    webkit="MoreThanOneOrigin",
)

ALLOW_ORIGIN_INVALID: Final = Violation(
    id="allow-origin-invalid",
    title="Access-Control-Allow-Origin is not an origin: {value}; the page is {origin}",
    severity=Severity.BLOCKED,
    stages=EVERY_STAGE,
    explanation=prose("""
        The value is neither `*` nor `null` nor an origin. An origin is scheme, `://`, host and, unless it is
        the scheme's default, port: without path, quotes or pattern. Browsers compare the value byte for byte
        with the request's Origin, so `app.test`, `*.app.test` and an empty value match nothing. Chromium has
        one name for an invalid value and another for a different origin; Firefox and Safari have one for both.
    """),
    fix=prose("""
        On the server: send the origin exactly as the request's Origin header has it:
        `Access-Control-Allow-Origin: https://app.test` and `Vary: Origin`. Use patterns only in the server's
        own comparison, never in the header.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-access-control-allow-origin",
    example=pair("""
          > GET https://api.test/items
          {FETCH}
          {JSON}
        - < Access-Control-Allow-Origin: app.test
        - < Vary: Origin
        + {ALLOWED}
    """),
    chromium="InvalidAllowOriginValue",
    preflight_prefix=True,
    firefox="CORSAllowOriginNotMatchingOrigin",
    webkit="OriginNotAllowed",
)

ALLOW_ORIGIN_MISMATCH: Final = Violation(
    id="allow-origin-mismatch",
    title="Access-Control-Allow-Origin is {value}; the page is {origin}",
    severity=Severity.BLOCKED,
    stages=EVERY_STAGE,
    explanation=prose("""
        The response allows a different origin. Browsers compare byte for byte: http is not https, localhost is
        not 127.0.0.1, and www.app.test is not app.test. Another port, a trailing slash or a capital letter make
        a different value too. `null` matches only a request whose Origin is `null`. A fixed value fits one page
        only, and a cache can return a response that was made for another page.
    """),
    fix=prose("""
        On the server: compare the request's Origin with a list of trusted pages, and send the one that matches:
        `Access-Control-Allow-Origin: https://app.test` and `Vary: Origin`. If the page was opened at the wrong
        address (another port, 127.0.0.1 instead of localhost), open the listed address.
    """),
    anchor="https://fetch.spec.whatwg.org/#concept-cors-check",
    example=pair("""
          > GET https://api.test/items
          {FETCH}
          {JSON}
        - < Access-Control-Allow-Origin: https://app.test/
        - < Vary: Origin
        + {ALLOWED}
    """),
    chromium="AllowOriginMismatch",
    preflight_prefix=True,
    firefox="CORSAllowOriginNotMatchingOrigin",
    webkit="OriginNotAllowed",
)

ALLOW_ORIGIN_WILDCARD_WITH_CREDENTIALS: Final = Violation(
    id="allow-origin-wildcard-with-credentials",
    title="Access-Control-Allow-Origin: * does not allow credentials from {origin}",
    severity=Severity.BLOCKED,
    stages=EVERY_STAGE,
    explanation=prose("""
        The script includes credentials (cookies, HTTP authentication, a client certificate): it set
        `credentials: "include"` or `withCredentials`. For such a request `*` is not a wildcard; the response
        has to name the page's origin. All browsers agree. The rule holds for the preflight too, although
        browsers send no cookie with a preflight.
    """),
    fix=prose("""
        If the page needs cookies, name the page on the server, and only if it is trusted:
        `Access-Control-Allow-Origin: https://app.test`, `Access-Control-Allow-Credentials: true` and `Vary:
        Origin`. If the page needs no cookies, remove `credentials: "include"` (or `withCredentials`) from its
        code.
    """),
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
    example=pair("""
          > GET https://api.test/account
          {FETCH}
          > Cookie: session=1f3a
          {JSON}
        - < Access-Control-Allow-Origin: *
        + {ALLOWED}
          < Access-Control-Allow-Credentials: true
    """),
    chromium="WildcardOriginNotAllowed",
    preflight_prefix=True,
    firefox="CORSNotSupportingCredentials",
    webkit="WildcardWithCredentials",
)

ALLOW_CREDENTIALS_NOT_TRUE: Final = Violation(
    id="allow-credentials-not-true",
    title="Access-Control-Allow-Credentials is {value}; a request with credentials needs true",
    severity=Severity.BLOCKED,
    stages=EVERY_STAGE,
    explanation=prose("""
        With credentials (cookies, HTTP authentication, a client certificate), the response needs
        `Access-Control-Allow-Credentials: true`, in lower case. A missing header, `True`, `1` and a repeated
        header fail. The response to the preflight needs it too. The server did receive the cookies; the browser
        blocks only the response. In a chain of redirects that began on the page's own origin, WebKit (Safari)
        requires it of each later redirect, unless the script sets `credentials: "omit"`.
    """),
    fix=prose("""
        On the server: add `Access-Control-Allow-Credentials: true` to the response, errors included, and to the
        response to OPTIONS, beside `Access-Control-Allow-Origin: https://app.test`, and only for trusted pages.
        If the page needs no cookies, remove `credentials: "include"` (or `withCredentials`) from its code.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-access-control-allow-credentials",
    example=pair("""
          > GET https://api.test/account
          {FETCH}
          > Cookie: session=1f3a
          {JSON}
          {ALLOWED}
        - < Access-Control-Allow-Credentials: True
        + < Access-Control-Allow-Credentials: true
    """),
    chromium="InvalidAllowCredentials",
    preflight_prefix=True,
    firefox="CORSMissingAllowCredentials",
    webkit="CredentialsNotTrue",
)

SHARING: Final = (
    ALLOW_ORIGIN_MISSING,
    ALLOW_ORIGIN_MULTIPLE,
    ALLOW_ORIGIN_INVALID,
    ALLOW_ORIGIN_MISMATCH,
    ALLOW_ORIGIN_WILDCARD_WITH_CREDENTIALS,
    ALLOW_CREDENTIALS_NOT_TRUE,
)
