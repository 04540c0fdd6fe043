"""The CORS check: may this origin read this response?"""

from typing import Final

from .text_layout import ALLOWED, EVERY_STAGE, FETCH, example, prose
from .violation import FixOwner, Severity, Violation

ALLOW_ORIGIN_MISSING: Final = Violation(
    id="allow-origin-missing",
    title="Access-Control-Allow-Origin is missing, so browsers refuse {origin}",
    severity=Severity.BLOCKED,
    stages=EVERY_STAGE,
    params=("origin",),
    explanation=prose("""
        A script may read a response of another origin only if the response names the script's origin, or `*`, in
        Access-Control-Allow-Origin. This one has no such header, so the script gets a network error and sees neither
        status nor body. Each response of a fetch needs the header: the preflight's, every redirect's, and error pages
        (4xx, 5xx) as well. Unless it was a preflight, the request has been carried out: only its response is withheld.
    """),
    fix=prose("""
        The server adds `Access-Control-Allow-Origin: https://app.test` (the page's origin) and `Vary: Origin` to every
        response of this URL, errors included. For public data that needs no cookies `Access-Control-Allow-Origin: *` is
        enough. Where only errors lack the header, look for what writes them: a gateway, an error handler in front of
        the CORS code, or nginx, whose `add_header` covers 4xx and 5xx only with `always`.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#concept-cors-check",
    broken=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
    """),
    fixed=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
        {ALLOWED}
    """),
    chromium="MissingAllowOriginHeader",
    preflight_prefix=True,
    firefox="CORSMissingAllowOrigin",
    webkit="OriginNotAllowed",
)

ALLOW_ORIGIN_MULTIPLE: Final = Violation(
    id="allow-origin-multiple",
    title="Access-Control-Allow-Origin holds more than one value ({value}); it takes {origin} alone",
    severity=Severity.BLOCKED,
    stages=EVERY_STAGE,
    params=("origin", "value"),
    explanation=prose("""
        Access-Control-Allow-Origin takes exactly one value. Browsers join repeated lines with a comma before they
        compare, so two lines, or one line with a list, equal no origin, even if the right one is among them. Most often
        two layers each add the header: the application, and a proxy or framework around it. Firefox speaks of
        CORSMultipleAllowOriginNotAllowed for repeated lines over HTTP/1.1 only; a list in one line, or repeated lines
        over HTTP/2, are CORSAllowOriginNotMatchingOrigin there.
    """),
    fix=prose("""
        Let one layer alone set the header and take it out of the other (in nginx: `proxy_hide_header
        Access-Control-Allow-Origin;`). A server that serves several pages compares the request's Origin with its list
        and sends back that one: `Access-Control-Allow-Origin: https://app.test` and `Vary: Origin`.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#concept-cors-check",
    broken=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
        < Access-Control-Allow-Origin: *
        {ALLOWED}
    """),
    fixed=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
        {ALLOWED}
    """),
    chromium="MultipleAllowOriginValues",
    preflight_prefix=True,
    firefox="CORSMultipleAllowOriginNotAllowed",
    webkit="MoreThanOneOrigin",
)

ALLOW_ORIGIN_INVALID: Final = Violation(
    id="allow-origin-invalid",
    title='The request comes from {origin}, but Access-Control-Allow-Origin is no origin: "{value}"',
    severity=Severity.BLOCKED,
    stages=EVERY_STAGE,
    params=("origin", "value"),
    explanation=prose("""
        The value is neither `*` nor `null` nor an origin. An origin is scheme, `://`, host and, unless it is the
        scheme's default, port: without path, quotes or pattern. Browsers compare the value byte for byte with the
        request's Origin, so `app.test`, `*.app.test` and an empty value match nothing. Chromium tells this apart from
        the origin of somebody else; Firefox and Safari do not.
    """),
    fix=prose("""
        The server sends the origin exactly as the request's Origin header has it: `Access-Control-Allow-Origin:
        https://app.test` and `Vary: Origin`. Patterns belong into the server's own comparison, never into the header.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#http-access-control-allow-origin",
    broken=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
        < Access-Control-Allow-Origin: app.test
        < Vary: Origin
    """),
    fixed=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
        {ALLOWED}
    """),
    chromium="InvalidAllowOriginValue",
    preflight_prefix=True,
    firefox="CORSAllowOriginNotMatchingOrigin",
    webkit="OriginNotAllowed",
)

ALLOW_ORIGIN_MISMATCH: Final = Violation(
    id="allow-origin-mismatch",
    title="The request comes from {origin}, but Access-Control-Allow-Origin names {value}",
    severity=Severity.BLOCKED,
    stages=EVERY_STAGE,
    params=("origin", "value", "detail"),
    explanation=prose("""
        The response allows another origin than the one that asked. Browsers compare byte for byte, so http is not
        https, localhost is not 127.0.0.1, www.app.test is not app.test, and another port, a trailing slash or a capital
        letter make another value. `null` matches only a request whose Origin is `null`. A fixed value fits one page
        only, and a cache may have kept a response that was made for another page.
    """),
    fix=prose("""
        The server compares the request's Origin with the list of pages that it trusts and sends back the one that
        matches: `Access-Control-Allow-Origin: https://app.test` and `Vary: Origin`. If the page was opened under an
        address that was not meant (another port, 127.0.0.1 in place of localhost), open it under the listed one.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#concept-cors-check",
    broken=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
        < Access-Control-Allow-Origin: https://app.test/
        < Vary: Origin
    """),
    fixed=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
        {ALLOWED}
    """),
    chromium="AllowOriginMismatch",
    preflight_prefix=True,
    firefox="CORSAllowOriginNotMatchingOrigin",
    webkit="OriginNotAllowed",
)

