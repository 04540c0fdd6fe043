"""What is mistaken for CORS: failures of the network, and the other rules that keep a response from a page."""

from typing import Final

from .text_layout import EVERY_STAGE, PREFLIGHT, RESPONSE, pair, prose
from .violation import FixOwner, Severity, Stage, Violation

NETWORK_ERROR: Final = Violation(
    id="network-error",
    title="No usable response, which is not a CORS fault: {error}",
    severity=Severity.BLOCKED,
    stages=EVERY_STAGE,
    explanation=prose("""
        The connection failed, timed out or broke off, or what the server sent is no valid HTTP. The proxy then
        sends its own error page (502 or 400), which has no CORS headers. So the browser's console blames a
        missing Access-Control-Allow-Origin or the preflight. Without the proxy the browser would report a
        network failure; Firefox calls that CORSDidNotSucceed.
    """),
    fix=prose("""
        On the server: check that it runs, that host and port are right, and that its certificate is valid. To trust a
        development certificate in mitmproxy, use `--set ssl_verify_upstream_trusted_ca=ca.pem`. To let an
        invalid header pass until the server is fixed, use `--set validate_inbound_headers=false`.
    """),
    anchor="https://fetch.spec.whatwg.org/#concept-network-error",
    example=pair("""
          > GET https://api.test/items
          {FETCH}
        - ! connection refused
        + {JSON}
        + {ALLOWED}
    """),
    firefox="CORSDidNotSucceed",
)

BLOCKED_UNSAVED: Final = Violation(
    id="blocked-response-not-saved",
    title="The browser blocked the request ({error}), and the capture holds no response",
    severity=Severity.BLOCKED,
    stages=EVERY_STAGE,
    explanation=prose("""
        A HAR by Playwright or by DevTools names the failure and leaves the response out. Chromium writes
        `net::ERR_FAILED` for a cross-origin fetch() or XMLHttpRequest that CORS blocks. Without the response headers
        nothing says which header is wrong. Rarely the same name stands for something else: a redirect under
        `redirect: "error"`, or an error that a service worker made.
    """),
    fix=prose("""
        On the client that records: send the traffic through mitmproxy with cors-addon loaded, which sees the response
        and names the header. Or send the request with curl and the page's Origin, and read the response.
    """),
    owner=FixOwner.CLIENT,
    anchor="https://fetch.spec.whatwg.org/#cors-check",
    example=pair("""
          > GET https://api.test/items
          {FETCH}
        - ! net::ERR_FAILED
        + {JSON}
        + {ALLOWED}
    """),
)

CORP_NOT_SAME_ORIGIN: Final = Violation(
    id="corp-not-same-origin",
    title="Cross-Origin-Resource-Policy: {value} blocks {origin}, which is another origin",
    severity=Severity.BLOCKED,
    stages=frozenset({Stage.REDIRECT, Stage.RESPONSE}),
    explanation=prose("""
        This is not CORS. `Cross-Origin-Resource-Policy: same-origin` makes browsers block a response for pages
        of any other origin that load it without CORS: as an image, a script, audio or video, or with fetch() in
        mode no-cors. Requests in mode cors are not affected. Chromium's DevTools protocol calls it
        corp-not-same-origin.
    """),
    fix=prose("""
        On the server of the embedded file: send `Cross-Origin-Resource-Policy: cross-origin` with files that
        every page may embed, or `Cross-Origin-Resource-Policy: same-site` where all those pages share its site.
    """),
    anchor="https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header",
    example=pair("""
          > GET https://cdn.test/logo.png
          {EMBED}
          > Sec-Fetch-Dest: image
          < 200
          < Content-Type: image/png
        - < Cross-Origin-Resource-Policy: same-origin
        + < Cross-Origin-Resource-Policy: cross-origin
    """),
)

CORP_NOT_SAME_SITE: Final = Violation(
    id="corp-not-same-site",
    title="Cross-Origin-Resource-Policy: {value} blocks {origin}, which is another site",
    severity=Severity.BLOCKED,
    stages=frozenset({Stage.REDIRECT, Stage.RESPONSE}),
    explanation=prose("""
        This is not CORS. `Cross-Origin-Resource-Policy: same-site` makes browsers block a response for pages of
        another site that load it without CORS. A site is the registrable domain: app.example.com and
        cdn.example.com share one, example.com and example.net do not, and in Chromium an IP address shares
        none. Browsers block an https response for a page on http too. Chromium's DevTools protocol calls it
        corp-not-same-site.
    """),
    fix=prose("""
        On the server of the embedded file: send `Cross-Origin-Resource-Policy: cross-origin` with files that
        every page may embed, or move it to a host under the page's own domain.
    """),
    anchor="https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header",
    example=pair("""
          > GET https://cdn.test/app.js
          {EMBED}
          > Sec-Fetch-Dest: script
          < 200
          < Content-Type: text/javascript
        - < Cross-Origin-Resource-Policy: same-site
        + < Cross-Origin-Resource-Policy: cross-origin
    """),
)

