"""HTTP-redirect fetch: what ends a chain."""

from typing import Final

from .text_layout import REDIRECT, example, pair, prose
from .violation import Example, Severity, Violation

REDIRECT_URL_CREDENTIALS: Final = Violation(
    id="redirect-url-credentials",
    title="The redirect URL contains a user name or password: {location}",
    severity=Severity.BLOCKED,
    stages=REDIRECT,
    explanation=prose("""
        The Location of this redirect has a user name or a password before the host
        (`https://user:password@host/`). Browsers do not follow such a redirect in a CORS request, whichever
        headers the response has. On the page's own origin they follow it, unless the chain has left that origin
        before. An empty part (`https://@host/`) is allowed. Chromium and Safari report it as a CORS error,
        Firefox as a general failure without a CORS message.
    """),
    fix=prose("""
        On the server: remove user name and password from `Location`. Grant access in another way: with a short-lived
        signed URL, or with a header that the script sends.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-redirect-fetch",
    example=pair("""
          > GET https://api.test/report
          {FETCH}
          < 302
        - < Location: https://files:s3cret@api.test/files/report.csv
        + < Location: https://api.test/files/report.csv
          {ALLOWED}
        +
        + > GET https://api.test/files/report.csv
        + {FETCH}
        + < 200
        + < Content-Type: text/csv
        + {ALLOWED}
    """),
    chromium="RedirectContainsCredentials",
    webkit="RedirectionHasCredentials",
    cwe=522,
)

REDIRECT_SCHEME: Final = Violation(
    id="redirect-scheme",
    title="A script cannot follow the redirect to {location} ({scheme}); it needs http or https",
    severity=Severity.BLOCKED,
    stages=REDIRECT,
    explanation=prose("""
        Browsers follow redirects of a script's request to http and https URLs only. This redirect leads
        elsewhere (an app's own scheme, ftp:, file: or data:), so the request ends with a network error. Often
        it is a sign-in flow made for a whole page or a native app, and a script has called it with fetch().
        Chromium names it CorsDisabledScheme or gives a plain network error. WebKit (Safari) reports the
        redirect itself as a CORS failure, also one from the page's own origin to data: or about:.
    """),
    fix=prose("""
        On the server: answer the script itself, for example with `200` or `401` and JSON, or redirect to an
        https URL. If the flow has to end in another scheme, start it in the page as a navigation
        (`location.assign(url)`) instead of fetch().
    """),
    anchor="https://fetch.spec.whatwg.org/#http-redirect-fetch",
    example=pair("""
          > GET https://api.test/sign-in
          {FETCH}
        - < 302
        - < Location: myapp://signed-in
        + {JSON}
          {ALLOWED}
    """),
    chromium="CorsDisabledScheme",
    firefox="CORSRequestNotHttp",
    webkit="RedirectionNonCorsScheme",
)

_MOST_REDIRECTS: Final = 20


def _hop(start: str, end: str) -> str:
    return example(f"""
        > GET https://api.test/{start}
        {{FETCH}}
        < 302
        < Location: https://api.test/{end}
        {{ALLOWED}}
    """)


REDIRECT_TOO_MANY: Final = Violation(
    id="redirect-too-many",
    title=f"Too many redirects: {{count}} were followed, and browsers follow no more than {_MOST_REDIRECTS}",
    severity=Severity.BLOCKED,
    stages=REDIRECT,
    explanation=prose(f"""
        Browsers follow {_MOST_REDIRECTS} redirects and end the request with a network error at the next. A
        chain of that length is nearly always a loop. Either two rules undo each other's redirect (http and
        https, with and without a slash or www). Or the server waits for a cookie, and a request without
        credentials neither stores nor sends cookies.
    """),
    fix=prose("""
        On the server: break the loop. Answer this URL itself, or with 401 where a session is missing. If the
        server waits for its own cookie, send `credentials: "include"` from the page, and send
        `Access-Control-Allow-Origin: https://app.test` and `Access-Control-Allow-Credentials: true` at every
        hop.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-redirect-fetch",
    example=Example(
        "\n\n".join(_hop(f"step/{step}", f"step/{step + 1}") for step in range(1, _MOST_REDIRECTS + 2)),
        _hop("step/1", "items")
        + "\n\n"
        + example("""
            > GET https://api.test/items
            {FETCH}
            {JSON}
            {ALLOWED}
        """),
    ),
    firefox="CORSDidNotSucceed",
    webkit="TooManyRedirections",
)

MODE_SAME_ORIGIN: Final = Violation(
    id="mode-same-origin",
    title="The redirect leaves the page's origin, and this request may not: {location}",
    severity=Severity.BLOCKED,
    stages=REDIRECT,
    explanation=prose("""
        Some requests have to stay on the page's own origin: the scripts of workers, and fetch() with `mode:
        "same-origin"`. A redirect to another origin ends them, and no header of either server can allow it.
        Chromium names it DisallowedByMode. Firefox reports a security error without a CORS message.
    """),
    fix=prose("""
        On the page's server: serve the file itself, without a redirect to another origin: `200` and
        `Content-Type: text/javascript` at `https://app.test/worker.js`. If a fetch() may leave its origin,
        remove `mode: "same-origin"` and send `Access-Control-Allow-Origin: https://app.test` from the other
        server.
    """),
    anchor="https://fetch.spec.whatwg.org/#concept-main-fetch",
    example=pair("""
          > GET https://app.test/worker.js
          > Referer: https://app.test/
          > Sec-Fetch-Dest: worker
          > Sec-Fetch-Mode: same-origin
          > Sec-Fetch-Site: same-origin
        - < 302
        - < Location: https://cdn.test/worker.js
        + < 200
        + < Content-Type: text/javascript
    """),
    chromium="DisallowedByMode",
)

REDIRECT_MIXED_CONTENT: Final = Violation(
    id="redirect-mixed-content",
    title="Mixed content: the redirect leads to {location}, and the page is on https",
    severity=Severity.BLOCKED,
    stages=REDIRECT,
    explanation=prose("""
        The page is on https, a script requests an https URL, and the server redirects to an http URL. Browsers
        block the redirect as mixed content before they send anything, so no request follows and no header
        helps. Chromium and Firefox allow http to localhost and 127.0.0.1. WebKit, tested with WebKitGTK 2.50.6,
        blocks it there too. Most often the application does not know that a proxy in front of it ends TLS, and
        builds the Location with http.
    """),
    fix=prose("""
        On the server: redirect to https, `Location: https://api.test/items`. The proxy sends X-Forwarded-Proto
        and the application trusts it. Or call the final URL directly in the client.
    """),
    anchor="https://www.w3.org/TR/mixed-content/#should-block-fetch",
    example=pair("""
          > GET https://api.test/items/
          {FETCH}
          < 307
        - < Location: http://api.test/items
        + < Location: https://api.test/items
          {ALLOWED}
        +
        + > GET https://api.test/items
        + {FETCH}
        + {JSON}
        + {ALLOWED}
    """),
)

REDIRECTS: Final = (
    *(REDIRECT_URL_CREDENTIALS, REDIRECT_SCHEME, REDIRECT_TOO_MANY, MODE_SAME_ORIGIN, REDIRECT_MIXED_CONTENT),
)
