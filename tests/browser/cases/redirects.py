"""Redirect chains: which hop is checked, what it must carry, and which targets no browser follows."""

from __future__ import annotations

from tests.browser.cases.case import (
    ANY,
    API,
    APP,
    APP_S,
    CREDENTIALED,
    ECHO,
    OTHER,
    OTHER_S,
    PREFLIGHT_OK,
    PREFLIGHT_OK_CREDENTIALED,
    THIRD,
    THIRD_S,
    Case,
    Endpoint,
    Lines,
    Load,
    Page,
    allow_credentials,
    allow_methods,
    allow_origin,
    at,
    fetch,
    load,
    ok,
    redirect,
)
from tests.browser.server import Answer

NULL = allow_origin("null")


def _chain(
    name: str, why: str, request: Load, *answers: Answer, page: str = APP, preflights: tuple[Answer, ...] = ()
) -> Case:
    """A chain whose hops answer at the leaves a, b, c in order; `preflights` are for the same leaves."""
    leaves = "abcdefghijklmnopqrstuvwxyz"
    serve = {
        leaves[n]: Endpoint((answer,), (preflights[n],) if n < len(preflights) else ()) for n, answer in enumerate(answers)
    }
    return Case(f"redirect-{name}", why, Page(page), (request,), serve)


def _targets() -> list[Case]:
    """A redirect that passes its own check, to a target that is refused or not."""
    targets: tuple[tuple[str, str, str], ...] = (
        ("user-info", "http://user:secret@third.test/c/<case>/b", "user info in a cross-origin target"),
        ("user-only", "http://user@third.test/c/<case>/b", "a user without a password"),
        ("at-only", "http://@third.test/c/<case>/b", "an empty user is none"),
        ("colon-at-only", "http://:@third.test/c/<case>/b", "an empty user and password are none"),
        ("data", "data:text/plain,hello", "a data: target"),
        ("ftp", "ftp://third.test/b", "a scheme that nobody fetches any more"),
        ("about", "about:blank", "a target without network"),
        ("file", "file:///etc/hostname", "a file"),
        ("mailto", "mailto:a@third.test", "an application's scheme"),
        ("unparsable", "http://[/", "no URL"),
        ("bad-port", "http://third.test:25/c/<case>/b", "a port that browsers refuse"),
    )
    cases = []
    for slug, target, why in targets:
        cases.append(_chain(f"to-{slug}", why, fetch(at(OTHER)), redirect(302, target, ECHO), ok(ANY)))
        own = target.replace("third.test", "app.test") if slug.startswith(("user", "at", "colon")) else target
        cases.append(
            _chain(f"own-first-to-{slug}", f"from a same-origin hop: {why}", fetch(at(APP)), redirect(302, own), ok(ANY))
        )
        if own != target:
            cases.append(
                _chain(
                    f"own-first-across-to-{slug}",
                    f"from a same-origin hop, across: {why}",
                    fetch(at(APP)),
                    redirect(302, target),
                    ok(ANY),
                )
            )
    return cases


