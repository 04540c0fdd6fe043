"""What blocks beside CORS, told so that nobody blames CORS, and told only where it is certain."""

import pytest

from cors_addon.catalogue.violation import Severity
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.traffic.exchange import Exchange
from tests.fetch.table import table
from tests.traffic.exchanges import API, APP, ITEMS, allow, cors, exchange, metadata, preflight
from tests.verdict.judging import ALLOWED, NOT_CORS, ids, outcomes, verdict_of

CORP = "Cross-Origin-Resource-Policy"
NOSNIFF = "X-Content-Type-Options: nosniff"
REFERRER = f"Referer: {APP}/"


def load(
    url: str,
    *answer: str,
    destination: str = "image",
    site: str = "cross-site",
    referrer: str = REFERRER,
    **more: object,
) -> Exchange:
    """A load in no-cors mode."""
    lines = (*metadata("no-cors", site, destination), *([referrer] if referrer else ()))
    more = {"id": "load", "at": 1.0, **more}
    return exchange(f"GET {url}", *lines, answer=answer, **more)  # type: ignore[arg-type]


def document(*answer: str, url: str = f"{APP}/", id: str = "page", at: float = 0, **more: object) -> Exchange:
    return exchange(f"GET {url}", *metadata("navigate", "none", "document"), id=id, at=at, answer=answer, **more)  # type: ignore[arg-type]


def found(*exchanges: Exchange) -> list[str]:
    """What is found about the load; CORS has no part in it."""
    verdict = judge_all(exchanges)["load"]
    assert {*outcomes(verdict).values()} == {NOT_CORS}
    return ids(verdict)


# --- Cross-Origin-Resource-Policy ----------------------------------------------------------------------------------


@table(
    "blocked, policy, url, site",
    ("another origin", "corp-not-same-origin", "same-origin", ITEMS, "cross-site"),
    ("a sibling is another origin", "corp-not-same-origin", "same-origin", "https://api.app.test/", "same-site"),
    ("another port too", "corp-not-same-origin", "same-origin", "https://app.test:8443/", "same-site"),
    ("another site", "corp-not-same-site", "same-site", ITEMS, "cross-site"),
    ("the same site", None, "same-site", "https://api.app.test/", "same-site"),
    ("anybody", None, "cross-origin", ITEMS, "cross-site"),
    ("an unknown value is none", None, "same-origin, same-site", ITEMS, "cross-site"),
    ("letter case counts", None, "Same-Origin", ITEMS, "cross-site"),
    ("at home", None, "same-origin", f"{APP}/x", "same-origin"),
)
def test_resource_policy(blocked: str | None, policy: str, url: str, site: str) -> None:
    assert found(load(url, f"{CORP}: {policy}", site=site)) == ([blocked] if blocked else [])


@table(
    "change",
    ("a request that CORS judges", {"kind": "cors"}),
    ("a page", {"kind": "navigate"}),
    ("no referrer: nobody knows the page", {"referrer": ""}),
    ("the referrer is a style sheet's, and the page another", {"referrer": "Referer: https://cdn.test/x.css?v=1"}),
    (
        "the browser says that the chain never left home",
        {"referrer": "Referer: https://cdn.test/x", "site": "same-origin"},
    ),
    ("a failure of the proxy", {"error": "refused"}),
)
def test_where_no_resource_policy_is_read(change: dict[str, object]) -> None:
    kind = change.pop("kind", "no-cors")
    answer = [f"{CORP}: same-origin", *allow()]
    if kind == "cors":
        verdict = verdict_of(cors(f"GET {ITEMS}", REFERRER, answer=answer))
        assert (verdict.outcome, ids(verdict)) == (ALLOWED, [])
    elif kind == "navigate":
        page = exchange(
            f"GET {ITEMS}", REFERRER, *metadata("navigate", "cross-site", "document"), id="load", answer=answer
        )
        assert found(page) == []
    else:
        assert found(load(ITEMS, *answer, **change)) == []  # type: ignore[arg-type]


def test_over_plain_http_the_referrer_tells_the_page() -> None:
    image = exchange(
        "GET http://api.test/a.png",
        "Referer: http://app.test/",
        "Accept: image/png",
        id="load",
        answer=[f"{CORP}: same-origin"],
    )
    assert found(image) == ["corp-not-same-origin"]
    page = exchange(
        "GET http://api.test/",
        "Referer: http://app.test/",
        "Accept: text/html",
        id="load",
        answer=[f"{CORP}: same-origin"],
    )
    assert found(page) == []


def test_what_would_be_needed() -> None:
    verdict = verdict_of(load(ITEMS, f"{CORP}: same-origin"))
    assert verdict.findings[0].needed == f"{CORP}: cross-origin"
    assert verdict.findings[0].severity is Severity.BLOCKED
    sibling = verdict_of(load("https://api.app.test/", f"{CORP}: same-origin", site="same-site"))
    assert sibling.findings[0].needed == f"{CORP}: same-site"


