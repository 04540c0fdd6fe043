"""What browsers take from an answer although CORS lets it pass, or never asked."""

from typing import Final

from .text_layout import ALLOWED, EMBED, FETCH, example, prose
from .violation import FixOwner, Severity, Stage, Violation

SET_COOKIE_REFUSED: Final = Violation(
    id="set-cookie-refused",
    title="The browser refuses a cookie that this host sets: {names}",
    severity=Severity.ADVICE,
    stages=frozenset({Stage.RESPONSE, Stage.REDIRECT}),
    params=("names",),
    explanation=prose("""
        CORS allows the response, with credentials too, and still the browser drops the cookie that the server sets.
        When the page is of another site, a cookie needs SameSite=None and Secure; Secure needs https; Domain has to
        cover the host that answers. The next request then comes without the cookie, and the server takes it for one
        that is not signed in: that looks like an error of CORS, and is none.
    """),
    fix=prose("""
        For pages of other sites the server sends `Set-Cookie: session=...; Secure; SameSite=None; Path=/` beside
        `Access-Control-Allow-Credentials: true`. Better is to serve page and API from one site, for browsers come to
        refuse cookies of other sites altogether.
    """),
    owner=FixOwner.SERVER,
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
    broken=example(f"""
        > POST https://api.test/session
        {FETCH}
        > Content-Type: text/plain
        > Cookie: device=77c0
        < 200
        < Set-Cookie: session=1f3a; HttpOnly; SameSite=Lax
        {ALLOWED}
        < Access-Control-Allow-Credentials: true
    """),
    fixed=example(f"""
        > POST https://api.test/session
        {FETCH}
        > Content-Type: text/plain
        > Cookie: device=77c0
        < 200
        < Set-Cookie: session=1f3a; HttpOnly; Secure; SameSite=None
        {ALLOWED}
        < Access-Control-Allow-Credentials: true
    """),
)

RESPONSE_OPAQUE: Final = Violation(
    id="response-opaque",
    title="The page fetches data with mode no-cors, and can read neither its status nor its body",
    severity=Severity.ADVICE,
    stages=frozenset({Stage.RESPONSE}),
    params=(),
    explanation=prose("""
        A script fetches data of another origin with mode no-cors. That keeps the browser from complaining, and from
        handing over anything: the response is opaque, its status 0 and its body empty, whatever the server sent. The
        mode is for requests of which nobody reads the answer.
    """),
    fix=prose("""
        The client leaves the mode as it is by default, and the server sends `Access-Control-Allow-Origin:
        https://app.test` and `Vary: Origin`. Where the server is not to be changed, the page's own server can ask in
        its place.
    """),
    owner=FixOwner.CLIENT,
    anchor="https://fetch.spec.whatwg.org/#concept-filtered-response-opaque",
    broken=example(f"""
        > GET https://api.test/items
        {EMBED}
        > Sec-Fetch-Dest: empty
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
)

NEGLECTED: Final = (SET_COOKIE_REFUSED, RESPONSE_OPAQUE)