def _cases() -> list[Case]:
    chain = _chain
    cases = _targets()
    cases += [
        # page A; the first hop is B unless said otherwise
        chain("b-b", "B sends on to itself", fetch(at(OTHER)), redirect(302, at(OTHER, "b"), ECHO), ok(ECHO)),
        chain("b-b-bare-hop", "a hop without the header", fetch(at(OTHER)), redirect(302, at(OTHER, "b")), ok(ECHO)),
        chain("b-b-bare-end", "the end without the header", fetch(at(OTHER)), redirect(302, at(OTHER, "b"), ECHO), ok()),
        chain("b-c-echo", "the origin is null from the second site on", fetch(at(OTHER)), redirect(302, at(THIRD, "b"), ECHO), ok(ECHO)),
        chain("b-c-named", "C names the page, and the origin is null by then", fetch(at(OTHER)), redirect(302, at(THIRD, "b"), ECHO), ok(allow_origin(APP))),
        chain("b-c-any", "everybody includes null", fetch(at(OTHER)), redirect(302, at(THIRD, "b"), ANY), ok(ANY)),
        chain("b-c-null", "null is what it takes", fetch(at(OTHER)), redirect(302, at(THIRD, "b"), ECHO), ok(NULL)),
        chain("b-c-missing", "C says nothing", fetch(at(OTHER)), redirect(302, at(THIRD, "b"), ECHO), ok()),
        chain("b-a-missing", "back on the page's own origin CORS still applies", fetch(at(OTHER)), redirect(302, at(APP, "b"), ECHO), ok()),
        chain("b-a-named", "back home, where the page is named and the origin is null", fetch(at(OTHER)), redirect(302, at(APP, "b"), ECHO), ok(allow_origin(APP))),
        chain("b-a-any", "back home, open to everybody", fetch(at(OTHER)), redirect(302, at(APP, "b"), ECHO), ok(ANY)),
        chain("b-a-null", "back home, null", fetch(at(OTHER)), redirect(302, at(APP, "b"), ECHO), ok(NULL)),
        chain("a-b", "a same-origin hop needs nothing", fetch(at(APP)), redirect(302, at(OTHER, "b")), ok(ECHO)),
        chain("a-b-missing", "the end without the header", fetch(at(APP)), redirect(302, at(OTHER, "b")), ok()),
        chain("a-b-b", "one site only: the origin stays", fetch(at(APP)), redirect(302, at(OTHER, "b")), redirect(302, at(OTHER, "c"), ECHO), ok(allow_origin(APP))),
        chain("a-b-b-bare-middle", "the middle hop is cross-origin and says nothing", fetch(at(APP)), redirect(302, at(OTHER, "b")), redirect(302, at(OTHER, "c")), ok(ECHO)),
        chain("a-b-c", "two sites: the origin is null", fetch(at(APP)), redirect(302, at(OTHER, "b")), redirect(302, at(THIRD, "c"), ECHO), ok(ECHO)),
        chain("a-b-c-named", "two sites, and C names the page", fetch(at(APP)), redirect(302, at(OTHER, "b")), redirect(302, at(THIRD, "c"), ECHO), ok(allow_origin(APP))),
        chain("a-b-a", "away and back", fetch(at(APP)), redirect(302, at(OTHER, "b")), redirect(302, at(APP, "c"), ECHO), ok()),
        chain("a-a-b", "two hops at home", fetch(at(APP)), redirect(302, at(APP, "b")), redirect(302, at(OTHER, "c")), ok(ECHO)),
        chain("b-b-c-a", "four URLs", fetch(at(OTHER)), redirect(302, at(OTHER, "b"), ECHO), redirect(302, at(THIRD, "c"), ECHO), redirect(302, at(APP, "d"), ECHO), ok(ECHO)),
        chain("same-site-b-c", "another origin of the same site taints as well", fetch(at(API)), redirect(302, at(OTHER, "b"), ECHO), ok(allow_origin(APP))),
        chain("port", "another port is another origin", fetch(at(OTHER)), redirect(302, at(OTHER + ":8080", "b"), ECHO), ok(allow_origin(APP))),
        chain("upgrade", "http to https is another origin", fetch(at(OTHER)), redirect(301, at(OTHER_S, "b"), ECHO), ok(allow_origin(APP))),
        chain("own-upgrade", "the page's own host over https", fetch(at(APP)), redirect(301, at(APP_S, "b")), ok()),
        chain("login", "an API that sends to a login page", fetch(at(API, "a"), credentials="include"), redirect(302, at(THIRD, "b"), CREDENTIALED), ok(kind="text/html", body=b"<form>")),
        chain("login-bare", "an API that sends to a login page and forgets its headers", fetch(at(API, "a"), credentials="include"), redirect(302, at(THIRD, "b")), ok(kind="text/html", body=b"<form>")),
        # the shapes on a hop
        *(
            chain(f"hop-{slug}", f"on a hop: {why}", fetch(at(OTHER), credentials=mode), redirect(307, at(OTHER, "b"), lines), ok(CREDENTIALED))
            for slug, lines, mode, why in HOP_SHAPES
        ),
        *(
            chain(f"status-{status}", "what counts as a redirect", fetch(at(OTHER)), redirect(status, at(OTHER, "b"), ECHO), ok(ECHO))
            for status in (300, 301, 302, 303, 304, 305, 307, 308)
        ),
        *(
            chain(f"no-location-{status}", "a redirect without a target is a response", fetch(at(OTHER)), Answer(status, lines), ok(ECHO))
            for status, lines in ((301, ECHO), (302, ()), (307, ECHO))
        ),
        # methods
        chain("post-301", "POST becomes GET", fetch(at(OTHER), "POST", body="x"), redirect(301, at(OTHER, "b"), ECHO), ok(ECHO)),
        chain("post-303", "POST becomes GET", fetch(at(OTHER), "POST", body="x"), redirect(303, at(OTHER, "b"), ECHO), ok(ECHO)),
        chain("post-307", "POST stays", fetch(at(OTHER), "POST", body="x"), redirect(307, at(THIRD, "b"), ECHO), ok(ANY)),
        chain("put-301", "PUT stays, and every hop has its preflight", fetch(at(OTHER), "PUT", body="x"), redirect(301, at(OTHER, "b"), ECHO), ok(ECHO), preflights=(PREFLIGHT_OK, PREFLIGHT_OK)),
        chain("put-303", "PUT becomes GET", fetch(at(OTHER), "PUT", body="x"), redirect(303, at(OTHER, "b"), ECHO), ok(ECHO), preflights=(PREFLIGHT_OK, PREFLIGHT_OK)),
        chain("put-307-b-c", "the second preflight comes from null", fetch(at(OTHER), "PUT", body="x"), redirect(307, at(THIRD, "b"), ECHO), ok(ANY), preflights=(PREFLIGHT_OK, PREFLIGHT_OK)),
        chain("put-second-preflight-missing", "the second hop's preflight is refused", fetch(at(OTHER), "PUT", body="x"), redirect(307, at(OTHER, "b"), ECHO), ok(ECHO), preflights=(PREFLIGHT_OK, Answer(204))),
        chain("put-second-preflight-404", "the second hop's preflight is not found", fetch(at(OTHER), "PUT", body="x"), redirect(307, at(THIRD, "b"), ECHO), ok(ECHO), preflights=(PREFLIGHT_OK, Answer(404, ECHO))),
        chain("put-second-preflight-method", "the second hop does not allow the method", fetch(at(OTHER), "PUT", body="x"), redirect(307, at(OTHER, "b"), ECHO), ok(ECHO), preflights=(PREFLIGHT_OK, Answer(204, ECHO + allow_methods("GET")))),
        chain("put-hop-bare", "the preflight passes, the redirect says nothing", fetch(at(OTHER), "PUT", body="x"), redirect(307, at(OTHER, "b")), ok(ECHO), preflights=(PREFLIGHT_OK, PREFLIGHT_OK)),
        chain("own-put-across", "a same-origin hop, then a preflight", fetch(at(APP), "PUT", body="x"), redirect(307, at(OTHER, "b")), ok(ECHO), preflights=(Answer(404), PREFLIGHT_OK)),
        chain("own-put-across-refused", "a same-origin hop, then a preflight that fails", fetch(at(APP), "PUT", body="x"), redirect(307, at(OTHER, "b")), ok(ECHO), preflights=(Answer(404), Answer(404))),
        chain("header-kept", "a page's header goes along", fetch(at(OTHER), headers={"X-Custom": "1"}), redirect(302, at(THIRD, "b"), ECHO), ok(ANY), preflights=(PREFLIGHT_OK, PREFLIGHT_OK)),
        chain("authorization-dropped", "Authorization does not cross origins", fetch(at(OTHER), headers={"Authorization": "Bearer x"}), redirect(302, at(THIRD, "b"), ECHO), ok(ANY), preflights=(PREFLIGHT_OK, PREFLIGHT_OK)),
        chain("authorization-kept", "within one origin it goes along", fetch(at(OTHER), headers={"Authorization": "Bearer x"}), redirect(302, at(OTHER, "b"), ECHO), ok(ANY), preflights=(PREFLIGHT_OK, PREFLIGHT_OK)),
        # redirect modes
        chain("manual", "an opaque redirect", fetch(at(OTHER), redirect="manual"), redirect(302, at(OTHER, "b"), ECHO), ok(ECHO)),
        chain("manual-bare", "an opaque redirect that says nothing", fetch(at(OTHER), redirect="manual"), redirect(302, at(OTHER, "b")), ok(ECHO)),
        chain("error", "redirects not wanted", fetch(at(OTHER), redirect="error"), redirect(302, at(OTHER, "b"), ECHO), ok(ECHO)),
        chain("error-bare", "redirects not wanted, and none shared", fetch(at(OTHER), redirect="error"), redirect(302, at(OTHER, "b")), ok(ECHO)),
        chain("same-origin-mode", "mode same-origin, sent to another origin", fetch(at(APP), mode="same-origin"), redirect(302, at(OTHER, "b")), ok(ANY)),
        chain("same-origin-mode-https", "mode same-origin, sent to another origin", fetch(at(APP_S), mode="same-origin"), redirect(302, at(OTHER_S, "b")), ok(ANY), page=APP_S),
        chain("same-origin-mode-within", "mode same-origin, within", fetch(at(APP), mode="same-origin"), redirect(302, at(APP, "b")), ok()),
        chain("worker", "a worker script sent to another origin", load("worker", at(APP)), redirect(302, at(OTHER, "b")), ok(ANY, kind="text/javascript", body=b"postMessage(1)")),
        chain("no-cors", "no-cors follows anywhere", fetch(at(OTHER), mode="no-cors"), redirect(302, at(THIRD, "b")), ok()),
        chain("xhr", "XMLHttpRequest", load("xhr", at(OTHER)), redirect(302, at(THIRD, "b"), ECHO), ok(allow_origin(APP))),
        chain("xhr-credentials", "XMLHttpRequest with credentials", load("xhr", at(OTHER), withCredentials=True), redirect(302, at(OTHER, "b"), ANY), ok(CREDENTIALED)),
        chain("https-b-c", "over https", fetch(at(OTHER_S)), redirect(302, at(THIRD_S, "b"), ECHO), ok(allow_origin(APP_S)), page=APP_S),
        chain("https-b-c-null", "over https, null", fetch(at(OTHER_S)), redirect(302, at(THIRD_S, "b"), ECHO), ok(NULL), page=APP_S),
        chain("https-a-b-bare", "over https from home", fetch(at(APP_S)), redirect(302, at(OTHER_S, "b")), ok(), page=APP_S),
        chain("https-put", "over https with preflights", fetch(at(OTHER_S), "PUT", credentials="include"), redirect(307, at(OTHER_S, "b"), CREDENTIALED), ok(CREDENTIALED), page=APP_S, preflights=(PREFLIGHT_OK_CREDENTIALED, PREFLIGHT_OK_CREDENTIALED)),
    ]
    loop = {"a": Endpoint((redirect(302, at(OTHER), ECHO),))}
    cases.append(Case("redirect-too-many", "a loop", Page(APP), (fetch(at(OTHER)),), loop))
    return cases


# slug, lines, credentials mode, reason
HOP_SHAPES: tuple[tuple[str, Lines, str | None, str], ...] = (
    ("any", ANY, None, "everybody"),
    ("any-include", ANY, "include", "everybody, under credentials"),
    ("credentialed", CREDENTIALED, "include", "as it should be"),
    ("no-credentials-line", ECHO, "include", "no Access-Control-Allow-Credentials"),
    ("credentials-upper", ECHO + allow_credentials("True"), "include", "not spelled true"),
    ("empty", allow_origin(""), None, "an empty value"),
    ("null", NULL, None, "null, which is not yet the origin"),
    ("mismatch", allow_origin("http://else.test"), None, "another origin"),
    ("slash", allow_origin("<origin>/"), None, "a trailing slash"),
    ("invalid", allow_origin("app.test"), None, "no URL"),
    ("two", allow_origin("<origin>", "<origin>"), None, "twice"),
    ("list", allow_origin("<origin>, http://else.test"), None, "a list"),
)

CASES: tuple[Case, ...] = tuple(_cases())