# --- the page's Cross-Origin-Embedder-Policy ------------------------------------------------------------------------

COEP = "Cross-Origin-Embedder-Policy"


@table(
    "blocked, page_lines, lines",
    ("asked for, and none", True, (f"{COEP}: require-corp",), ()),
    ("with parameters", True, (f'{COEP}: require-corp; report-to="x"',), ()),
    ("asked for, and given", False, (f"{COEP}: require-corp",), (f"{CORP}: cross-origin",)),
    ("only reported", False, (f"{COEP}-Report-Only: require-corp",), ()),
    ("nothing asked for", False, (f"{COEP}: unsafe-none",), ()),
    ("two lines ask for nothing", False, (f"{COEP}: require-corp", f"{COEP}: require-corp"), ()),
    ("credentialless, and none were sent", False, (f"{COEP}: credentialless",), ()),
)
@pytest.mark.parametrize("late", [False, True], ids=["page first", "page last"])
def test_embedder_policy(blocked: bool, page_lines: tuple[str, ...], lines: tuple[str, ...], late: bool) -> None:
    exchanges = [document(*page_lines), load(ITEMS, *lines)]
    assert found(*(exchanges[::-1] if late else exchanges)) == (["corp-coep"] if blocked else [])


def test_webkit_does_not_know_credentialless() -> None:
    for browser, blocked in (("chromium", ["corp-coep"]), ("webkit", [])):
        page = document(f"{COEP}: credentialless", browser=browser)
        lines = (*metadata("no-cors", "cross-site", "image"), REFERRER, "Cookie: a=b")
        assert found(page, exchange(f"GET {ITEMS}", *lines, id="load", at=1, browser=browser)) == blocked


def test_pages_that_differ_prove_nothing() -> None:
    strict, lax = document(f"{COEP}: require-corp"), document(id="other", url=f"{APP}/other", at=0.5)
    assert found(strict, load(ITEMS)) == ["corp-coep"]
    assert found(strict, lax, load(ITEMS)) == []
    assert found(strict, document(f"{COEP}: require-corp", id="same", at=0.5), load(ITEMS)) == ["corp-coep"]


@table(
    "page",
    ("another origin's", document(f"{COEP}: require-corp", url="https://else.test/")),
    ("another client's", document(f"{COEP}: require-corp", client="192.0.2.9")),
    ("a redirect on the way to it", document(f"{COEP}: require-corp", "Location: /b", status=302)),
    ("an image's header", load(f"{APP}/x", f"{COEP}: require-corp", site="same-origin", id="x")),
)
def test_whose_embedder_policy_does_not_count(page: Exchange) -> None:
    assert found(page, load(ITEMS)) == []


# --- 304 and redirects ---------------------------------------------------------------------------------------------


def test_a_304_need_not_repeat_what_is_stored() -> None:
    assert found(document(f"{COEP}: require-corp"), load(ITEMS, NOSNIFF, status=304)) == []
    assert found(load(ITEMS, NOSNIFF, status=304, destination="script")) == []
    assert found(load(ITEMS, f"{CORP}: same-origin", status=304)) == ["corp-not-same-origin"]


def test_a_redirects_own_content_is_not_used() -> None:
    answer = (NOSNIFF, "Content-Type: text/html", "Location: /b")
    assert found(load(ITEMS, *answer, status=302, destination="script")) == []
    assert found(load(ITEMS, f"{CORP}: same-origin", "Location: /b", status=302)) == ["corp-not-same-origin"]


# --- nosniff -------------------------------------------------------------------------------------------------------


@table(
    "blocked, destination, content_type",
    ("a script that says it is HTML", True, "script", "text/html"),
    ("a script that says nothing", True, "script", None),
    ("a script that is one", False, "script", "text/javascript; charset=utf-8"),
    ("JSON is no script", True, "script", "application/json"),
    ("a worker", True, "worker", "text/plain"),
    ("a style sheet that is none", True, "style", "text/plain"),
    ("a style sheet", False, "style", "text/css"),
    ("a font is not asked", False, "font", "text/plain"),
)
def test_nosniff(blocked: bool, destination: str, content_type: str | None) -> None:
    lines = () if content_type is None else (f"Content-Type: {content_type}",)
    at_home = load(f"{APP}/x", NOSNIFF, *lines, destination=destination, site="same-origin")
    assert found(at_home) == (["nosniff-mime"] if blocked else [])
    assert found(load(f"{APP}/x", *lines, destination=destination, site="same-origin")) == []


def test_a_module_that_cors_allows_may_fail_for_its_type() -> None:
    lines = f"Origin: {APP}", *metadata("cors", "cross-site", "script")
    verdict = verdict_of(exchange(f"GET {ITEMS}", *lines, answer=[NOSNIFF, "Content-Type: text/plain", *allow()]))
    assert (verdict.outcome, ids(verdict)) == (ALLOWED, ["nosniff-mime"])