CORP_COEP: Final = Violation(
    id="corp-coep",
    title="Cross-Origin-Embedder-Policy of {origin} ({policy}) needs Cross-Origin-Resource-Policy",
    severity=Severity.BLOCKED,
    stages=frozenset({Stage.REDIRECT, Stage.RESPONSE}),
    explanation=prose("""
        This is not CORS. The page's Cross-Origin-Embedder-Policy requires that everything it embeds from other
        origins opts in. A response without a valid Cross-Origin-Resource-Policy then counts as `same-origin`.
        Under `require-corp` that applies to every load without CORS, under `credentialless` only to loads with
        credentials. WebKit (Safari) does not have the value `credentialless`. Chromium's DevTools protocol
        calls it corp-not-same-origin-after-defaulted-to-same-origin-by-coep.
    """),
    fix=prose("""
        On the server of the embedded file: send `Cross-Origin-Resource-Policy: cross-origin`. Or load it with
        CORS (`<img crossorigin src=...>`) and send `Access-Control-Allow-Origin: https://app.test` from that
        server. If the page needs no isolation, remove its Cross-Origin-Embedder-Policy.
    """),
    anchor="https://html.spec.whatwg.org/multipage/browsers.html#coep",
    example=pair("""
          > GET https://app.test/
          {NAVIGATE}
          < 200
          < Content-Type: text/html
          < Cross-Origin-Embedder-Policy: require-corp

          > GET https://cdn.test/logo.png
          {EMBED}
          > Sec-Fetch-Dest: image
          < 200
          < Content-Type: image/png
        + < Cross-Origin-Resource-Policy: cross-origin
    """),
)

ORB_BLOCKED: Final = Violation(
    id="orb-blocked",
    title="Opaque response blocking: {content_type} cannot be used as {destination}",
    severity=Severity.BLOCKED,
    stages=RESPONSE,
    explanation=prose("""
        This is not CORS. The page loads this URL of another origin without CORS, for example as an image or a
        script. The response has a type that no such element can use: HTML, JSON, XML or plain text marked
        nosniff, or a type such as PDF, ZIP or CSV. Chromium blocks it with `net::ERR_BLOCKED_BY_ORB`. WebKit
        (Safari) does not have this rule: it passes the response to the element, which shows a broken image or
        runs no script.
    """),
    fix=prose("""
        On the server: send the file with its own type, for example `Content-Type: image/png`. Often the
        response is an error page or a sign-in page instead of the file. To read data, use fetch() in its
        default mode, cors, and send `Access-Control-Allow-Origin: https://app.test`.
    """),
    anchor="https://github.com/annevk/orb",
    example=pair("""
          > GET https://api.test/avatar/7
          {EMBED}
          > Sec-Fetch-Dest: image
          < 200
        - < Content-Type: application/json
        + < Content-Type: image/png
          < X-Content-Type-Options: nosniff
    """),
)

NOSNIFF_MIME: Final = Violation(
    id="nosniff-mime",
    title="Content-Type {content_type} with nosniff cannot be used as {destination}",
    severity=Severity.BLOCKED,
    stages=RESPONSE,
    explanation=prose("""
        This is not CORS. With `X-Content-Type-Options: nosniff` browsers run a script or worker only if its
        type is a JavaScript type. They apply a style sheet only if it is text/css. That is so in all browsers,
        in every mode, and on the page's own origin too.
    """),
    fix=prose("""
        On the server: send the right type: `Content-Type: text/javascript` with scripts, `Content-Type:
        text/css` with style sheets. If the body is an error page, the URL is wrong.
    """),
    anchor="https://fetch.spec.whatwg.org/#x-content-type-options-header",
    example=pair("""
          > GET https://cdn.test/app.mjs
          > Origin: https://app.test
          > Sec-Fetch-Dest: script
          > Sec-Fetch-Mode: cors
          > Sec-Fetch-Site: cross-site
          < 200
        - < Content-Type: text/plain
        + < Content-Type: text/javascript
          < X-Content-Type-Options: nosniff
          < Access-Control-Allow-Origin: *
    """),
)

