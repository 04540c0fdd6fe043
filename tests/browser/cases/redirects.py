"""Redirect chains: which hop is checked, what it must carry, and which targets no browser follows.

A chain is a line: `other 302 echo > third 200 null` is a redirect at other.test that echoes the origin, to third.test,
which answers 200 for the origin null. A fourth word is the answer to that hop's preflight, `bare` where none is given.
"""

from __future__ import annotations

from tests.browser.cases.case import (
    ANY,
    API,
    APP,
    APP_S,
    CREDENTIALED,
    ECHO,
    LOCAL,
    OTHER,
    OTHER_S,
    THIRD,
    THIRD_S,
    Case,
    Endpoint,
    Lines,
    Load,
    Page,
    allow_credentials,
    allow_headers,
    allow_methods,
    allow_origin,
    at,
    fetch,
    load,
    ok,
    redirect,
)
from tests.browser.server import Answer

SITES = {
    "app": APP,
    "api": API,
    "other": OTHER,
    "other:8080": OTHER + ":8080",
    "third": THIRD,
    "app/s": APP_S,
    "other/s": OTHER_S,
    "third/s": THIRD_S,
}
SHARING: dict[str, Lines] = {
    "bare": (),
    "echo": ECHO,
    "any": ANY,
    "null": allow_origin("null"),
    "named": allow_origin(APP),
    "named/s": allow_origin(APP_S),
    "credentialed": CREDENTIALED,
    "upper": ECHO + allow_credentials("True"),
    "empty": allow_origin(""),
    "else": allow_origin("http://else.test"),
    "slash": allow_origin("<origin>/"),
    "invalid": allow_origin("app.test"),
    "two": allow_origin("<origin>", "<origin>"),
    "list": allow_origin("<origin>, http://else.test"),
}
PREFLIGHTS = {
    "pass": Answer(204, ECHO + allow_methods("<method>") + allow_headers("<headers>")),
    "pass-credentialed": Answer(204, CREDENTIALED + allow_methods("<method>") + allow_headers("<headers>")),
    "bare": Answer(204),
    "404": Answer(404, ECHO),
    "open": Answer(204, allow_methods("<method>") + allow_headers("<headers>")),
    "get-only": Answer(204, ECHO + allow_methods("GET") + allow_headers("<headers>")),
}
FOLLOWED = (301, 302, 303, 307, 308)


def chain(name: str, hops: str, why: str, request: Load | None = None, page: str = APP) -> Case:
    """A case from its line; without `request` the page fetches the first hop, plainly."""
    steps = [hop.split() for hop in hops.split(" > ")]
    serve = {}
    for number, (_, status, sharing, *preflight) in enumerate(steps):
        lines = SHARING[sharing]
        if number + 1 < len(steps):
            answer = redirect(int(status), at(SITES[steps[number + 1][0]], "abcdefgh"[number + 1]), lines)
        else:
            answer = ok(lines, status=int(status))
        serve["abcdefgh"[number]] = Endpoint((answer,), tuple(PREFLIGHTS[one] for one in preflight) or (Answer(204),))
    first = fetch(at(SITES[steps[0][0]]))
    return Case(f"redirect-{name}", why, Page(page), (request or first,), serve)


