"""How preflights are answered: what they grant without need, how long it is kept, and what came of them."""

from typing import Final

from .text_layout import PREFLIGHT, pair, prose
from .violation import FixOwner, Severity, Stage, Violation

_BEHIND_A_PREFLIGHT: Final = frozenset({Stage.REDIRECT, Stage.RESPONSE})

AUTHORIZATION_COVERED_BY_WILDCARD: Final = Violation(
    id="authorization-covered-by-wildcard",
    title="Access-Control-Allow-Headers: * does not cover Authorization; browsers still allow it",
    severity=Severity.ADVICE,
    stages=PREFLIGHT,
    explanation=prose("""
        In the Fetch Standard `*` covers every request header except Authorization, which needs its own entry.
        Chromium, Firefox and Safari accept `*` for Authorization too, Firefox with the warning
        CORSAllowHeaderFromPreflightDeprecation. The request works today. A browser that follows the standard
        would block it.
    """),
    fix="On the server: name it in the response to OPTIONS: `Access-Control-Allow-Headers: *, Authorization`.",
    anchor="https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name",
    example=pair("""
          > OPTIONS https://api.test/items
          {FETCH}
          > Access-Control-Request-Method: GET
          > Access-Control-Request-Headers: authorization
          < 204
          < Access-Control-Allow-Origin: *
        - < Access-Control-Allow-Headers: *
        + < Access-Control-Allow-Headers: *, Authorization
          < Access-Control-Max-Age: 600

          > GET https://api.test/items
          {FETCH}
          > Authorization: Bearer eyJhbGciOi
          {JSON}
          < Access-Control-Allow-Origin: *
    """),
)

