"""The credentials mode: what a proxy can see of it (cookies, HTTP authentication), and what it cannot.

Cookies are set for the path of the case alone, so that one case's jar is not another's.
"""

from __future__ import annotations

from tests.browser.cases.case import (
    ANY,
    API,
    API_S,
    APP,
    APP_S,
    CREDENTIALED,
    ECHO,
    OTHER_S,
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
)
from tests.browser.server import Answer

PUT_OK = Answer(204, CREDENTIALED + allow_methods("PUT"))


def _set_cookie(scheme: str) -> Lines:
    attributes = "; Secure; SameSite=None" if scheme == "https" else ""
    return (("Set-Cookie", f"sid=1; Path=/c/<case>/{attributes}"),)


# slug, lines of the second response, the second request (after a cookie was set), reason
WITH_JAR: tuple[tuple[str, Lines, dict[str, object], str], ...] = (
    ("include", CREDENTIALED, {"credentials": "include"}, "the cookie goes along"),
    ("include-any", ANY, {"credentials": "include"}, "the cookie goes along, and everybody is not enough"),
    ("include-bare", (), {"credentials": "include"}, "the cookie goes along, and nothing comes back"),
    ("include-no-line", ECHO, {"credentials": "include"}, "no Access-Control-Allow-Credentials"),
    ("include-title", ECHO + allow_credentials("True"), {"credentials": "include"}, "not spelled true"),
    ("include-null", allow_origin("null") + allow_credentials("true"), {"credentials": "include"}, "for null"),
    ("same-origin", ANY, {}, "the default leaves the cookie at home"),
    ("omit", ANY, {"credentials": "omit"}, "left at home on purpose"),
    ("omit-echo", ECHO, {"credentials": "omit"}, "left at home on purpose"),
    ("omit-any-credentials", ANY + allow_credentials("true"), {}, "everybody and true, without credentials"),
)


def _jar_cases() -> list[Case]:
    cases = []
    for scheme, page, target in (
        ("http", Page(APP), API),
        ("https", Page(APP_S), API_S),
        ("cross", Page(APP_S), OTHER_S),
        ("private", Page(APP_S, private=True), OTHER_S),
    ):
        cookie = _set_cookie("https" if target == OTHER_S else "http")
        first = Endpoint((ok(CREDENTIALED, cookie),))
        prime = fetch(at(target, "set"), credentials="include")
        for slug, lines, init, why in WITH_JAR:
            credentials = str(init["credentials"]) if "credentials" in init else None
            again = fetch(at(target), credentials=credentials)
            cases.append(
                Case(f"jar-{scheme}-{slug}", why, page, (prime, again), {"set": first, "a": Endpoint((ok(lines),))})
            )
        for slug, preflight, why in (
            ("put", PUT_OK, "a preflight carries no cookie, the request behind it does"),
            ("put-any", Answer(204, ANY + allow_methods("PUT")), "everybody on the preflight, and nothing follows"),
            ("put-no-line", Answer(204, ECHO + allow_methods("PUT")), "no Allow-Credentials on the preflight"),
            ("put-star", Answer(204, CREDENTIALED + allow_methods("*")), "a star is no star under credentials"),
        ):
            again = fetch(at(target), "PUT", credentials="include")
            serve = {"set": first, "a": Endpoint((ok(CREDENTIALED),), (preflight,))}
            cases.append(Case(f"jar-{scheme}-{slug}", why, page, (prime, again), serve))
        for how in ("img", "script"):
            for mode, lines in (("anonymous", ANY), ("use-credentials", ANY), ("use-credentials", CREDENTIALED)):
                slug = f"{how}-{mode}-{'credentialed' if lines == CREDENTIALED else 'any'}"
                serve = {"set": first, "a": Endpoint((ok(lines, kind="text/javascript", body=b"1"),))}
                cases.append(
                    Case(
                        f"jar-{scheme}-{slug}",
                        "an element's crossorigin attribute decides on the cookie",
                        page,
                        (prime, load(how, at(target), crossorigin=mode)),
                        serve,
                    )
                )
    return cases


def _cookie_other_way() -> list[Case]:
    """The cookie was set without CORS: by an image, by a frame."""
    cases = []
    for how in ("img", "iframe"):
        serve = {
            "set": Endpoint((ok(_set_cookie("http"), kind="text/html", body=b"<p>hello"),)),
            "a": Endpoint((ok(ANY),)),
        }
        for mode in ("include", "omit"):
            cases.append(
                Case(
                    f"jar-by-{how}-{mode}",
                    "a jar filled without CORS",
                    Page(APP),
                    (load(how, at(API, "set")), fetch(at(API), credentials=mode)),
                    serve,
                )
            )
    return cases


def _authentication() -> list[Case]:
    challenge: Lines = (("WWW-Authenticate", 'Basic realm="tests"'),)
    token: Lines = (("WWW-Authenticate", 'Bearer realm="tests"'),)  # browsers know no Bearer, and ask nobody
    cases = []
    for slug, lines in (("bare", ()), ("any", ANY), ("echo", ECHO), ("credentialed", CREDENTIALED)):
        for mode, asked in (("include", token), ("omit", challenge)):
            cases.append(
                Case(
                    f"auth-401-{mode}-{slug}",
                    "a challenge is a response to check",
                    Page(APP),
                    (fetch(at(API), credentials=mode),),
                    {"a": Endpoint((ok(lines, asked, status=401),))},
                )
            )
    signed: Load = load("xhr", at(API), withCredentials=True, user="u", password="p")
    for slug, lines in (("credentialed", CREDENTIALED), ("any", ANY), ("bare", ())):
        cases.append(
            Case(
                f"auth-xhr-{slug}",
                "XMLHttpRequest knows user and password and answers the challenge",
                Page(APP),
                (signed,),
                {"a": Endpoint((ok(CREDENTIALED, challenge, status=401), ok(lines)))},
            )
        )
    return cases


def _without_cookie() -> list[Case]:
    """Credentials mode include with an empty jar: nothing on the wire tells."""
    cases = []
    for scheme, page, target in (("http", APP, API), ("https", APP_S, OTHER_S)):
        for slug, lines in (("any", ANY), ("credentialed", CREDENTIALED), ("echo", ECHO)):
            for how, one in (
                ("fetch", fetch(at(target), credentials="include")),
                ("xhr", load("xhr", at(target), withCredentials=True)),
            ):
                cases.append(
                    Case(
                        f"empty-jar-{scheme}-{how}-{slug}",
                        "credentials wanted, none there",
                        Page(page),
                        (one,),
                        {"a": Endpoint((ok(lines),))},
                    )
                )
            cases.append(
                Case(
                    f"empty-jar-{scheme}-same-origin-{slug}",
                    "no credentials wanted",
                    Page(page),
                    (fetch(at(target)),),
                    {"a": Endpoint((ok(lines),))},
                )
            )
    return cases


CASES: tuple[Case, ...] = (*_jar_cases(), *_cookie_other_way(), *_authentication(), *_without_cookie())