# slug, chain, reason; the page is http://app.test and fetches the first hop
CHAINS: tuple[tuple[str, str, str], ...] = (
    ("b-b", "other 302 echo > other 200 echo", "one site sends on to itself"),
    ("b-b-bare-hop", "other 302 bare > other 200 echo", "the hop without the header"),
    ("b-b-bare-end", "other 302 echo > other 200 bare", "the end without the header"),
    ("b-c-echo", "other 302 echo > third 200 echo", "the origin is null from the second site on"),
    ("b-c-named", "other 302 echo > third 200 named", "C names the page, and the origin is null by then"),
    ("b-c-any", "other 302 any > third 200 any", "everybody includes null"),
    ("b-c-null", "other 302 echo > third 200 null", "null is what it takes"),
    ("b-c-bare", "other 302 echo > third 200 bare", "C says nothing"),
    ("b-a-bare", "other 302 echo > app 200 bare", "back on the page's own origin CORS still applies"),
    ("b-a-named", "other 302 echo > app 200 named", "back home the page is named, and the origin is null"),
    ("b-a-any", "other 302 echo > app 200 any", "back home, open to everybody"),
    ("b-a-null", "other 302 echo > app 200 null", "back home, null"),
    ("a-b", "app 302 bare > other 200 echo", "a same-origin hop needs nothing"),
    ("a-b-bare", "app 302 bare > other 200 bare", "the end without the header"),
    ("a-b-b", "app 302 bare > other 302 echo > other 200 named", "one site only: the origin stays"),
    ("a-b-b-bare-middle", "app 302 bare > other 302 bare > other 200 echo", "the middle hop says nothing"),
    ("a-b-c", "app 302 bare > other 302 echo > third 200 echo", "two sites: the origin is null"),
    ("a-b-c-named", "app 302 bare > other 302 echo > third 200 named", "two sites, and C names the page"),
    ("a-b-a", "app 302 bare > other 302 echo > app 200 bare", "away and back"),
    ("a-b-a-null", "app 302 bare > other 302 echo > app 200 null", "away and back, null"),
    ("a-a-b", "app 302 bare > app 302 bare > other 200 echo", "two hops at home"),
    ("b-b-c-a", "other 302 echo > other 302 echo > third 302 echo > app 200 echo", "four URLs"),
    ("same-site", "api 302 echo > other 200 named", "another origin of the same site taints as well"),
    ("same-site-within", "api 302 echo > api 200 named", "within another origin of the same site"),
    ("port", "other 302 echo > other:8080 200 named", "another port is another origin"),
    ("upgrade", "other 301 echo > other/s 200 named", "http to https is another origin"),
    ("own-upgrade", "app 301 bare > app/s 200 bare", "the page's own host over https"),
    *((f"status-{status}", f"other {status} echo > other 200 echo", "followed") for status in FOLLOWED),
    *((f"status-{status}", f"other {status} echo > other 200 echo", "no redirect") for status in (300, 304, 305)),
    ("hop-any", "other 307 any > other 200 credentialed", "everybody, on the hop"),
    *(
        (f"hop-{word}", f"other 307 {word} > other 200 credentialed", f"the hop's header: {word}")
        for word in ("empty", "null", "else", "slash", "invalid", "two", "list")
    ),
)

