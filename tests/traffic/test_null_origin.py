"""Where an ``Origin: null`` comes from."""

from cors_addon.traffic.correlate import Correlator
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.null_origin import null_origin_source
from cors_addon.traffic.page_loads import PageLoads
from tests.fetch.table import table
from tests.traffic.exchanges import API, APP, allow, cors, exchange, metadata


def source(*exchanges: Exchange, loaded: float | None = None) -> str | None:
    correlator, pages = Correlator(), PageLoads()
    if loaded is not None:
        pages.note("192.0.2.1", APP, loaded, "page")
    for each in exchanges:
        correlator.observe(each)
    return null_origin_source(correlator.records[exchanges[-1].id], correlator, pages)


def null(request: str, *lines: str, mode: str = "cors", **more: object) -> Exchange:
    return exchange(request, "Origin: null", *metadata(mode, "cross-site"), *lines, **more)  # type: ignore[arg-type]


HOP = cors(f"GET {API}/a", id="a", at=0, status=302, answer=["Location: https://other.test/b", *allow()])


@table(
    "words, exchanges, loaded",
    (
        "a redirect taints",
        "a redirect from https://api.test to https://other.test",
        (HOP, null("GET https://other.test/b", id="b", at=0.2)),
        None,
    ),
    (
        "a redirect of what was null already",
        "made it null already",
        (
            null(f"GET {API}/a", id="a", status=302, answer=["Location: /b", *allow("*")]),
            null(f"GET {API}/b", id="b", at=0.2),
        ),
        None,
    ),
    ("a form whose page hides its referrer", "referrer policy", (null(f"POST {API}/", mode="navigate"),), None),
    (
        "a beacon out of a sandbox",
        "a sandboxed frame",
        (null(f"POST {API}/", "Referer: https://app.test/", mode="no-cors"),),
        None,
    ),
    (
        "a frame that tells its referrer",
        "a sandboxed frame: the document https://app.test",
        (null(f"GET {API}/", "Referer: https://app.test/x"),),
        None,
    ),
    ("a page was loaded just before", "a sandboxed frame or a data: URL", (null(f"GET {API}/", at=100),), 50.0),
    (
        "what need not cross origins",
        "referrer policy hides its origin outside CORS, a sandboxed frame",
        (exchange("PUT http://api.test/", "Origin: null", at=100, browser="firefox"),),
        50.0,
    ),
    ("no page was loaded lately", "opened from disk", (null(f"GET {API}/", at=2000),), 50.0),
    ("another origin", None, (cors(f"GET {API}/"),), None),
)
def test_where_a_null_origin_comes_from(
    words: str | None, exchanges: tuple[Exchange, ...], loaded: float | None
) -> None:
    found = source(*exchanges, loaded=loaded)
    assert found is None if words is None else words in (found or "")
