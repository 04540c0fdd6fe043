"""Whom a server lets in: pages that should not be on its list, and lists that hold everybody."""

from typing import Final

from .text_layout import RESPONSE, pair, prose
from .violation import Severity, Violation

_PERMISSIVE: Final = 942
"""CWE-942: a cross-domain policy with untrusted domains."""

ORIGIN_ECHOED_WITH_CREDENTIALS: Final = Violation(
    id="origin-echoed-with-credentials",
    title="Unrelated sites can read this response with credentials: {origin} and {other}",
    severity=Severity.RISK,
    stages=RESPONSE,
    explanation=prose("""
        The server allowed two pages of different sites, neither of them its own, each with its own origin and
        with Access-Control-Allow-Credentials: true. A server that echoes every Origin does that, and then any
        page on the web can read what the signed-in user can read. An allowlist with both pages looks the same
        from outside. `cors.probe` finds out: it sends an origin that is in no list.
    """),
    fix=prose("""
        On the server: compare Origin with a list of exact origins, and only for those send
        `Access-Control-Allow-Origin: https://app.test`, `Access-Control-Allow-Credentials: true` and `Vary:
        Origin`. Send none of them to any other page.
    """),
    anchor="https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
    cwe=_PERMISSIVE,
    example=pair("""
          > GET https://api.test/me
          {FETCH}
          > Cookie: session=1f3a
          {JSON}
          {ALLOWED}
          < Access-Control-Allow-Credentials: true
        -
        - > GET https://api.test/me
        - > Origin: https://stranger.test
        - {SCRIPT}
        - > Cookie: session=1f3a
        - {JSON}
        - < Access-Control-Allow-Origin: https://stranger.test
        - < Access-Control-Allow-Credentials: true
        - < Vary: Origin
    """),
)

