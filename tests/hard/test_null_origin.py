"""``Origin: null`` belongs to nobody: a redirect of a listed page opens nothing to the frames of any other site."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http

from cors_addon.rules.inject import plan
from cors_addon.rules.plans import HeaderEdits, PreflightAnswer, answered, apply_edits
from tests.mitm.injecting import call, heads, injecting, passed, rule
from tests.mitm.support import APP, Proxy
from tests.rules.test_inject import PAGE, get, preflight, rules_of

TARGET = "http://cdn.test/item"
RULE = rule(hosts=["api.test", "cdn.test"], allow_credentials=True)


def redirected(running: Proxy, at: float) -> None:
    """A listed page's request is sent to another origin, which makes its own one null."""
    first = call(f"Location: {TARGET}", status=302, at=at)
    first.request.headers["Referer"] = f"{APP}/"
    passed(running, first)


def asks(running: Proxy, referer: str | None, at: float) -> bool:
    """Say whether a request in nobody's name may be read."""
    subject: http.HTTPFlow = call(origin="null", url=TARGET, at=at)
    if referer is not None:
        subject.request.headers["Referer"] = referer
    passed(running, subject)
    assert "access-control-allow-credentials" not in heads(subject)
    return "access-control-allow-origin" in heads(subject)


@pytest.mark.parametrize("referer", [None, "http://evil.test/", f"{APP}.evil.test/", "https://app.test/", "null", ""])
@pytest.mark.parametrize("later", [0.0, 0.5, 5.0])
def test_a_frame_that_asks_after_a_redirect_gets_nothing(referer: str | None, later: float) -> None:
    now = time.time()
    with injecting(RULE) as running:
        redirected(running, now)
        assert not asks(running, referer, now + later)


def test_frames_that_ask_all_the_time_take_nothing_from_the_page() -> None:
    let_in = {True: 0, False: 0}
    now = time.time()
    with injecting(RULE) as running:
        for turn in range(40):
            at = now + turn / 10
            assert not asks(running, None, at)
            redirected(running, at + 0.01)
            assert not asks(running, "http://evil.test/", at + 0.02)
            assert not asks(running, None, at + 0.03)
            let_in[asks(running, f"{APP}/", at + 0.04)] += 1
    assert let_in == {True: 40, False: 0}


@pytest.mark.parametrize(
    ("upstream", "preflighted", "server"),
    [
        *itertools.product(
            ["replace", "fill", "keep"],
            [True, False],
            ["", "\n< Access-Control-Allow-Credentials: true", "\n< Access-Control-Allow-Origin: https://x.test"],
        )
    ],
)
def test_no_rule_grants_credentials_to_null(upstream: str, preflighted: bool, server: str) -> None:
    rules = rules_of(f"allow_credentials: true, upstream_headers: {upstream}, preflight: repair")
    subject = preflight(f"< 204{server}", origin="null") if preflighted else get(f"< 200{server}", origin="null")
    made = plan(rules, subject, PAGE)
    assert subject.response is not None
    headers = subject.response.headers
    if isinstance(made, HeaderEdits):
        headers = apply_edits(subject.response, made.edits).headers
    elif isinstance(made, PreflightAnswer):
        headers = answered(made).headers
    granted = headers.get("access-control-allow-origin") == "null"
    assert not (granted and headers.get("access-control-allow-credentials") is not None)


@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=40))
def test_only_the_page_at_the_head_of_the_chain_is_the_page(referer: str) -> None:
    now = time.time()
    with injecting(RULE) as running:
        redirected(running, now)
        if asks(running, referer.encode("latin-1").decode("latin-1"), now):
            assert referer.lower().startswith(APP)