ALLOW_ORIGIN_WILDCARD_WITH_CREDENTIALS: Final = Violation(
    id="allow-origin-wildcard-with-credentials",
    title="Access-Control-Allow-Origin: * does not cover a request with credentials; it has to name {origin}",
    severity=Severity.BLOCKED,
    stages=EVERY_STAGE,
    params=("origin",),
    explanation=prose("""
        The request is made with credentials (cookies, HTTP authentication, a client certificate), because the script
        asked for `credentials: "include"` or set `withCredentials`. For such a request `*` is no wildcard: the response
        has to name the page's origin. All browsers agree. On a preflight the rule is that of the request behind it,
        although the preflight itself never carries a cookie.
    """),
    fix=prose("""
        If the cookies are needed, the server names the page in place of `*`, and only pages that it trusts:
        `Access-Control-Allow-Origin: https://app.test`, `Access-Control-Allow-Credentials: true` and `Vary: Origin`. If
        they are not, the client leaves out `credentials: "include"` (or `withCredentials`), and the header may stay.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
    broken=example(f"""
        > GET https://api.test/account
        {FETCH}
        > Cookie: session=1f3a
        < 200
        < Content-Type: application/json
        < Access-Control-Allow-Origin: *
        < Access-Control-Allow-Credentials: true
    """),
    fixed=example(f"""
        > GET https://api.test/account
        {FETCH}
        > Cookie: session=1f3a
        < 200
        < Content-Type: application/json
        {ALLOWED}
        < Access-Control-Allow-Credentials: true
    """),
    chromium="WildcardOriginNotAllowed",
    preflight_prefix=True,
    firefox="CORSNotSupportingCredentials",
    webkit="WildcardWithCredentials",
)

ALLOW_CREDENTIALS_NOT_TRUE: Final = Violation(
    id="allow-credentials-not-true",
    title='Credentials are included, but Access-Control-Allow-Credentials is not true: "{value}"',
    severity=Severity.BLOCKED,
    stages=EVERY_STAGE,
    params=("value",),
    explanation=prose("""
        The response to a request with credentials (cookies, HTTP authentication, a client certificate) is shared only
        if it says `Access-Control-Allow-Credentials: true`, in these four small letters. A missing header, `True`, `1`
        and the header sent twice all count as no. The preflight's response needs it too, although a preflight carries
        no cookie. The cookies did reach the server; only its response is kept from the page.
    """),
    fix=prose("""
        The server adds `Access-Control-Allow-Credentials: true` to the response, errors included, and to the response
        to OPTIONS, beside `Access-Control-Allow-Origin: https://app.test`, and only for pages that it trusts. If no
        cookies are needed, the client leaves out `credentials: "include"` (or `withCredentials`).
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#http-access-control-allow-credentials",
    broken=example(f"""
        > GET https://api.test/account
        {FETCH}
        > Cookie: session=1f3a
        < 200
        < Content-Type: application/json
        {ALLOWED}
        < Access-Control-Allow-Credentials: True
    """),
    fixed=example(f"""
        > GET https://api.test/account
        {FETCH}
        > Cookie: session=1f3a
        < 200
        < Content-Type: application/json
        {ALLOWED}
        < Access-Control-Allow-Credentials: true
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
