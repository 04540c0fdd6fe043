from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.fetch.origins import OPAQUE, serialize_origin
from cors_addon.fetch.redirects import (
    MOST_REDIRECTS,
    RedirectStep,
    Target,
    is_tainted_by,
    redirect_failure,
    redirect_target,
    redirected_method,
)

from .table import response, table

A, B, C = "https://a.test", "https://b.test", "https://c.test"


@table(
    "status, lines, target",
    ("moved", 301, ["Location: /y"], Target(f"{A}/y")),
    ("found", 302, ["Location: /y"], Target(f"{A}/y")),
    ("see other", 303, ["Location: /y"], Target(f"{A}/y")),
    ("temporary", 307, ["Location: /y"], Target(f"{A}/y")),
    ("permanent", 308, ["location: /y"], Target(f"{A}/y")),
    ("multiple choices are not followed", 300, ["Location: /y"], None),
    ("not modified is no redirect", 304, ["Location: /y"], None),
    ("use proxy neither", 305, ["Location: /y"], None),
    ("created only tells", 201, ["Location: /y"], None),
    ("without Location there is nothing to follow", 302, [], None),
    ("an empty Location leads to the same URL", 302, ["Location:"], Target(f"{A}/x?q")),
    ("to another host", 302, [f"Location: {B}/z#f"], Target(f"{B}/z")),
    ("to another scheme", 302, ["Location: http://a.test/x"], Target("http://a.test/x")),
    ("to an app", 302, ["Location: myapp://done"], Target("myapp://done", RedirectStep.SCHEME)),
    ("to data", 302, ["Location: data:,x"], Target("data:,x", RedirectStep.SCHEME)),
    ("to a WebSocket", 302, ["Location: wss://b.test/"], Target("wss://b.test/", RedirectStep.SCHEME)),
    ("to ftp", 302, ["Location: ftp://b.test/"], Target("ftp://b.test/", RedirectStep.SCHEME)),
    (
        "a scheme that only begins alike",
        302,
        ["Location: httpx://b.test/"],
        Target("httpx://b.test/", RedirectStep.SCHEME),
    ),
    ("nowhere", 302, ["Location: https://"], Target("https://", RedirectStep.LOCATION)),
    ("to a host that is none", 302, ["Location: //b test/"], Target("//b test/", RedirectStep.LOCATION)),
    ("two places", 302, ["Location: /y", "Location: /z"], Target("/y, /z", RedirectStep.LOCATION)),
    ("one place said twice", 302, ["Location: /y", "Location: /y"], Target(f"{A}/y")),
    ("one line of two places is one odd place", 302, ["Location: /y, /z"], Target(f"{A}/y,%20/z")),
)
def test_redirect_target(status: int, lines: list[str], target: Target | None) -> None:
    assert redirect_target(f"{A}/x?q", response(status, *lines)) == target


@table(
    "target, page, tainting_cors, followed, failure",
    ("an ordinary one", f"{B}/", A, True, 0, None),
    ("the twentieth", f"{B}/", A, True, MOST_REDIRECTS - 1, None),
    ("the twenty-first", f"{B}/", A, True, MOST_REDIRECTS, RedirectStep.COUNT),
    ("not http", "data:,x", A, True, 0, RedirectStep.SCHEME),
    ("the scheme comes before the count", "data:,x", A, True, MOST_REDIRECTS, RedirectStep.SCHEME),
    ("the count comes before user info", "https://u@b.test/", A, True, MOST_REDIRECTS, RedirectStep.COUNT),
    ("user info on another origin", "https://u:p@b.test/", A, False, 0, RedirectStep.USER_INFO),
    ("user info on the page's own, once CORS applies", "https://u:p@a.test/", A, True, 0, RedirectStep.USER_INFO),
    ("user info on the page's own before that", "https://u:p@a.test/", A, False, 0, None),
    ("the page's own on another port is another", "https://u:p@a.test:8443/", A, False, 0, RedirectStep.USER_INFO),
    ("an opaque page has no own", "https://u@a.test/", "null", False, 0, RedirectStep.USER_INFO),
    ("an @ without user info", "https://@b.test/", A, True, 0, None),
    ("and with a colon", "https://:@b.test/", A, True, 0, None),
    ("a password alone", "https://:p@b.test/", A, True, 0, RedirectStep.USER_INFO),
)
def test_redirect_failure(
    target: str, page: str, tainting_cors: bool, followed: int, failure: RedirectStep | None
) -> None:
    assert redirect_failure(target, page, tainting_cors, followed) is failure


def _origins_sent(page: str, *chain: str) -> list[str]:
    """The serialized request origin at each URL of a chain, as the CORS check and the Origin header take it."""
    sent, tainted = [page], page == OPAQUE
    for url, target in pairwise(chain):
        tainted = tainted or is_tainted_by(url, target, page)
        sent.append(OPAQUE if tainted else page)
    return sent


@table(
    "chain, sent",
    ("no redirect", [B], [A]),
    ("within the page's own origin", [A, A], [A, A]),
    ("out of it", [A, B], [A, A]),
    ("out of it and on within", [A, B, B], [A, A, A]),
    ("out of it and on to a third", [A, B, C], [A, A, OPAQUE]),
    ("out of it and back", [A, B, A], [A, A, OPAQUE]),
    ("tainted stays tainted at home", [A, B, A, A], [A, A, OPAQUE, OPAQUE]),
    ("within another origin", [B, B], [A, A]),
    ("from another origin home", [B, A], [A, OPAQUE]),
    ("from another origin to a third", [B, C], [A, OPAQUE]),
    ("there and back", [B, C, B], [A, OPAQUE, OPAQUE]),
    ("another scheme is another origin", [B, "http://b.test"], [A, OPAQUE]),
    ("another port too", [B, f"{B}:8443"], [A, OPAQUE]),
    ("a subdomain too", [B, "https://www.b.test"], [A, OPAQUE]),
    ("the default port is not", [B, f"{B}:443"], [A, A]),
    ("from http to https at home", ["http://a.test", A], [A, OPAQUE]),
)
def test_taint(chain: list[str], sent: list[str]) -> None:
    assert _origins_sent(A, *(f"{url}/x" for url in chain)) == sent


def test_an_opaque_page_sends_null_from_the_start() -> None:
    assert _origins_sent(OPAQUE, f"{B}/", f"{B}/") == [OPAQUE, OPAQUE]


def test_a_url_without_an_origin_taints() -> None:
    assert is_tainted_by("data:,x", f"{B}/", A)
    assert is_tainted_by(f"{B}/", "https://", A)


@given(st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=6))
def test_taint_by_the_standards_definition(chain: list[str]) -> None:
    # https://fetch.spec.whatwg.org/#concept-request-tainted-origin, read over the whole list of URLs.
    tainted = any(p != q and p != A for p, q in pairwise(chain))
    assert (_origins_sent(A, *chain)[-1] == OPAQUE) is tainted
    assert [serialize_origin(url) for url in chain] == chain


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "post"])
def test_redirected_method(method: str) -> None:
    for status in (301, 302):
        assert redirected_method(status, method) == ("GET" if method == "POST" else method)
    assert redirected_method(303, method) == ("HEAD" if method == "HEAD" else "GET")
    for status in (307, 308):
        assert redirected_method(status, method) == method
