"""What blocks nothing today: what is pointless, fragile, out of sight, or not as the author meant it."""

from typing import Final

from .violation import FixOwner, Severity, Stage, Violation
from .writing import ALLOWED, EVERY_STAGE, FETCH, NAVIGATE, PREFLIGHT, RESPONSE, example, prose

_BEHIND_A_PREFLIGHT: Final = frozenset({Stage.REDIRECT, Stage.RESPONSE})

AUTHORIZATION_COVERED_BY_WILDCARD: Final = Violation(
    id="authorization-covered-by-wildcard",
    title="Access-Control-Allow-Headers: * does not cover Authorization by the standard; browsers let it pass",
    severity=Severity.ADVICE,
    stages=PREFLIGHT,
    params=(),
    explanation=prose("""
        In the Fetch Standard `*` stands for every request header but Authorization, which has to be named. Chromium,
        Firefox and Safari accept `*` for it all the same, Firefox with the warning
        CORSAllowHeaderFromPreflightDeprecation. The request works today; a browser that keeps to the standard refuses
        it.
    """),
    fix=prose("""
        The server names it in its response to OPTIONS: `Access-Control-Allow-Headers: *, Authorization`.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name",
    broken=example(f"""
        > OPTIONS https://api.test/items
        {FETCH}
        > Access-Control-Request-Method: GET
        > Access-Control-Request-Headers: authorization
        < 204
        < Access-Control-Allow-Origin: *
        < Access-Control-Allow-Headers: *
        < Access-Control-Max-Age: 600

        > GET https://api.test/items
        {FETCH}
        > Authorization: Bearer eyJhbGciOi
        < 200
        < Content-Type: application/json
        < Access-Control-Allow-Origin: *
    """),
    fixed=example(f"""
        > OPTIONS https://api.test/items
        {FETCH}
        > Access-Control-Request-Method: GET
        > Access-Control-Request-Headers: authorization
        < 204
        < Access-Control-Allow-Origin: *
        < Access-Control-Allow-Headers: *, Authorization
        < Access-Control-Max-Age: 600

        > GET https://api.test/items
        {FETCH}
        > Authorization: Bearer eyJhbGciOi
        < 200
        < Content-Type: application/json
        < Access-Control-Allow-Origin: *
    """),
)

HEADER_NOT_EXPOSED: Final = Violation(
    id="header-not-exposed",
    title="Scripts cannot read these response headers: {names}",
    severity=Severity.INFO,
    stages=RESPONSE,
    params=("names",),
    explanation=prose("""
        Of a response of another origin a script can read Cache-Control, Content-Language, Content-Length, Content-Type,
        Expires, Last-Modified and Pragma, and beyond these only what Access-Control-Expose-Headers lists. The others
        show in the browser's tools, but `response.headers.get()` returns null. Set-Cookie can never be read.
    """),
    fix=prose("""
        If the page needs them, the server lists them in the response itself, not in the preflight's:
        `Access-Control-Expose-Headers: X-Total-Count`.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#http-access-control-expose-headers",
    broken=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
        < X-Total-Count: 42
        {ALLOWED}
    """),
    fixed=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
        < X-Total-Count: 42
        {ALLOWED}
        < Access-Control-Expose-Headers: X-Total-Count
    """),
)

EXPOSE_HEADERS_INVALID: Final = Violation(
    id="expose-headers-invalid",
    title="Access-Control-Expose-Headers is no list of header names and exposes nothing: {value}",
    severity=Severity.ADVICE,
    stages=RESPONSE,
    params=("value",),
    explanation=prose("""
        Access-Control-Expose-Headers lists header names with commas between them. A space, a semicolon, a colon or
        quotes make the whole header unreadable, and then it exposes nothing: scripts read only the few headers that are
        always open to them. Nothing is blocked.
    """),
    fix=prose("""
        The server puts commas between the names and nothing else: `Access-Control-Expose-Headers: X-Total-Count,
        X-Page`.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#http-access-control-expose-headers",
    broken=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
        < X-Total-Count: 42
        < X-Page: 1
        {ALLOWED}
        < Access-Control-Expose-Headers: X-Total-Count X-Page
    """),
    fixed=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
        < X-Total-Count: 42
        < X-Page: 1
        {ALLOWED}
        < Access-Control-Expose-Headers: X-Total-Count, X-Page
    """),
)

EXPOSE_HEADERS_WILDCARD_WITH_CREDENTIALS: Final = Violation(
    id="expose-headers-wildcard-with-credentials",
    title="Access-Control-Expose-Headers: * exposes nothing to a request with credentials",
    severity=Severity.ADVICE,
    stages=RESPONSE,
    params=(),
    explanation=prose("""
        For a request with credentials (cookies, HTTP authentication) `*` is a mere name that no header has, so scripts
        read only the few headers that are always open to them. Nothing is blocked.
    """),
    fix=prose("""
        The server lists the headers by name: `Access-Control-Expose-Headers: X-Total-Count`.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
    broken=example(f"""
        > GET https://api.test/orders
        {FETCH}
        > Cookie: session=1f3a
        < 200
        < Content-Type: application/json
        < X-Total-Count: 42
        {ALLOWED}
        < Access-Control-Allow-Credentials: true
        < Access-Control-Expose-Headers: *
    """),
    fixed=example(f"""
        > GET https://api.test/orders
        {FETCH}
        > Cookie: session=1f3a
        < 200
        < Content-Type: application/json
        < X-Total-Count: 42
        {ALLOWED}
        < Access-Control-Allow-Credentials: true
        < Access-Control-Expose-Headers: X-Total-Count
    """),
)