# slug, how the first hop is asked for, chain, reason
ASKED: tuple[tuple[str, Load, str, str], ...] = (
    (
        "include-any",
        fetch(at(OTHER), credentials="include"),
        "other 307 any > other 200 credentialed",
        "everybody, under credentials",
    ),
    (
        "include",
        fetch(at(OTHER), credentials="include"),
        "other 307 credentialed > other 200 credentialed",
        "as it should be",
    ),
    (
        "include-no-line",
        fetch(at(OTHER), credentials="include"),
        "other 307 echo > other 200 credentialed",
        "no Access-Control-Allow-Credentials on the hop",
    ),
    (
        "include-upper",
        fetch(at(OTHER), credentials="include"),
        "other 307 upper > other 200 credentialed",
        "not spelled true",
    ),
    (
        "include-end-any",
        fetch(at(OTHER), credentials="include"),
        "other 307 credentialed > other 200 any",
        "the end is for everybody, and so not for credentials",
    ),
    ("login", fetch(at(API), credentials="include"), "api 302 credentialed > third 200 bare", "sent to a login page"),
    ("login-bare", fetch(at(API), credentials="include"), "api 302 bare > third 200 bare", "the hop says nothing"),
    ("post-301", fetch(at(OTHER), "POST", body="x"), "other 301 echo > other 200 echo", "POST becomes GET"),
    ("post-303", fetch(at(OTHER), "POST", body="x"), "other 303 echo > other 200 echo", "POST becomes GET"),
    ("post-307", fetch(at(OTHER), "POST", body="x"), "other 307 echo > third 200 any", "POST stays"),
    (
        "put-301",
        fetch(at(OTHER), "PUT", body="x"),
        "other 301 echo pass > other 200 echo pass",
        "PUT stays, and every hop has its preflight",
    ),
    ("put-303", fetch(at(OTHER), "PUT", body="x"), "other 303 echo pass > other 200 echo pass", "PUT becomes GET"),
    (
        "put-307-b-c",
        fetch(at(OTHER), "PUT", body="x"),
        "other 307 echo pass > third 200 any pass",
        "the second preflight comes from null",
    ),
    (
        "put-second-preflight-bare",
        fetch(at(OTHER), "PUT", body="x"),
        "other 307 echo pass > other 200 echo bare",
        "the second preflight says nothing",
    ),
    (
        "put-second-preflight-404",
        fetch(at(OTHER), "PUT", body="x"),
        "other 307 echo pass > third 200 echo 404",
        "the second preflight is not found",
    ),
    (
        "put-second-preflight-method",
        fetch(at(OTHER), "PUT", body="x"),
        "other 307 echo pass > other 200 echo get-only",
        "the second preflight does not allow the method",
    ),
    (
        "put-hop-bare",
        fetch(at(OTHER), "PUT", body="x"),
        "other 307 bare pass > other 200 echo pass",
        "the preflight passes, the redirect says nothing",
    ),
    (
        "own-put-across",
        fetch(at(APP), "PUT", body="x"),
        "app 307 bare > other 200 echo pass",
        "a same-origin hop, then a preflight",
    ),
    (
        "own-put-across-refused",
        fetch(at(APP), "PUT", body="x"),
        "app 307 bare > other 200 echo bare",
        "a same-origin hop, then a preflight that fails",
    ),
    (
        "header-kept",
        fetch(at(OTHER), headers={"X-Custom": "1"}),
        "other 302 echo pass > third 200 any pass",
        "a page's header goes along",
    ),
    (
        "authorization-dropped",
        fetch(at(OTHER), headers={"Authorization": "Bearer x"}),
        "other 302 echo pass > third 200 any pass",
        "Authorization does not cross origins",
    ),
    (
        "authorization-kept",
        fetch(at(OTHER), headers={"Authorization": "Bearer x"}),
        "other 302 echo pass > other 200 any pass",
        "within one origin it goes along",
    ),
    ("manual", fetch(at(OTHER), redirect="manual"), "other 302 echo > other 200 echo", "an opaque redirect"),
    ("manual-bare", fetch(at(OTHER), redirect="manual"), "other 302 bare > other 200 echo", "checked all the same"),
    ("error", fetch(at(OTHER), redirect="error"), "other 302 echo > other 200 echo", "redirects not wanted"),
    ("error-bare", fetch(at(OTHER), redirect="error"), "other 302 bare > other 200 echo", "nor shared"),
    ("same-origin-mode", fetch(at(APP), mode="same-origin"), "app 302 bare > other 200 any", "sent to another origin"),
    ("same-origin-mode-within", fetch(at(APP), mode="same-origin"), "app 302 bare > app 200 bare", "within"),
    ("no-cors", fetch(at(OTHER), mode="no-cors"), "other 302 bare > third 200 bare", "no-cors follows anywhere"),
    ("xhr", load("xhr", at(OTHER)), "other 302 echo > third 200 named", "XMLHttpRequest"),
    (
        "xhr-credentials",
        load("xhr", at(OTHER), withCredentials=True),
        "other 302 any > other 200 credentialed",
        "XMLHttpRequest with credentials",
    ),
    ("worker", load("worker", at(APP)), "app 302 bare > other 200 any", "a worker's script must be same-origin"),
    ("img", load("img", at(OTHER), crossorigin="anonymous"), "other 302 echo > third 200 named", "an image"),
    ("font", load("font", at(OTHER)), "other 302 bare > other 200 echo", "a font"),
    ("beacon", load("beacon", at(OTHER)), "other 307 any > third 307 named > other 200 bare", "a beacon is sent on"),
    (
        "put-tainted-bare",
        fetch(at(OTHER), "PUT"),
        "other 307 echo pass > third 307 bare pass > other 200 bare",
        "refused behind a tainted hop",
    ),
    *(
        (
            f"put-home-{slug}",
            fetch(at(OTHER), "PUT"),
            f"other 307 echo pass > app 200 null {preflight}",
            "a preflight to the page's own server",
        )
        for slug, preflight in (("pass", "pass"), ("open", "open"), ("bare", "bare"), ("404", "404"))
    ),
)