LOCAL_NETWORK_ACCESS: Final = Violation(
    id="local-network-access",
    title="{host} is {address} ({space}): without this proxy, browsers may ask the user or refuse",
    severity=Severity.ADVICE,
    stages=EVERY_STAGE,
    explanation=prose("""
        A public page calls a server in the local network or on the user's own machine. Chromium asks the user
        before it sends such a request (since version 142; since 145 separately for local network and loopback).
        Firefox has such a rule since 147. Through a proxy the browser does not see the server's address, so the
        request passes here and may fail without the proxy. The browser decides it before CORS, and no header of
        the server can grant it.
    """),
    fix=prose("""
        Try once without the proxy. Serve the page over https, so that the browser can ask the user, and the
        user has to agree. Or serve page and API from the same network. The CORS headers are needed in every
        case.
    """),
    owner=FixOwner.BROWSER,
    anchor="https://wicg.github.io/local-network-access/",
    example=pair("""
        - @ address=93.184.215.14
        + @ address=192.168.1.10
          > GET https://app.test/
          {NAVIGATE}
          < 200
          < Content-Type: text/html

          @ address=192.168.1.20
          > GET https://nas.test/status
          {FETCH}
          {JSON}
          {ALLOWED}
    """),
    chromium="LocalNetworkAccessPermissionDenied",
)

PRIVATE_NETWORK_ACCESS: Final = Violation(
    id="private-network-access",
    title="Access-Control-Allow-Private-Network is {value}; an old Chromium needs true",
    severity=Severity.ADVICE,
    stages=PREFLIGHT,
    explanation=prose("""
        Chromium from about version 104 to 137 added `Access-Control-Request-Private-Network: true` to
        preflights to private addresses and expected exactly `true` in the response. It warned of other
        responses and never enforced the rule. Current versions neither send nor read these headers; they ask
        the user instead (see local-network-access).
    """),
    fix=prose("""
        For current browsers nothing has to change. For old ones, add on the server
        `Access-Control-Allow-Private-Network: true` to the response to a preflight that has the request header.
    """),
    anchor="https://wicg.github.io/private-network-access/",
    example=pair("""
          > OPTIONS https://nas.test/status
          {OLD_CHROMIUM}
          {FETCH}
          > Access-Control-Request-Method: GET
          > Access-Control-Request-Private-Network: true
          < 204
          {ALLOWED}
        + < Access-Control-Allow-Private-Network: true
          < Access-Control-Max-Age: 600

          > GET https://nas.test/status
          {OLD_CHROMIUM}
          {FETCH}
          {JSON}
          {ALLOWED}
    """),
    chromium="PreflightMissingAllowPrivateNetwork",
)

ORIGIN_NULL: Final = Violation(
    id="origin-null",
    title="The request sends Origin: null: {source}",
    severity=Severity.INFO,
    stages=EVERY_STAGE,
    explanation=prose("""
        The browser hides where this request comes from. It sends `Origin: null` for pages opened from disk
        (file:), for data: URLs and sandboxed frames, and after a redirect from a foreign origin to a different
        one. Outside CORS it also does so where the referrer policy hides the page: for a POST, or for a
        script's request in mode "same-origin". Only `Access-Control-Allow-Origin: *` or `null` allows such a
        CORS request, and `null` allows every sandboxed frame of every site.
    """),
    fix=prose("""
        In the client: give the request an origin. Serve the page over http, even locally (`python3 -m
        http.server`), remove the sandbox from your own frame, or call the last URL of the redirects directly.
        On the server: do not allow `null`; public data without cookies may send `Access-Control-Allow-Origin:
        *`.
    """),
    owner=FixOwner.CLIENT,
    anchor="https://fetch.spec.whatwg.org/#origin-header",
    example=pair("""
          > GET https://api.test/items
        - > Origin: null
        - > Sec-Fetch-Dest: empty
        - > Sec-Fetch-Mode: cors
        - > Sec-Fetch-Site: cross-site
        + {FETCH}
          {JSON}
          < Access-Control-Allow-Origin: *
    """),
)

NEIGHBOURS: Final = (
    NETWORK_ERROR,
    BLOCKED_UNSAVED,
    CORP_NOT_SAME_ORIGIN,
    CORP_NOT_SAME_SITE,
    CORP_COEP,
    ORB_BLOCKED,
    NOSNIFF_MIME,
    LOCAL_NETWORK_ACCESS,
    PRIVATE_NETWORK_ACCESS,
    ORIGIN_NULL,
)
