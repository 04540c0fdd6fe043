"""Whatever is sent, causes can be looked for, said and written down; and they do not depend on the order of arrival."""

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cors_addon.diagnosis.causes import CAUSES
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.traffic.exchange import Exchange
from tests.traffic.exchanges import cors, exchange, metadata, preflight

BYTES = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30)
PAGES = ("https://app.test", "http://localhost:3000", "null", "capacitor://localhost")
URLS = ("https://api.test/items/1", "https://api.test/v1/login?next=%2F", "http://localhost:8000/x", "https://[::1]:9/")
NAMES = (
    *(
        "Server",
        "Via",
        "Age",
        "X-Cache",
        "Vary",
        "Allow",
        "Retry-After",
        "WWW-Authenticate",
        "Location",
        "Content-Type",
    ),
    *("Content-Type", "x-amzn-ErrorType", "cf-mitigated", "ngrok-error-code", "X-Vercel-Error", "Set-Cookie", "Link"),
    *("X-Total-Count",),
    *("Access-Control-Allow-Origin", "Access-Control-Allow-Origins", "Access-Control-Allow-Credentials"),
    *("Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Expose-Headers"),
    *("Access-Control-Request-Headers", "Cross-Origin-Resource-Policy", "X-Content-Type-Options"),
)
VALUES = (
    *("", "*", "null", "true", "True", "nginx/1.2", "HIT", "17", "Origin", "GET, PUT", "x-a", "X_A", "Bearer realm=x"),
    *("https://app.test", "https://app.test/", "http://app.test", "http://127.0.0.1:3000", "https://*.test", "${X}"),
    *(
        "https://[bad/",
        "/login?SAMLRequest=x",
        "http://api.test/items/1/",
        "a=1; SameSite=Lax",
        "a=1; Domain=x;;=",
        "text/html",
    ),
)
ASKED = ("x-a", "content-type", "sentry-trace", "baggage", "hx-request")
METHODS = ("GET", "PUT", "patch")
LINES = st.lists(
    st.builds("{}: {}".format, st.sampled_from(NAMES), st.sampled_from(VALUES) | BYTES.map(str.strip)), max_size=6
)
STATUSES = st.sampled_from([200, 202, 204, 301, 302, 307, 400, 401, 403, 404, 405, 413, 419, 429, 500, 502, 503, 522])


@st.composite
def sessions(draw: st.DrawFn) -> list[Exchange]:
    found = []
    for number in range(draw(st.integers(1, 5))):
        page, url = draw(st.sampled_from(PAGES)), draw(st.sampled_from(URLS))
        more: dict[str, Any] = {"id": str(number), "at": float(number), "status": draw(STATUSES), "answer": draw(LINES)}
        kind = draw(st.integers(0, 3))
        names = draw(
            st.lists(st.sampled_from(["x-a", "content-type", "sentry-trace", "baggage", "hx-request"]), max_size=3)
        )
        if kind == 0:
            method = draw(st.sampled_from(METHODS))
            found.append(preflight(f"{method} {url}", *names, origin=page, **more))
        elif kind == 1:
            lines = metadata("no-cors", "cross-site")
            found.append(exchange(f"GET {url}", *lines, f"Referer: {page}/", **more))
        else:
            cookie = draw(st.sampled_from([(), ("Cookie: a=b",)]))
            found.append(cors(f"{draw(st.sampled_from(['GET', 'POST']))} {url}", *cookie, origin=page, **more))
    return found


@given(sessions())
@settings(max_examples=80, deadline=None)
def test_causes_can_always_be_said(exchanges: list[Exchange]) -> None:
    known = {each.id for each in exchanges}
    for verdict in judge_all(exchanges).values():
        json.dumps(verdict.to_plain())
        for finding in verdict.findings:
            assert len(finding.causes) <= 4
            assert len({cause.id for cause in finding.causes}) == len(finding.causes)
            for cause in finding.causes:
                assert cause.id in CAUSES
                assert cause.message.isprintable()
                assert cause.fix.isprintable()
                assert set(cause.flows) <= known


@given(sessions(), st.randoms())
@settings(max_examples=80, deadline=None)
def test_they_do_not_depend_on_the_order_of_arrival(exchanges: list[Exchange], chance: Random) -> None:
    shuffled = [*exchanges]
    chance.shuffle(shuffled)

    def told(order: list[Exchange]) -> dict[str, list[object]]:
        return {v.id: [(f.id, f.causes) for f in v.findings] for v in judge_all(order).values()}

    assert told(exchanges) == told(shuffled)
