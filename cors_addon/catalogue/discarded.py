"""What browsers take from an answer although CORS lets it pass, or never asked."""

from typing import Final

from .text_layout import pair, prose
from .violation import FixOwner, Severity, Stage, Violation

SET_COOKIE_REFUSED: Final = Violation(
    id="set-cookie-refused",
    title="The browser refuses a cookie of this host: {names}",
    severity=Severity.ADVICE,
    stages=frozenset({Stage.RESPONSE, Stage.REDIRECT}),
    explanation=prose("""
        CORS allows the response, with credentials too, and the browser still drops the cookie that the server
        sets. For a page of another site, a cookie needs SameSite=None and Secure. Secure needs https, and
        Domain has to include the responding host. The browser then sends the next request without the cookie,
        and the server treats the user as signed out. That looks like a CORS error, but CORS is right.
    """),
    fix=prose("""
        On the server, for pages of other sites: send `Set-Cookie: session=...; Secure; SameSite=None; Path=/`
        beside `Access-Control-Allow-Credentials: true`. Better: serve page and API from one site, because
        browsers start to block all cookies of other sites.
    """),
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
    example=pair("""
          > POST https://api.test/session
          {FETCH}
          > Content-Type: text/plain
          > Cookie: device=77c0
          < 200
        - < Set-Cookie: session=1f3a; HttpOnly; SameSite=Lax
        + < Set-Cookie: session=1f3a; HttpOnly; Secure; SameSite=None
          {ALLOWED}
          < Access-Control-Allow-Credentials: true
    """),
)

RESPONSE_OPAQUE: Final = Violation(
    id="response-opaque",
    title="The page uses mode no-cors and cannot read the response",
    severity=Severity.ADVICE,
    stages=frozenset({Stage.RESPONSE}),
    explanation=prose("""
        A script fetches data of another origin with mode no-cors. The browser then shows no error, but the
        response is opaque: status 0 and an empty body, independent of the server's response. Mode no-cors is
        for requests whose response the page does not read.
    """),
    fix=prose("""
        In the client: remove `mode`, so that the default applies. On the server: send
        `Access-Control-Allow-Origin: https://app.test` and `Vary: Origin`. If the server cannot be changed,
        request the data from the page's own server.
    """),
    owner=FixOwner.CLIENT,
    anchor="https://fetch.spec.whatwg.org/#concept-filtered-response-opaque",
    example=pair("""
          > GET https://api.test/items
        - {EMBED}
        - > Sec-Fetch-Dest: empty
        + {FETCH}
          {JSON}
        + {ALLOWED}
    """),
)

OWN_ORIGIN_REFUSED: Final = Violation(
    id="own-origin-refused",
    title="The server's CORS code refuses a request of its own page ({origin}) with {status}",
    severity=Severity.RISK,
    stages=frozenset({Stage.RESPONSE}),
    explanation=prose("""
        The request goes to the page's own origin, so browsers check no CORS header. The server's CORS code
        still compares Origin with its own idea of that origin, finds a difference and rejects the request.
        Behind a proxy that ends TLS the application sees http, while the browser's Origin has https.
    """),
    fix=prose("""
        Tell the server its public origin: the proxy sends X-Forwarded-Proto and X-Forwarded-Host, and the
        framework uses them. Or add the public origin to the server's list; the response is then `200`.
    """),
    anchor="https://fetch.spec.whatwg.org/#origin-header",
    example=pair("""
          > POST https://app.test/login
          > Origin: https://app.test
          > Sec-Fetch-Dest: empty
          > Sec-Fetch-Mode: cors
          > Sec-Fetch-Site: same-origin
        - < 403
        + < 200
          < Vary: Origin
          < Vary: Access-Control-Request-Method
          < Vary: Access-Control-Request-Headers
    """),
)

WEBSOCKET_REFUSED: Final = Violation(
    id="websocket-refused",
    title="The WebSocket handshake got {status}, and no CORS header has a part in that",
    severity=Severity.ADVICE,
    stages=frozenset({Stage.RESPONSE}),
    explanation=prose("""
        Browsers send Origin with every WebSocket handshake and check no CORS header of the response: any
        page may open a WebSocket to any server. The server decides instead, and many compare Origin with a
        list of their own. The page learns only that the connection failed.
    """),
    fix=prose("""
        On the server: find out why it does not answer `101`. With `403` it most often compares Origin with a
        list: add the page's origin there. With `401` it misses a session: a handshake carries cookies and
        the URL, and no other header of the page's. With `404`, `426` or a redirect, correct the URL, or have
        the proxy pass on Upgrade. CORS middleware does not run for a handshake.
    """),
    anchor="https://fetch.spec.whatwg.org/#origin-header",
    example=pair("""
          > GET https://api.test/ws
          > Connection: Upgrade
          > Origin: https://app.test
          > Sec-Fetch-Dest: empty
          > Sec-Fetch-Mode: websocket
          > Sec-Fetch-Site: same-site
          > Sec-WebSocket-Version: 13
          > Upgrade: websocket
        - < 403
        + < 101
        + < Connection: Upgrade
        + < Upgrade: websocket
    """),
)

STICKY_COOKIE_NOT_RETURNED: Final = Violation(
    id="sticky-cookie-not-returned",
    title="A cookie that this host set is not sent back: {names}",
    severity=Severity.ADVICE,
    stages=frozenset({Stage.RESPONSE}),
    explanation=prose("""
        An earlier response set a cookie, of a session or of a load balancer, and the page's next request has
        none and fails. Either the page sends the request without credentials, so that the browser neither
        stores nor sends cookies. Or the browser blocks third-party cookies, as Safari does by default
        (Intelligent Tracking Prevention; not tested here). Without a load balancer's cookie the request reaches
        an instance that does not know the session (Socket.IO and SockJS: 400, unknown session).
    """),
    fix=prose("""
        In the client: send the requests with credentials (`withCredentials: true`, `credentials: 'include'`).
        On the server: name the page's origin and send `Access-Control-Allow-Credentials: true`. For Safari,
        serve page and API from one site.
    """),
    owner=FixOwner.CLIENT,
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
    example=pair("""
          > GET https://api.test/socket.io/?EIO=4&transport=polling
          {FETCH}
          < 200
        - < Set-Cookie: AWSALB=1; Path=/
          < Set-Cookie: AWSALBCORS=1; Path=/; SameSite=None; Secure
          {ALLOWED}
        + < Access-Control-Allow-Credentials: true

          > POST https://api.test/socket.io/?EIO=4&transport=polling&sid=x
          {FETCH}
          > Content-Type: text/plain;charset=UTF-8
        - < 400
        + > Cookie: AWSALBCORS=1
        + < 200
          {ALLOWED}
        + < Access-Control-Allow-Credentials: true
    """),
)

NEGLECTED: Final = (
    SET_COOKIE_REFUSED,
    RESPONSE_OPAQUE,
    OWN_ORIGIN_REFUSED,
    WEBSOCKET_REFUSED,
    STICKY_COOKIE_NOT_RETURNED,
)