HTTPS: tuple[tuple[str, Load, str, str], ...] = (
    ("b-c", fetch(at(OTHER_S)), "other/s 302 echo > third/s 200 named/s", "two sites"),
    ("b-c-null", fetch(at(OTHER_S)), "other/s 302 echo > third/s 200 null", "two sites, null"),
    ("b-a", fetch(at(OTHER_S)), "other/s 302 echo > app/s 200 named/s", "back home"),
    ("a-b-bare", fetch(at(APP_S)), "app/s 302 bare > other/s 200 bare", "from home"),
    ("a-b-b", fetch(at(APP_S)), "app/s 302 bare > other/s 302 echo > other/s 200 named/s", "from home, one site"),
    ("a-b-c", fetch(at(APP_S)), "app/s 302 bare > other/s 302 echo > third/s 200 named/s", "from home, two sites"),
    (
        "put",
        fetch(at(OTHER_S), "PUT", credentials="include"),
        "other/s 307 credentialed pass-credentialed > other/s 200 credentialed pass-credentialed",
        "preflights at both hops",
    ),
    ("same-origin-mode", fetch(at(APP_S), mode="same-origin"), "app/s 302 bare > other/s 200 any", "sent elsewhere"),
    ("worker", load("worker", at(APP_S)), "app/s 302 bare > other/s 200 any", "a worker's script"),
    ("manual", fetch(at(OTHER_S), redirect="manual"), "other/s 302 bare > other/s 200 echo", "checked all the same"),
    ("img", load("img", at(APP_S), crossorigin="anonymous"), "app/s 302 bare > other/s 200 bare", "an image from home"),
    (
        "img-include-any",
        load("img", at(OTHER_S), crossorigin="use-credentials"),
        "other/s 302 credentialed > third/s 200 any",
        "the end is for everybody, and what says that credentials go along is told by the first hop alone",
    ),
)

# slug, Location, reason
TARGETS: tuple[tuple[str, str, str], ...] = (
    ("user-info", "http://user:secret@third.test/c/<case>/b", "user info"),
    ("user-only", "http://user@third.test/c/<case>/b", "a user without a password"),
    ("at-only", "http://@third.test/c/<case>/b", "an empty user is none"),
    ("colon-at-only", "http://:@third.test/c/<case>/b", "an empty user and password are none"),
    ("data", "data:text/plain,hello", "a data: URL"),
    ("ftp", "ftp://third.test/b", "a scheme that nobody fetches any more"),
    ("about", "about:blank", "a URL without network"),
    ("file", "file:///etc/hostname", "a file"),
    ("mailto", "mailto:a@third.test", "an application's scheme"),
    ("unparsable", "http://[/", "no URL"),
    ("bad-port", "http://third.test:25/c/<case>/b", "a port that browsers refuse"),
)


def _targets() -> list[Case]:
    """A redirect to a target that is refused or not: from a cross-origin hop, from the page's own, and across."""
    cases = []
    for slug, target, why in TARGETS:
        home = target.replace("third.test", "app.test") if "<case>" in target else target
        variants = [("to", OTHER, target, ECHO), ("own-first-to", APP, home, ())]
        if "@" in target and "<case>" in target:
            variants.append(("own-first-across-to", APP, target, ()))
        for kind, site, where, lines in variants:
            serve = {"a": Endpoint((redirect(302, where, lines),))}
            if "<case>" in where:
                serve["b"] = Endpoint((ok(ANY),))
            cases.append(Case(f"redirect-{kind}-{slug}", f"the target is {why}", Page(APP), (fetch(at(site)),), serve))
    return cases


CASES: tuple[Case, ...] = (
    *(chain(name, hops, why) for name, hops, why in CHAINS),
    *(chain(name, hops, why, request) for name, request, hops, why in ASKED),
    *(chain(f"https-{name}", hops, why, request, APP_S) for name, request, hops, why in HTTPS),
    *_targets(),
    *(
        Case(
            f"redirect-mixed-{slug}",
            f"from https to http, {why}",
            Page(APP_S),
            (fetch(at(first)),),
            {"a": Endpoint((redirect(302, at(to, "b"), ANY),)), "b": Endpoint((ok(ANY),))},
        )
        for slug, first, to, why in (
            ("other", OTHER_S, THIRD, "which every browser blocks"),
            ("own-first", APP_S, THIRD, "on the way from the page's own server"),
            ("local", OTHER_S, LOCAL, "to this machine, which WebKit alone blocks"),
            ("own-first-local", APP_S, LOCAL, "to this machine from the page's own server"),
            ("local-address", OTHER_S, "http://127.0.0.1:8000", "to this machine's address"),
        )
    ),
    *(
        Case(
            f"redirect-no-location-{status}",
            "a redirect without a target is a response",
            Page(APP),
            (fetch(at(OTHER)),),
            {"a": Endpoint((Answer(status, lines),))},
        )
        for status, lines in ((301, ECHO), (302, ()), (307, ANY))
    ),
    Case(
        "redirect-too-many",
        "a loop",
        Page(APP),
        (fetch(at(OTHER)),),
        {"a": Endpoint((redirect(302, at(OTHER), ECHO),))},
    ),
)