MAX_AGE_INVALID: Final = Violation(
    id="max-age-invalid",
    title='Access-Control-Max-Age "{value}" is no number of seconds, so the preflight is hardly kept',
    severity=Severity.ADVICE,
    stages=PREFLIGHT,
    params=("value",),
    explanation=prose("""
        Access-Control-Max-Age is a whole number of seconds, written in digits alone and sent once. With anything else
        the standard, Chromium and Safari keep the preflight's response for 5 seconds (Chromium not at all after a
        negative number), and Firefox does not keep it. Nothing is blocked, but nearly every request is preceded by a
        preflight.
    """),
    fix=prose("""
        The server sends digits: `Access-Control-Max-Age: 600` for ten minutes, or `Access-Control-Max-Age: 0` to have
        nothing kept.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#http-access-control-max-age",
    broken=example(f"""
        > OPTIONS https://api.test/items/7
        {FETCH}
        > Access-Control-Request-Method: PUT
        < 204
        {ALLOWED}
        < Access-Control-Allow-Methods: PUT
        < Access-Control-Max-Age: 10m

        > PUT https://api.test/items/7
        {FETCH}
        < 204
        {ALLOWED}
    """),
    fixed=example(f"""
        > OPTIONS https://api.test/items/7
        {FETCH}
        > Access-Control-Request-Method: PUT
        < 204
        {ALLOWED}
        < Access-Control-Allow-Methods: PUT
        < Access-Control-Max-Age: 600

        > PUT https://api.test/items/7
        {FETCH}
        < 204
        {ALLOWED}
    """),
)

MAX_AGE_CAPPED: Final = Violation(
    id="max-age-capped",
    title="Access-Control-Max-Age: {value} is longer than browsers keep a preflight's response",
    severity=Severity.INFO,
    stages=PREFLIGHT,
    params=("value",),
    explanation=prose("""
        Browsers keep a preflight's response no longer than they see fit: Chromium 7200 seconds (two hours), Firefox
        86400 (a day), Safari 600 (ten minutes). A larger number is cut to that and does no harm, but expect a preflight
        as often as the browser asks and not as the header says.
    """),
    fix=prose("""
        Nothing has to change. `Access-Control-Max-Age: 7200` is as good as any larger number in Chromium, and
        `Access-Control-Max-Age: 600` is honoured by all.
    """),
    owner=FixOwner.NOBODY,
    anchor="https://fetch.spec.whatwg.org/#http-access-control-max-age",
    broken=example(f"""
        > OPTIONS https://api.test/items/7
        {FETCH}
        > Access-Control-Request-Method: PUT
        < 204
        {ALLOWED}
        < Access-Control-Allow-Methods: PUT
        < Access-Control-Max-Age: 604800

        > PUT https://api.test/items/7
        {FETCH}
        < 204
        {ALLOWED}
    """),
    fixed=example(f"""
        > OPTIONS https://api.test/items/7
        {FETCH}
        > Access-Control-Request-Method: PUT
        < 204
        {ALLOWED}
        < Access-Control-Allow-Methods: PUT
        < Access-Control-Max-Age: 600

        > PUT https://api.test/items/7
        {FETCH}
        < 204
        {ALLOWED}
    """),
)

VARY_ORIGIN_MISSING: Final = Violation(
    id="vary-origin-missing",
    title="Access-Control-Allow-Origin: {value} comes without Vary: Origin, so a cache may mix up pages",
    severity=Severity.RISK,
    stages=_BEHIND_A_PREFLIGHT,
    params=("value",),
    explanation=prose("""
        The server names a different origin for each page that asks and does not say that the response depends on the
        request's Origin. A cache, the browser's own or one on the way, may hand it to a page of another origin, whose
        CORS check then fails although the server was never asked. Such a failure comes and goes with the cache. A
        server that names the same origin whoever asks needs no Vary.
    """),
    fix=prose("""
        The server adds `Vary: Origin` to every response of this URL, also to those for requests without an Origin. A
        list that is there already is extended: `Vary: Accept-Encoding, Origin`.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches",
    broken=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
        < Cache-Control: max-age=300
        < Access-Control-Allow-Origin: https://app.test

        > GET https://api.test/items
        > Origin: https://admin.test
        > Sec-Fetch-Dest: empty
        > Sec-Fetch-Mode: cors
        > Sec-Fetch-Site: cross-site
        < 200
        < Content-Type: application/json
        < Cache-Control: max-age=300
        < Access-Control-Allow-Origin: https://admin.test
    """),
    fixed=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
        < Cache-Control: max-age=300
        < Access-Control-Allow-Origin: https://app.test
        < Vary: Origin

        > GET https://api.test/items
        > Origin: https://admin.test
        > Sec-Fetch-Dest: empty
        > Sec-Fetch-Mode: cors
        > Sec-Fetch-Site: cross-site
        < 200
        < Content-Type: application/json
        < Cache-Control: max-age=300
        < Access-Control-Allow-Origin: https://admin.test
        < Vary: Origin
    """),
)

