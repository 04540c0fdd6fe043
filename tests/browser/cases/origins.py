"""Which page calls which host: ports, loopback, addresses, names beyond ASCII, referrer policies, mixed schemes."""

from __future__ import annotations

from tests.browser.cases.case import (
    ANY,
    API,
    API_S,
    APP,
    APP_S,
    ECHO,
    LOCAL,
    OTHER,
    OTHER_S,
    PREFLIGHT_OK,
    Case,
    Endpoint,
    Lines,
    Page,
    allow_origin,
    at,
    fetch,
    load,
    ok,
    one,
)
from tests.browser.cases.loaders import GIF
from tests.browser.server import Answer

PAIRS: tuple[tuple[str, str, str, str], ...] = (
    ("port", APP, "http://app.test:8080", "another port of the same host"),
    ("from-port", "http://app.test:3000", APP, "a page on a port of its own"),
    ("site", APP, API, "another host of the same site"),
    ("site-https", APP_S, API_S, "another host of the same site, over https"),
    ("up", APP, OTHER_S, "an http page calls https"),
    ("local-ports", "http://localhost:3000", "http://localhost:8000", "the development server calls the API"),
    ("local-to-address", "http://localhost:3000", "http://127.0.0.1:8000", "two names of one machine"),
    ("address-to-local", "http://127.0.0.1:3000", "http://localhost:8000", "two names of one machine"),
    ("local-v6", LOCAL, "http://[::1]:8000", "an IPv6 address"),
    ("local-sub", LOCAL, "http://api.localhost", "a name below localhost"),
    ("local-to-site", LOCAL, OTHER, "a page on this machine calls out, without TLS"),
    ("local-to-https", LOCAL, OTHER_S, "a page on this machine calls out"),
    ("https-to-local", APP_S, "http://localhost:8000", "loopback counts as secure"),
    ("names", "http://bücher.test", "http://müller.test", "names beyond ASCII"),
    ("dot", APP, "http://app.test.", "a dot at the end is another host"),
    ("upper", APP, "http://OTHER.test", "names have no case"),
)


def _pairs() -> list[Case]:
    cases = []
    for slug, page, target, why in PAIRS:
        for name, lines in (("bare", ()), ("echo", ECHO), ("any", ANY)):
            cases.append(Case(f"pair-{slug}-{name}", why, Page(page), (fetch(at(target)),), one(ok(lines))))
        cases.append(
            Case(f"pair-{slug}-put", why, Page(page), (fetch(at(target), "PUT"),), one(ok(ECHO), PREFLIGHT_OK))
        )
        cases.append(
            Case(f"pair-{slug}-put-refused", why, Page(page), (fetch(at(target), "PUT"),), one(ok(ECHO), Answer(404)))
        )
    return cases


def _policies() -> list[Case]:
    """Under a referrer policy mode cors keeps its origin, other modes may not."""
    cases = []
    json = {"Content-Type": "application/json"}
    for policy in ("no-referrer", "same-origin", "origin"):
        lines: Lines = (("Referrer-Policy", policy),)
        page = Page(APP, lines)
        requests = (
            ("fetch", fetch(at(OTHER))),
            ("post", fetch(at(OTHER), "POST", body="x")),
            ("no-cors-post", fetch(at(OTHER), "POST", mode="no-cors", body="x")),
            ("form", load("form", at(OTHER))),
            ("own-post", fetch(at(APP), "POST", body="x")),
            ("own-no-cors-post", fetch(at(APP), "POST", mode="no-cors", body="x")),
            ("own-same-origin-put", fetch(at(APP), "PUT", mode="same-origin", body="x")),
            ("own-same-origin-json", fetch(at(APP), "POST", mode="same-origin", headers=json, body="{}")),
        )
        for slug, request in requests:
            cases.append(Case(f"referrer-{policy}-{slug}", "where the origin is hidden", page, (request,), one(ok())))
    downgrade = load("form", at("http://localhost:8000"))
    cases.append(Case("referrer-downgrade-form", "from https to http", Page(APP_S), (downgrade,), one(ok())))
    return cases


def _mixed() -> list[Case]:
    return [
        Case(
            "mixed-content",
            "an https page never gets to ask an http server",
            Page(APP_S),
            (fetch(at(OTHER)),),
            one(ok(ANY)),
            silent=True,
        ),
        Case(
            "origin-of-another",
            "a fixed origin configured for another environment",
            Page(APP),
            (fetch(at(OTHER)),),
            one(ok(allow_origin("https://app.test"))),
        ),
        Case(
            "report-only",
            "a CSP report is sent without CORS",
            Page(
                APP,
                (
                    (
                        "Content-Security-Policy-Report-Only",
                        "img-src 'none'; report-uri http://other.test/c/report-only/r",
                    ),
                ),
            ),
            (load("img", at(OTHER)),),
            {"a": Endpoint((ok(kind="image/gif", body=GIF),)), "r": Endpoint((Answer(204),))},
        ),
    ]


CASES: tuple[Case, ...] = (*_pairs(), *_policies(), *_mixed())
