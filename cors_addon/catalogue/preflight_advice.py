"""How preflights are answered: what they grant without need, how long it is kept, and what came of them."""

from typing import Final

from .text_layout import ALLOWED, FETCH, NAVIGATE, PREFLIGHT, example, prose
from .violation import FixOwner, Severity, Stage, Violation

_BEHIND_A_PREFLIGHT: Final = frozenset({Stage.REDIRECT, Stage.RESPONSE})

AUTHORIZATION_COVERED_BY_WILDCARD: Final = Violation(
    id="authorization-covered-by-wildcard",
    title="Access-Control-Allow-Headers: * does not cover Authorization; browsers still allow it",
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
        On the server: name it in the response to OPTIONS: `Access-Control-Allow-Headers: *, Authorization`.
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

PREFLIGHT_ECHOED: Final = Violation(
    id="preflight-echoed",
    title="The preflight allows any {what} that a page requests",
    severity=Severity.INFO,
    stages=PREFLIGHT,
    params=("what",),
    explanation=prose("""
        Two different questions were each answered with a copy of the question. So the server sets no limit of its own
        to methods or request headers. That is the default of much middleware and harmless while the list of pages is
        short; together with a list that is too long, it lets a stranger's page send anything.
    """),
    fix=prose("""
        On the server: list what it serves: `Access-Control-Allow-Methods: GET, PUT` and
        `Access-Control-Allow-Headers: Content-Type`. A short list also shows what a client should not send.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#http-access-control-allow-methods",
    cwe=183,
    broken=example(f"""
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

        > OPTIONS https://api.test/items/7
        {FETCH}
        > Access-Control-Request-Method: DELETE
        < 204
        {ALLOWED}
        < Access-Control-Allow-Methods: DELETE
        < Access-Control-Max-Age: 600

        > DELETE https://api.test/items/7
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
        < Access-Control-Allow-Methods: PUT, DELETE
        < Access-Control-Max-Age: 600

        > PUT https://api.test/items/7
        {FETCH}
        < 204
        {ALLOWED}

        > DELETE https://api.test/items/7
        {FETCH}
        < 204
        {ALLOWED}
    """),
)

ALLOW_METHODS_FORBIDDEN: Final = Violation(
    id="allow-methods-forbidden",
    title="Access-Control-Allow-Methods lists methods that no page can send: {names}",
    severity=Severity.INFO,
    stages=PREFLIGHT,
    params=("names",),
    explanation=prose("""
        Browsers never let a script send CONNECT, TRACE or TRACK, so allowing them does nothing. A list that holds them
        was copied from somewhere, and is likely to hold more than this server needs.
    """),
    fix=prose("""
        On the server: list the methods that its pages use: `Access-Control-Allow-Methods: GET, PUT`. GET, HEAD
        and POST need no listing.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#forbidden-method",
    broken=example(f"""
        > OPTIONS https://api.test/items/7
        {FETCH}
        > Access-Control-Request-Method: PUT
        < 204
        {ALLOWED}
        < Access-Control-Allow-Methods: GET, PUT, TRACE
        < Access-Control-Max-Age: 600

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
        < Access-Control-Allow-Methods: GET, PUT
        < Access-Control-Max-Age: 600

        > PUT https://api.test/items/7
        {FETCH}
        < 204
        {ALLOWED}
    """),
)

MAX_AGE_MISSING: Final = Violation(
    id="max-age-missing",
    title="The same preflight was sent {seconds} s ago; no Access-Control-Max-Age let browsers keep it",
    severity=Severity.INFO,
    stages=PREFLIGHT,
    params=("seconds",),
    explanation=prose("""
        Without Access-Control-Max-Age browsers forget a preflight's answer after 5 seconds. The same question was asked
        again within ten minutes, which is how long every browser would have kept it; so a round trip was spent for
        nothing. The host profile adds up what that costs, endpoint by endpoint.
    """),
    fix=prose("""
        On the server: add `Access-Control-Max-Age: 600` to the response to OPTIONS. While the rules still
        change every day, `Access-Control-Max-Age: 5` says that repeated preflights are intended.
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

        > PUT https://api.test/items/7
        {FETCH}
        < 204
        {ALLOWED}

        @ time=60
        > OPTIONS https://api.test/items/7
        {FETCH}
        > Access-Control-Request-Method: PUT
        < 204
        {ALLOWED}
        < Access-Control-Allow-Methods: PUT

        @ time=60.5
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

        @ time=60
        > PUT https://api.test/items/7
        {FETCH}
        < 204
        {ALLOWED}
    """),
)

MAX_AGE_INVALID: Final = Violation(
    id="max-age-invalid",
    title="Access-Control-Max-Age is not a number of seconds: {value}",
    severity=Severity.ADVICE,
    stages=PREFLIGHT,
    params=("value",),
    explanation=prose("""
        Access-Control-Max-Age is a whole number of seconds, written in digits alone and sent once. With anything else
        the standard, Chromium and Safari keep the preflight's response for 5 seconds (not at all after a negative
        number), and Firefox does not keep it. Safari also reads a sign (`+60`). Nothing is blocked, but nearly every
        request is preceded by a preflight.
    """),
    fix=prose("""
        On the server: send digits: `Access-Control-Max-Age: 600` for ten minutes, or `Access-Control-Max-Age:
        0` to keep nothing.
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
    title="Access-Control-Max-Age: {value} is longer than browsers keep a preflight",
    severity=Severity.INFO,
    stages=PREFLIGHT,
    params=("value",),
    explanation=prose("""
        Browsers keep a preflight's response no longer than they see fit: Chromium 7200 seconds (two hours), Firefox
        86400 (a day), Safari 600 (ten minutes). A larger number is cut to that and does no harm, but expect a preflight
        as often as the browser asks and not as the header says.
    """),
    fix=prose("""
        Nothing has to change. `Access-Control-Max-Age: 7200` has the same effect as any larger number in
        Chromium, and every browser keeps `Access-Control-Max-Age: 600`.
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

PREFLIGHT_NOT_SEEN: Final = Violation(
    id="preflight-not-seen",
    title="This {method} request needs a preflight, and none was recorded",
    severity=Severity.INFO,
    stages=_BEHIND_A_PREFLIGHT,
    params=("method",),
    explanation=prose("""
        The method or a header of this request needs permission, and no preflight that gave it was seen. The browser may
        hold a permission from before the recording began or from another tab, or the request was not made by a browser.
        What is said here rests on the response alone; nothing is wrong with it on that account.
    """),
    fix=prose("""
        Nothing has to change. To see the preflight, select "Disable cache" in Chromium's DevTools and repeat
        the request. Browsers also ask again once the permission has expired (Access-Control-Max-Age).
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
    title="The preflight passed, but no request followed: {url}",
    severity=Severity.INFO,
    stages=PREFLIGHT,
    params=("url",),
    explanation=prose("""
        After a preflight that passes, the request follows within milliseconds; here it did not come. The script may
        have cancelled it, or the page was left. Or the browser refused after all, for something that the proxy cannot
        see: an extension, or a rule of the page such as its content security policy.
    """),
    fix=prose("""
        Look for the request in the browser's network panel, which says whether the request was cancelled or
        refused. If the page moved on, nothing has to change.
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