ORIGIN_PATTERN_TOO_LOOSE: Final = Violation(
    id="origin-pattern-too-loose",
    title="A loose pattern allows {origin} with credentials, because it resembles {other}",
    severity=Severity.RISK,
    stages=RESPONSE,
    explanation=prose("""
        The server trusts an origin and a second one whose name contains the first, or has a letter in the place
        of a dot. Comparisons by prefix, by suffix, or by a regular expression without anchors or with unescaped
        dots do that. Anyone can register such a name, and a page there can then read what the signed-in user
        can read.
    """),
    fix=prose("""
        On the server: compare the whole Origin with exact strings. If you need a pattern, anchor it at both
        ends and escape its dots. Send one page only: `Access-Control-Allow-Origin: https://app.test` with
        `Vary: Origin`.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-access-control-allow-origin",
    cwe=_PERMISSIVE,
    example=pair("""
          > GET https://api.test/me
          {FETCH}
          > Cookie: session=1f3a
          {JSON}
          {ALLOWED}
          < Access-Control-Allow-Credentials: true

          > GET https://api.test/me
        - > Origin: https://app.test.stranger.test
        + > Origin: https://www.app.test
          {SCRIPT}
          > Cookie: session=1f3a
          {JSON}
        - < Access-Control-Allow-Origin: https://app.test.stranger.test
        + < Access-Control-Allow-Origin: https://www.app.test
          < Access-Control-Allow-Credentials: true
          < Vary: Origin
    """),
)

NULL_ORIGIN_WITH_CREDENTIALS: Final = Violation(
    id="null-origin-with-credentials",
    title="Access-Control-Allow-Origin: null with credentials allows every site",
    severity=Severity.RISK,
    stages=RESPONSE,
    explanation=prose("""
        `null` is not the origin of one page: browsers send it for every sandboxed frame, every data: URL and
        every page opened from disk. Any page on the web can create a sandboxed frame. A server that allows
        `null` with credentials therefore lets every site read what the signed-in user can read.
    """),
    fix=prose("""
        On the server: remove `null` from the allowlist. Give your own frames an origin (`allow-same-origin` in
        the sandbox, served over http in development), and name it: `Access-Control-Allow-Origin:
        https://app.test`.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-access-control-allow-origin",
    cwe=_PERMISSIVE,
    example=pair("""
          > GET https://api.test/me
        - > Origin: null
        - {SCRIPT}
        + {FETCH}
          > Cookie: session=1f3a
          {JSON}
        - < Access-Control-Allow-Origin: null
        + {ALLOWED}
          < Access-Control-Allow-Credentials: true
        - < Vary: Origin
    """),
)

HTTP_ORIGIN_WITH_CREDENTIALS: Final = Violation(
    id="http-origin-with-credentials",
    title="{origin} uses http and can read an https response with credentials",
    severity=Severity.RISK,
    stages=RESPONSE,
    explanation=prose("""
        An attacker between the user and an http page, for example in a public wireless network, can add a
        script to that page. The script then reads from this server with the user's credentials. https was meant
        to prevent exactly that.
    """),
    fix=prose("""
        On the server: name only the https origin, and remove the http origin from the allowlist:
        `Access-Control-Allow-Origin: https://app.test`. Serve the page over https.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-access-control-allow-origin",
    cwe=_PERMISSIVE,
    example=pair("""
          > GET https://api.test/me
        - > Origin: http://app.test
        - {SCRIPT}
        + {FETCH}
          > Cookie: session=1f3a
          {JSON}
        - < Access-Control-Allow-Origin: http://app.test
        + {ALLOWED}
          < Access-Control-Allow-Credentials: true
        - < Vary: Origin
    """),
)

LOCALHOST_ORIGIN_WITH_CREDENTIALS: Final = Violation(
    id="localhost-origin-with-credentials",
    title="{origin} can read a response of a public server with credentials",
    severity=Severity.ADVICE,
    stages=RESPONSE,
    explanation=prose("""
        localhost is a different machine for every user. Any program that listens on that port there can read
        from this server what the signed-in user can read. So can an attacker who finds a hole in a page that
        such a program serves. Most often it is a development setting that has reached production.
    """),
    fix=prose("""
        On the production server: list production pages only, `Access-Control-Allow-Origin: https://app.test`.
        Keep localhost in the development configuration. In development, use a proxy in front of the page, or a
        rule of this addon.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-access-control-allow-origin",
    cwe=_PERMISSIVE,
    example=pair("""
          @ address=203.0.113.7
          > GET https://api.test/me
        - > Origin: http://localhost:5173
        - {SCRIPT}
        + {FETCH}
          > Cookie: session=1f3a
          {JSON}
        - < Access-Control-Allow-Origin: http://localhost:5173
        + {ALLOWED}
          < Access-Control-Allow-Credentials: true
        - < Vary: Origin
    """),
)

SHARED_HOSTING_ORIGIN_WITH_CREDENTIALS: Final = Violation(
    id="shared-hosting-origin-with-credentials",
    title="{origin} can read this with credentials, and anyone can get such a name at {service}",
    severity=Severity.ADVICE,
    stages=RESPONSE,
    explanation=prose("""
        The page uses a name of a hosting service that gives such names to all its customers. One exact name is
        safe as long as it stays yours. A pattern over all of them trusts every customer, and anyone can get
        such a name in a minute. If the server trusts two customers of one service, a pattern is likely, and
        then this is a risk.
    """),
    fix=prose("""
        On the server: list only your own name, whole and without a wildcard. Better is your own domain:
        `Access-Control-Allow-Origin: https://app.test`. Remove the name from the list when you give it up.
    """),
    anchor="https://fetch.spec.whatwg.org/#http-access-control-allow-origin",
    cwe=_PERMISSIVE,
    example=pair("""
          > GET https://api.test/me
        - > Origin: https://example-one.netlify.app
        - {SCRIPT}
        + {FETCH}
          {JSON}
        - < Access-Control-Allow-Origin: https://example-one.netlify.app
        + {ALLOWED}
          < Access-Control-Allow-Credentials: true
        - < Vary: Origin
        -
        - > GET https://api.test/me
        - > Origin: https://example-two.netlify.app
        - {SCRIPT}
        - {JSON}
        - < Access-Control-Allow-Origin: https://example-two.netlify.app
        - < Access-Control-Allow-Credentials: true
        - < Vary: Origin
    """),
)

PRIVATE_ADDRESS_WILDCARD: Final = Violation(
    id="private-address-wildcard",
    title="Access-Control-Allow-Origin: * lets every page read {host} ({address}), a private server",
    severity=Severity.ADVICE,
    stages=RESPONSE,
    explanation=prose("""
        `*` is right for data that everyone on the internet can fetch. This server has a private address, so
        only machines in the same network can reach it. The browsers on those machines can reach it too, and `*`
        lets every page in such a browser read the server's responses. Some browsers ask the user first, others
        do not.
    """),
    fix=prose("""
        On the server: name the pages that need it: `Access-Control-Allow-Origin: https://app.test` and `Vary:
        Origin`. If nothing on it is private, nothing has to change.
    """),
    anchor="https://fetch.spec.whatwg.org/#basic-safe-cors-protocol-setup",
    cwe=_PERMISSIVE,
    example=pair("""
          @ address=192.168.1.20
          > GET https://nas.test/status
          {FETCH}
          {JSON}
        - < Access-Control-Allow-Origin: *
        + {ALLOWED}
    """),
)
