"""Failures below CORS, which browsers nevertheless report as CORS errors, and responses that are hardly HTTP."""

from __future__ import annotations

from tests.browser.cases.case import (
    ANY,
    APP,
    APP_S,
    BAD_TLS,
    DEAD,
    DEAD_S,
    ECHO,
    OTHER,
    PREFLIGHT_OK,
    Case,
    Endpoint,
    Page,
    at,
    fetch,
    load,
    ok,
    one,
    redirect,
)
from tests.browser.server import Answer, Fault

RESET = Answer(fault=Fault.RESET)
TRUNCATED = Answer(200, ECHO, b"cut", Fault.TRUNCATE)


def _cases() -> list[Case]:
    cases = []
    for slug, page, target in (
        ("dead", APP, DEAD),
        ("dead-https", APP_S, DEAD_S),
        ("dead-mixed", APP, DEAD_S),
        ("tls", APP_S, BAD_TLS),
    ):
        cases += [
            Case(f"{slug}-get", "the proxy's own error page", Page(page), (fetch(at(target)),), {}),
            Case(
                f"{slug}-put", "the proxy's own error page, on a preflight", Page(page), (fetch(at(target), "PUT"),), {}
            ),
            Case(f"{slug}-no-cors", "nobody checks it", Page(page), (fetch(at(target), mode="no-cors"),), {}),
            Case(f"{slug}-img", "an image that is none", Page(page), (load("img", at(target)),), {}),
            Case(f"{slug}-include", "with credentials", Page(page), (fetch(at(target), credentials="include"),), {}),
        ]
    for scheme, page in (("http", APP), ("https", APP_S)):
        # each has a host of its own: mitmproxy may miss a reset while it writes for the same client to another server
        hosts = (f"{scheme}://{name}.test" for name in ("first", "second", "third", "fourth", "fifth"))
        get, preflight, after, cut, hop = hosts
        two_hops = {"a": Endpoint((redirect(302, at(hop, "b"), ECHO),)), "b": Endpoint((RESET,))}
        cases += [
            Case(f"reset-{scheme}-get", "reset instead of an answer", Page(page), (fetch(at(get)),), one(RESET)),
            Case(
                f"reset-{scheme}-preflight",
                "reset instead of a preflight's answer",
                Page(page),
                (fetch(at(preflight), "PUT"),),
                one(ok(ECHO), RESET),
            ),
            Case(
                f"reset-{scheme}-after-preflight",
                "the preflight passes, then a reset",
                Page(page),
                (fetch(at(after), "PUT"),),
                one(RESET, PREFLIGHT_OK),
            ),
            Case(f"truncated-{scheme}", "a body cut short", Page(page), (fetch(at(cut)),), one(TRUNCATED)),
            Case(f"reset-{scheme}-second-hop", "a redirect, then a reset", Page(page), (fetch(at(hop)),), two_hops),
        ]
    odd: tuple[tuple[str, str, Answer], ...] = (
        (
            "204-chunked",
            "a preflight's 204 with a body announced",
            Answer(204, (*ECHO, ("Transfer-Encoding", "chunked"))),
        ),
        ("length-twice", "two lengths", Answer(200, (*ECHO, ("Content-Length", "2"), ("Content-Length", "3")), b"hi")),
        ("name-with-space", "a space after a header's name", Answer(200, (*ECHO, ("X-Odd ", "1")), b"hi")),
        ("status-600", "no status anybody knows", Answer(600, ECHO)),
        ("status-299", "an unusual success", Answer(299, ECHO)),
        ("name-case", "a header's name in capitals", Answer(200, (("ACCESS-CONTROL-ALLOW-ORIGIN", "<origin>"),))),
        ("binary", "bytes in a value", Answer(200, (("Access-Control-Allow-Origin", "http://\xe9\xff.test"),))),
        ("underscore", "an underscore for a dash", Answer(200, (("Access_Control_Allow_Origin", "*"),))),
        ("trailing-comma", "a comma at the end", Answer(200, (("Access-Control-Allow-Origin", "<origin>,"),))),
        ("many-headers", "a thousand headers beside it", Answer(200, (*[("X-N", "1")] * 200, *ANY))),
    )
    for slug, why, answer in odd:
        cases.append(Case(f"odd-{slug}", why, Page(APP), (fetch(at(OTHER)),), one(answer)))
        cases.append(Case(f"odd-preflight-{slug}", why, Page(APP), (fetch(at(OTHER), "PUT"),), one(ok(ECHO), answer)))
    return cases


CASES: tuple[Case, ...] = tuple(_cases())