ALLOW_CREDENTIALS_WITH_WILDCARD: Final = Violation(
    id="allow-credentials-with-wildcard",
    title="Access-Control-Allow-Credentials: true is without effect beside Access-Control-Allow-Origin: *",
    severity=Severity.ADVICE,
    stages=EVERY_STAGE,
    params=(),
    explanation=prose("""
        A request without credentials does not need Access-Control-Allow-Credentials, and a request with credentials
        fails because of `*`. So `true` does nothing here, and whoever set it probably expects otherwise: the first
        request with cookies will fail.
    """),
    fix=prose("""
        For public data the server leaves out Access-Control-Allow-Credentials and keeps `*`. Where pages need cookies,
        it names the page, if trusted: `Access-Control-Allow-Origin: https://app.test`,
        `Access-Control-Allow-Credentials: true` and `Vary: Origin`.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
    broken=example("""
        > GET https://cdn.test/inter.woff2
        > Origin: https://app.test
        > Sec-Fetch-Dest: font
        > Sec-Fetch-Mode: cors
        > Sec-Fetch-Site: cross-site
        < 200
        < Content-Type: font/woff2
        < Access-Control-Allow-Origin: *
        < Access-Control-Allow-Credentials: true
    """),
    fixed=example("""
        > GET https://cdn.test/inter.woff2
        > Origin: https://app.test
        > Sec-Fetch-Dest: font
        > Sec-Fetch-Mode: cors
        > Sec-Fetch-Site: cross-site
        < 200
        < Content-Type: font/woff2
        < Access-Control-Allow-Origin: *
    """),
)

SET_COOKIE_IGNORED: Final = Violation(
    id="set-cookie-ignored",
    title="Browsers ignore Set-Cookie here, because the request is made without credentials: {names}",
    severity=Severity.INFO,
    stages=_BEHIND_A_PREFLIGHT,
    params=("names",),
    explanation=prose("""
        The response sets a cookie, but the request is made without credentials, and then browsers neither send nor keep
        cookies. fetch() and XMLHttpRequest leave credentials out of requests to other origins unless told otherwise. If
        a sign-in seems to work and the next request is not signed in, this is why.
    """),
    fix=prose("""
        If the cookie is wanted, the client sends `credentials: "include"` (or sets `withCredentials`), and the server
        sends `Access-Control-Allow-Origin: https://app.test` and `Access-Control-Allow-Credentials: true`, in its
        response to OPTIONS as well. Across sites the cookie needs `SameSite=None; Secure` too.
    """),
    owner=FixOwner.CLIENT,
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
    broken=example(f"""
        > OPTIONS https://api.test/session
        {FETCH}
        > Access-Control-Request-Method: POST
        > Access-Control-Request-Headers: content-type
        < 204
        {ALLOWED}
        < Access-Control-Allow-Methods: POST
        < Access-Control-Allow-Headers: Content-Type
        < Access-Control-Max-Age: 600

        > POST https://api.test/session
        {FETCH}
        > Content-Type: application/json
        < 200
        < Content-Type: application/json
        < Set-Cookie: session=1f3a; Secure; HttpOnly; SameSite=None
        {ALLOWED}
    """),
    fixed=example(f"""
        > OPTIONS https://api.test/session
        {FETCH}
        > Access-Control-Request-Method: POST
        > Access-Control-Request-Headers: content-type
        < 204
        {ALLOWED}
        < Access-Control-Allow-Credentials: true
        < Access-Control-Allow-Methods: POST
        < Access-Control-Allow-Headers: Content-Type
        < Access-Control-Max-Age: 600

        > POST https://api.test/session
        {FETCH}
        > Content-Type: application/json
        > Cookie: device=77c0
        < 200
        < Content-Type: application/json
        < Set-Cookie: session=1f3a; Secure; HttpOnly; SameSite=None
        {ALLOWED}
        < Access-Control-Allow-Credentials: true
    """),
)

TIMING_ALLOW_ORIGIN_MISSING: Final = Violation(
    id="timing-allow-origin-missing",
    title="Timing-Allow-Origin does not name {origin}, so the page sees no timing details",
    severity=Severity.INFO,
    stages=_BEHIND_A_PREFLIGHT,
    params=("origin",),
    explanation=prose("""
        Resource Timing tells a page how long name look-up, connection and response took, and what Server-Timing says,
        but of another origin's responses only if Timing-Allow-Origin names the page or holds `*`. Otherwise the details
        are zero or empty. One redirect without the header hides them for the whole chain. Nothing is blocked.
    """),
    fix=prose("""
        If the page measures this request, the server sends `Timing-Allow-Origin: https://app.test`, or
        `Timing-Allow-Origin: *` where timing is no secret, with every response of the chain.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#concept-tao-check",
    broken=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
        < Server-Timing: db;dur=53
        < Timing-Allow-Origin: https://www.app.test
        {ALLOWED}
    """),
    fixed=example(f"""
        > GET https://api.test/items
        {FETCH}
        < 200
        < Content-Type: application/json
        < Server-Timing: db;dur=53
        < Timing-Allow-Origin: https://app.test
        {ALLOWED}
    """),
)

PREFLIGHT_NOT_SEEN: Final = Violation(
    id="preflight-not-seen",
    title="This {method} request needs a preflight, and none was seen",
    severity=Severity.INFO,
    stages=_BEHIND_A_PREFLIGHT,
    params=("method",),
    explanation=prose("""
        The method or a header of this request needs permission, and no preflight that gave it was seen. The browser may
        hold a permission from before the recording began or from another tab, or the request was not made by a browser.
        What is said here rests on the response alone; nothing is wrong with it on that account.
    """),
    fix=prose("""
        Nothing has to change. To see the preflight, tick "Disable cache" in Chromium's DevTools and make the request
        again; browsers also ask anew once the permission has expired (Access-Control-Max-Age).
    """),
    owner=FixOwner.NOBODY,
    anchor="https://fetch.spec.whatwg.org/#cors-preflight-cache",
    broken=example(f"""
        > PUT https://api.test/items/7
        {FETCH}
        < 204
        {ALLOWED}
    """),
    fixed=example(f"""
        > OPTIONS https://api.test/items/7
        {FETCH}
        > Access-Control-Request-Method: PUT
        < 204
        {ALLOWED}
        < Access-Control-Allow-Methods: PUT
        < Access-Control-Max-Age: 600

        > PUT https://api.test/items/7
        {FETCH}
        < 204
        {ALLOWED}
    """),
)

PREFLIGHT_NOT_FOLLOWED: Final = Violation(
    id="preflight-not-followed",
    title="The preflight's response allows the request, but none came: {url}",
    severity=Severity.INFO,
    stages=PREFLIGHT,
    params=("url",),
    explanation=prose("""
        After a preflight that passes, the request follows within milliseconds; here it did not come. The script may
        have cancelled it, or the page was left. Or the browser refused after all, for something that the proxy cannot
        see: an extension, or a rule of the page such as its content security policy.
    """),
    fix=prose("""
        Look for the request in the browser's own network view, which says whether it was cancelled or refused. If the
        page simply moved on, nothing has to change.
    """),
    owner=FixOwner.NOBODY,
    anchor="https://fetch.spec.whatwg.org/#cors-preflight-fetch-0",
    broken=example(f"""
        > OPTIONS https://api.test/items/7
        {FETCH}
        > Access-Control-Request-Method: PUT
        < 204
        {ALLOWED}
        < Access-Control-Allow-Credentials: true
        < Access-Control-Allow-Methods: PUT
        < Access-Control-Max-Age: 600

        @ time=30
        > GET https://app.test/
        {NAVIGATE}
        < 200
        < Content-Type: text/html
    """),
    fixed=example(f"""
        > OPTIONS https://api.test/items/7
        {FETCH}
        > Access-Control-Request-Method: PUT
        < 204
        {ALLOWED}
        < Access-Control-Allow-Credentials: true
        < Access-Control-Allow-Methods: PUT
        < Access-Control-Max-Age: 600

        > PUT https://api.test/items/7
        {FETCH}
        < 204
        {ALLOWED}
        < Access-Control-Allow-Credentials: true

        @ time=30
        > GET https://app.test/
        {NAVIGATE}
        < 200
        < Content-Type: text/html
    """),
)

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
