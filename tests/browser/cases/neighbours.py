"""What is taken for CORS and is not: Cross-Origin-Resource-Policy, COEP, nosniff, opaque responses that are blocked."""

from __future__ import annotations

from tests.browser.cases.case import (
    ANY,
    API,
    API_S,
    APP,
    APP_S,
    ECHO,
    OTHER,
    OTHER_S,
    Case,
    Lines,
    Load,
    Page,
    at,
    fetch,
    load,
    ok,
    one,
)
from tests.browser.cases.loaders import GIF, JAVASCRIPT

POLICIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("same-origin", ("same-origin",)),
    ("same-site", ("same-site",)),
    ("cross-origin", ("cross-origin",)),
    ("upper", ("Same-Origin",)),
    ("invalid", ("none",)),
    ("empty", ("",)),
    ("two", ("same-origin", "same-origin")),
    ("list", ("same-origin, cross-origin",)),
)
REQUIRE: Lines = (("Cross-Origin-Embedder-Policy", "require-corp"),)
CREDENTIALLESS: Lines = (("Cross-Origin-Embedder-Policy", "credentialless"),)
NOSNIFF: Lines = (("X-Content-Type-Options", "nosniff"),)


def _resource_policy(*values: str) -> Lines:
    return tuple(("Cross-Origin-Resource-Policy", value) for value in values)


def _policies() -> list[Case]:
    cases = []
    for slug, values in POLICIES:
        for place, page, target in (
            ("cross", APP, OTHER),
            ("site", APP, API),
            ("https-cross", APP_S, OTHER_S),
            ("https-site", APP_S, API_S),
            ("up-site", APP, API_S),
        ):
            picture = one(ok(_resource_policy(*values), kind="image/gif", body=GIF))
            cases.append(
                Case(
                    f"corp-{place}-img-{slug}",
                    "an opaque image under a resource policy",
                    Page(page),
                    (load("img", at(target)),),
                    picture,
                )
            )
        cases.append(
            Case(
                f"corp-cross-fetch-{slug}",
                "an opaque fetch under a resource policy",
                Page(APP),
                (fetch(at(OTHER), mode="no-cors"),),
                one(ok(_resource_policy(*values))),
            )
        )
        cases.append(
            Case(
                f"corp-cors-{slug}",
                "the policy says nothing about mode cors",
                Page(APP),
                (fetch(at(OTHER)),),
                one(ok(_resource_policy(*values), ECHO)),
            )
        )
    return cases


def _embedders() -> list[Case]:
    cases = []
    for name, policy in (("require", REQUIRE), ("credentialless", CREDENTIALLESS)):
        page = Page(APP_S, policy)
        for slug, values in (("bare", ()), ("same-origin", ("same-origin",)), ("cross-origin", ("cross-origin",))):
            lines = _resource_policy(*values)
            picture = ok(lines, kind="image/gif", body=GIF)
            requests: tuple[tuple[str, Load, Lines], ...] = (
                ("img", load("img", at(OTHER_S)), ()),
                ("img-site", load("img", at(API_S)), ()),
                ("img-cors", load("img", at(OTHER_S), crossorigin="anonymous"), ANY),
                ("fetch", fetch(at(OTHER_S), mode="no-cors"), ()),
                ("fetch-include", fetch(at(OTHER_S), mode="no-cors", credentials="include"), ()),
                ("fetch-cors", fetch(at(OTHER_S)), ANY),
            )
            for kind, request, sharing in requests:
                answer = picture.with_headers(*sharing)
                why = "a page that embeds only what agrees to it"
                cases.append(Case(f"coep-{name}-{kind}-{slug}", why, page, (request,), one(answer)))
        cases.append(
            Case(
                f"coep-{name}-iframe",
                "a frame without an embedder policy of its own",
                page,
                (load("iframe", at(OTHER_S)),),
                one(ok(kind="text/html", body=b"<p>hello")),
                silent=True,  # Firefox fires neither load nor error
            )
        )
    return cases


def _types() -> list[Case]:
    cases = []
    for how, kinds in (
        ("script", (JAVASCRIPT, "text/plain", "text/html", "application/json", "image/gif", "text/csv")),
        ("style", ("text/css", "text/plain", "text/html", "application/json")),
        ("img", ("image/gif", "text/plain", "text/html", "application/json", "text/csv", "application/pdf")),
    ):
        for kind in kinds:
            body = {
                "text/html": b"<!doctype html><p>hello",
                "application/json": b'{"a": 1}',
                "image/gif": GIF,
            }.get(kind, b"/* */")
            for slug, lines in (("sniffed", ()), ("nosniff", NOSNIFF)):
                for scheme, page, target in (("http", APP, OTHER), ("https", APP_S, OTHER_S)):
                    name = f"type-{scheme}-{how}-{kind.replace('/', '-')}-{slug}"
                    why = "a type that does not fit the load"
                    answer = ok(lines, kind=kind, body=body)
                    cases.append(Case(name, why, Page(page), (load(how, at(target)),), one(answer)))
    for slug, lines in (("bare", NOSNIFF), ("shared", NOSNIFF + ANY)):
        answer = ok(lines, kind="text/html", body=b"<p>hello")
        cases.append(
            Case(
                f"type-cors-script-nosniff-{slug}",
                "nosniff under crossorigin",
                Page(APP),
                (load("script", at(OTHER), crossorigin="anonymous"),),
                one(answer),
            )
        )
        cases.append(
            Case(
                f"type-fetch-nosniff-{slug}",
                "fetch() does not care about types",
                Page(APP),
                (fetch(at(OTHER)),),
                one(answer),
            )
        )
    cases.append(
        Case(
            "type-own-script-nosniff",
            "nosniff on the page's own server",
            Page(APP),
            (load("script", at(APP)),),
            one(ok(NOSNIFF, kind="text/plain", body=b"1")),
        )
    )
    cases.append(
        Case(
            "type-no-cors-fetch-json",
            "an opaque JSON response that fetch() gets emptied",
            Page(APP),
            (fetch(at(OTHER), mode="no-cors"),),
            one(ok(kind="application/json", body=b'{"a": 1}')),
        )
    )
    return cases


CASES: tuple[Case, ...] = (*_policies(), *_embedders(), *_types())