# --- opaque responses blocked --------------------------------------------------------------------------------------


@table(
    "blocked, destination, lines",
    ("a type that is never sniffed", True, "image", ("Content-Type: application/pdf",)),
    ("office documents", True, "image", ("Content-Type: application/vnd.openxmlformats-officedocument.x",)),
    ("HTML, not to be sniffed", True, "image", ("Content-Type: text/html", NOSNIFF)),
    ("JSON, not to be sniffed", True, "style", ("Content-Type: application/problem+json", NOSNIFF)),
    ("HTML that may be sniffed may be an image", False, "image", ("Content-Type: text/html",)),
    ("an image", False, "image", ("Content-Type: image/png", NOSNIFF)),
    ("SVG is an image", False, "image", ("Content-Type: image/svg+xml", NOSNIFF)),
    ("no type", False, "image", (NOSNIFF,)),
    ("fetch() gets an empty body, which is its own affair", False, "empty", ("Content-Type: application/pdf",)),
    ("a frame is a page", False, "iframe", ("Content-Type: application/pdf",)),
)
def test_opaque_response_blocking(blocked: bool, destination: str, lines: tuple[str, ...]) -> None:
    assert ("orb-blocked" in found(load(ITEMS, *lines, destination=destination))) is blocked


@table(
    "more",
    ("Firefox does not", {"browser": "firefox"}),
    ("nor does Safari", {"browser": "webkit"}),
    ("an error is none", {"status": 404}),
    ("at home nothing is opaque", {"url": f"{APP}/x", "site": "same-origin"}),
)
def test_where_opaque_responses_are_not_blocked(more: dict[str, object]) -> None:
    url = str(more.pop("url", ITEMS))
    assert found(load(url, "Content-Type: application/pdf", **more)) == []  # type: ignore[arg-type]


# --- the local network ---------------------------------------------------------------------------------------------

PUBLIC = document(address="203.0.113.7")


@table(
    "space, url, address",
    ("a loopback address", "loopback", "https://127.0.0.1/", "127.0.0.1"),
    ("localhost", "loopback", "https://localhost/", ""),
    ("a name that leads to this machine", "loopback", "https://dev.test/", "127.0.0.1"),
    ("a private address", "local", "https://192.168.1.1/", "192.168.1.1"),
    ("a name that leads to one", "local", "https://nas.test/", "10.0.0.3"),
    ("a name of the local network", "local", "https://printer.local/", ""),
    ("a name without dots", "local", "https://intranet/", ""),
    ("what a carrier shares", "local", "https://cgnat.test/", "100.64.0.1"),
    ("an IPv4 address in an IPv6 one", "local", "https://mapped.test/", "::ffff:10.0.0.1"),
    ("what books print is somewhere else", None, "https://book.test/", "192.0.2.7"),
    ("IPv6", "local", "https://[fd00::1]/", "fd00::1"),
    ("elsewhere", None, ITEMS, "198.51.100.1"),
)
def test_local_network(space: str | None, url: str, address: str) -> None:
    asked = cors(f"GET {url}", id="r", at=1, answer=allow(), address=address)
    verdict = judge_all([PUBLIC, asked])["r"]
    assert verdict.outcome is ALLOWED
    told = [finding for finding in verdict.findings if finding.id == "local-network-access"]
    if space is not None:
        assert [f"({space})" in finding.message for finding in told] == [True]
        assert told[0].severity is Severity.ADVICE
    else:
        assert told == []


@table(
    "page",
    ("a page of this machine", document(address="127.0.0.1")),
    ("a page nobody saw", load(ITEMS, id="x")),
    ("a page whose server is not known", document()),
)
def test_where_the_page_is_not_known_to_be_elsewhere(page: Exchange) -> None:
    asked = cors("GET https://127.0.0.1/", id="r", at=1, answer=allow(), address="127.0.0.1")
    assert "local-network-access" not in ids(judge_all([page, asked])["r"])


# --- private network access, of old ---------------------------------------------------------------------------------


@table(
    "told, value",
    ("granted", False, "true"),
    ("refused", True, "false"),
    ("in capitals", True, "True"),
    ("not answered", True, None),
)
def test_private_network_access(told: bool, value: str | None) -> None:
    answer = allow(methods="PUT") + ([] if value is None else [f"Access-Control-Allow-Private-Network: {value}"])
    asked = preflight(f"PUT {ITEMS}", lines=["Access-Control-Request-Private-Network: true"], answer=answer)
    verdict = verdict_of(asked)
    assert (verdict.outcome, ids(verdict)) == (ALLOWED, ["private-network-access"] if told else [])
    assert "private-network-access" not in ids(verdict_of(preflight(f"PUT {API}", answer=allow(methods="PUT"))))