PREFLIGHT_ECHOED: Final = Violation(
    id="preflight-echoed",
    title="The preflight allows any {what} that a page requests",
    severity=Severity.INFO,
    stages=PREFLIGHT,
    explanation=prose("""
        The server answered two different preflights with a copy of the requested values, so it does not limit
        methods or request headers. That is the default of much middleware, and harmless while the allowlist of
        origins is short. If that list is too long, a page of any listed site can send everything.
    """),
    fix=prose("""
        On the server: list what it serves: `Access-Control-Allow-Methods: GET, PUT` and
        `Access-Control-Allow-Headers: Content-Type`. A short list also shows what a client should not send.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-access-control-allow-methods",
    cwe=183,
    example=pair("""
          > OPTIONS https://api.test/items/7
          {FETCH}
          > Access-Control-Request-Method: PUT
          < 204
          {ALLOWED}
        - < Access-Control-Allow-Methods: PUT
        + < Access-Control-Allow-Methods: PUT, DELETE
          < Access-Control-Max-Age: 600

          > PUT https://api.test/items/7
          {FETCH}
          < 204
          {ALLOWED}

        - > OPTIONS https://api.test/items/7
        - {FETCH}
        - > Access-Control-Request-Method: DELETE
        - < 204
        - {ALLOWED}
        - < Access-Control-Allow-Methods: DELETE
        - < Access-Control-Max-Age: 600
        -
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
    explanation=prose("""
        Browsers never let a script send CONNECT, TRACE or TRACK, so allowing them has no effect. Such a list
        was probably copied, and probably has more methods than this server needs.
    """),
    fix=prose("""
        On the server: list the methods that its pages use: `Access-Control-Allow-Methods: GET, PUT`. GET, HEAD
        and POST need no listing.
    """),
    anchor="https://fetch.spec.whatwg.org/#forbidden-method",
    example=pair("""
          > OPTIONS https://api.test/items/7
          {FETCH}
          > Access-Control-Request-Method: PUT
          < 204
          {ALLOWED}
        - < Access-Control-Allow-Methods: GET, PUT, TRACE
        + < Access-Control-Allow-Methods: GET, PUT
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
    explanation=prose("""
        Without Access-Control-Max-Age browsers forget a preflight's response after 5 seconds. The browser sent
        the same preflight again within ten minutes, which is how long every browser could have kept the
        response. So one round trip was unnecessary. The host profile adds up the cost for each endpoint.
    """),
    fix=prose("""
        On the server: add `Access-Control-Max-Age: 600` to the response to OPTIONS. While the rules still
        change every day, `Access-Control-Max-Age: 5` says that repeated preflights are intended.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-access-control-max-age",
    example=pair("""
          > OPTIONS https://api.test/items/7
          {FETCH}
          > Access-Control-Request-Method: PUT
          < 204
          {ALLOWED}
          < Access-Control-Allow-Methods: PUT
        + < Access-Control-Max-Age: 600

          > PUT https://api.test/items/7
          {FETCH}
          < 204
          {ALLOWED}

          @ time=60
        - > OPTIONS https://api.test/items/7
        - {FETCH}
        - > Access-Control-Request-Method: PUT
        - < 204
        - {ALLOWED}
        - < Access-Control-Allow-Methods: PUT
        -
        - @ time=60.5
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
    explanation=prose("""
        Access-Control-Max-Age is a whole number of seconds, written in digits only and sent once. With any
        other value the standard, Chromium and Safari keep the preflight's response for 5 seconds, after a
        negative number for 0. Firefox does not keep it. Safari also reads a sign (`+60`). Nothing is blocked,
        but the browser sends a preflight before nearly every request.
    """),
    fix=prose("""
        On the server: send digits: `Access-Control-Max-Age: 600` for ten minutes, or `Access-Control-Max-Age:
        0` to keep nothing.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-access-control-max-age",
    example=pair("""
          > OPTIONS https://api.test/items/7
          {FETCH}
          > Access-Control-Request-Method: PUT
          < 204
          {ALLOWED}
          < Access-Control-Allow-Methods: PUT
        - < Access-Control-Max-Age: 10m
        + < Access-Control-Max-Age: 600

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
    explanation=prose("""
        Browsers limit how long they keep a preflight's response: Chromium 7200 seconds (two hours), Firefox
        86400 (a day), Safari 600 (ten minutes). A larger number does no harm. The browser's limit then decides
        when it sends the next preflight.
    """),
    fix=prose("""
        Nothing has to change. `Access-Control-Max-Age: 7200` has the same effect as any larger number in
        Chromium, and every browser keeps `Access-Control-Max-Age: 600`.
    """),
    owner=FixOwner.NOBODY,
    anchor="https://fetch.spec.whatwg.org/#http-access-control-max-age",
    example=pair("""
          > OPTIONS https://api.test/items/7
          {FETCH}
          > Access-Control-Request-Method: PUT
          < 204
          {ALLOWED}
          < Access-Control-Allow-Methods: PUT
        - < Access-Control-Max-Age: 604800
        + < Access-Control-Max-Age: 600

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
    explanation=prose("""
        The method or a header of this request needs permission, and the traffic has no preflight that gave it.
        The browser may have a permission from before the recording or from another tab, or a program sent the
        request. The verdict therefore relies on the response alone.
    """),
    fix=prose("""
        Nothing has to change. To see the preflight, select "Disable cache" in Chromium's DevTools and repeat
        the request. Browsers also send it again after the permission has expired (Access-Control-Max-Age).
    """),
    owner=FixOwner.NOBODY,
    anchor="https://fetch.spec.whatwg.org/#cors-preflight-cache",
    example=pair("""
        + > OPTIONS https://api.test/items/7
        + {FETCH}
        + > Access-Control-Request-Method: PUT
        + < 204
        + {ALLOWED}
        + < Access-Control-Allow-Methods: PUT
        + < Access-Control-Max-Age: 600
        +
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
    explanation=prose("""
        After a preflight that passes, the browser sends the request within milliseconds; here no request
        followed. The script may have cancelled it, or the user left the page. Or something blocked it that the
        proxy cannot see: an extension, or the page's content security policy.
    """),
    fix=prose("""
        Look for the request in the browser's network panel, which shows whether it was cancelled or blocked. If
        the user left the page, nothing has to change.
    """),
    owner=FixOwner.NOBODY,
    anchor="https://fetch.spec.whatwg.org/#cors-preflight-fetch-0",
    example=pair("""
          > OPTIONS https://api.test/items/7
          {FETCH}
          > Access-Control-Request-Method: PUT
          < 204
          {ALLOWED}
          < Access-Control-Allow-Credentials: true
          < Access-Control-Allow-Methods: PUT
          < Access-Control-Max-Age: 600

        + > PUT https://api.test/items/7
        + {FETCH}
        + < 204
        + {ALLOWED}
        + < Access-Control-Allow-Credentials: true
        +
          @ time=30
          > GET https://app.test/
          {NAVIGATE}
          < 200
          < Content-Type: text/html
    """),
)
