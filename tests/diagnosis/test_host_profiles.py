"""Host profiles: the policy as learned, what it contradicts itself in, what serving the pages takes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.diagnosis.host_profiles import profiles
from cors_addon.diagnosis.session import Session
from cors_addon.traffic.exchange import Exchange
from tests.fetch.table import table
from tests.traffic.exchanges import API, APP, ITEMS, allow, cors, exchange, preflight

ELSE = "https://else.test"


def learned(*exchanges: Exchange, most: int = 200) -> list[dict[str, Any]]:
    session = Session()
    verdicts = []
    for each in exchanges:
        session.observe(each)
    for each in exchanges:
        verdict = session.judge(each.id)
        assert verdict is not None
        verdicts.append(verdict)
    found = profiles(session.hosts, session.repeats, verdicts, most)
    json.dumps(found)
    return found


def of_one(*exchanges: Exchange) -> dict[str, Any]:
    (found,) = learned(*exchanges)
    return found


def get(id: str, *lines: str, origin: str = APP, path: str = "/items", **more: Any) -> Exchange:
    more.setdefault("answer", allow(origin))
    return cors(f"GET {API}{path}", *lines, id=id, origin=origin, **more)


# --- the policy in words ---------------------------------------------------------------------------------------------


@table(
    "policy, exchanges",
    ("everybody", "lets every page in, without credentials", [get("1", answer=allow("*"))]),
    ("one page", f"allows {APP}, without credentials", [get("1")]),
    ("with credentials", f"allows {APP}, with credentials", [get("1", answer=allow(credentials=True))]),
    (
        "pages of one owner",
        f"allows {APP}, https://www.app.test, without credentials",
        [get("1"), get("2", origin="https://www.app.test")],
    ),
    (
        "pages of two owners",
        f"allows pages of unrelated sites, each by its own name, without credentials: {APP}, {ELSE}",
        [get("1"), get("2", origin=ELSE)],
    ),
    (
        "one with, one without",
        f"allows {APP}, with credentials; allows {ELSE}, without credentials",
        [get("1", answer=allow(credentials=True)), get("2", origin=ELSE)],
    ),
    ("nobody", "lets nobody in", [get("1", answer=[])]),
    (
        "one and not always",
        f"allows {APP}, without credentials; sends some answers without CORS headers",
        [get("1"), get("2", answer=[])],
    ),
    ("always the same", f"names {ELSE} where another page asks", [get("1", answer=allow(ELSE))]),
    ("nothing but errors", "gave no answer of 200 to 299 yet, so its policy is not known", [get("1", status=500)]),
)
def test_the_policy(policy: str, exchanges: list[Exchange]) -> None:
    assert of_one(*exchanges)["policy"] == policy


def test_what_no_page_asked_has_no_profile() -> None:
    assert learned(exchange(f"GET {ITEMS}")) == []


def test_the_host_asked_last_is_first_and_there_are_not_too_many() -> None:
    hosts = [cors(f"GET https://{name}.test/", id=name, at=at, answer=allow()) for at, name in enumerate("abc")]
    assert [each["host"] for each in learned(*hosts)] == ["https://c.test", "https://b.test", "https://a.test"]
    assert [each["host"] for each in learned(*hosts, most=1)] == ["https://c.test"]


# --- tables ----------------------------------------------------------------------------------------------------------


def test_origins_statuses_methods_headers_and_paths() -> None:
    found = of_one(
        get("1", answer=[*allow(credentials=True), "Access-Control-Expose-Headers: X-Total"], path="/items/7"),
        get("2", answer=[], status=404, path="/items/8"),
        get("3", origin=ELSE, answer=allow()),
        preflight(f"PUT {ITEMS}", "x-a", id="4", at=1, answer=allow(methods="PUT, DELETE", names="X-A, X-B")),
    )
    assert found["origins"] == [
        {"origin": APP, "allowed": 2, "refused": 1, "credentials": True},
        {"origin": ELSE, "allowed": 0, "refused": 1, "credentials": False},
    ]
    assert found["statuses"] == [
        {"status": "2xx", "count": 2, "allow_origin": {"echo": 1, "other": 1}, "credentials": 1},
        {"status": "4xx", "count": 1, "allow_origin": {"none": 1}, "credentials": 0},
        {"status": "preflight 2xx", "count": 1, "allow_origin": {"echo": 1}, "credentials": 0},
    ]
    assert found["methods"] == {"asked": ["GET", "PUT"], "granted": ["PUT", "DELETE"], "unused": ["DELETE"]}
    assert found["headers"] == {"asked": ["x-a"], "granted": ["x-a", "x-b"], "exposed": ["x-total"]}
    assert found["max_age"] == ["(none)"]
    paths = {row["path"]: row for row in found["paths"]}
    assert set(paths) == {"/items/{id}", "/items"}
    assert paths["/items/{id}"]["statuses"] == [200, 404]
    assert (found["answers"], found["preflights"]) == (3, 1)


def test_what_preflights_cost_by_endpoint() -> None:
    asked = [
        preflight(f"PUT {API}/items/7", id=str(at), at=at, took=0.2, answer=allow(methods="PUT")) for at in (0, 60, 120)
    ]
    once = preflight(f"PUT {API}/else", id="once", at=5, took=0.3, answer=allow(methods="PUT"))
    found = of_one(*asked, once)
    dear, cheap = found["paths"]
    assert (dear["path"], cheap["path"]) == ("/items/{id}", "/else")
    assert dear["cost"] == {
        "preflights": 3, "milliseconds": 600, "avoidable": 2, "avoidable_milliseconds": 400, "max_age": 600,
    }  # fmt: skip
    assert found["cost"]["preflights"] == 4
    assert found["cost"]["avoidable"] == 2


# --- what it would take ----------------------------------------------------------------------------------------------


def test_what_would_serve_the_pages() -> None:
    found = of_one(
        preflight(f"PUT {ITEMS}", "authorization", "x-a", id="1", answer=allow(methods="GET")),
        get("2", "Cookie: a=b", origin=ELSE, answer=[], at=1),
        get("3", origin="null", answer=[], at=2),
    )
    needs = found["to_serve"]
    assert needs["origins"] == [APP, ELSE]
    assert needs["lines"] == [
        "Access-Control-Allow-Origin: (the page that asks, if it is listed)",
        "Vary: Origin",
        "Access-Control-Allow-Credentials: true",
        "Access-Control-Allow-Methods: PUT",
        "Access-Control-Allow-Headers: authorization, x-a",
        "Access-Control-Max-Age: 600",
    ]
    failing = {(each["id"], each["method"], each["path"]): each for each in needs["failing"]}
    assert set(failing) == {
        ("method-not-allowed", "OPTIONS", "/items"),
        ("header-not-allowed", "OPTIONS", "/items"),
        ("allow-origin-missing", "GET", "/items"),
        ("allow-credentials-not-true", "GET", "/items"),
    }
    assert failing["allow-origin-missing", "GET", "/items"]["count"] == 2


@table(
    "lines, exchanges",
    ("one page", [f"Access-Control-Allow-Origin: {APP}", "Vary: Origin"], [get("1")]),
    ("pages without an origin", ["Access-Control-Allow-Origin: *"], [get("1", origin="null")]),
    (
        "and with a cookie there is no way",
        ["Access-Control-Allow-Credentials: true"],
        [get("1", "Cookie: a=b", origin="null")],
    ),
)
def test_lines(lines: list[str], exchanges: list[Exchange]) -> None:
    assert of_one(*exchanges)["to_serve"]["lines"] == lines


# --- contradictions --------------------------------------------------------------------------------------------------

ASKED = preflight(f"PUT {ITEMS}", id="p", answer=allow(methods="PUT"))


def put(id: str = "r", **more: Any) -> Exchange:
    more.setdefault("answer", allow())
    return cors(f"PUT {ITEMS}", id=id, at=1, **more)


@table(
    "told, exchanges",
    ("the same question, two answers", ["now-and-then"], [get("1"), get("2", answer=[])]),
    ("credentials by chance", ["credentials-now-and-then"], [get("1"), get("2", answer=allow(credentials=True))]),
    ("a preflight that promises too much", ["preflight-only"], [ASKED, put(answer=[])]),
    (
        "an answer that the preflight does not let come",
        ["answer-only"],
        [preflight(f"PUT {ITEMS}", id="p", status=404, answer=[]), get("r")],
    ),
    ("credentials on one side", ["credentials-on-one-side"], [ASKED, put(answer=allow(credentials=True))]),
    ("errors without headers", ["errors-without-headers"], [get("1"), get("2", status=500, answer=[], path="/else")]),
    ("a method that is granted and not there", ["granted-and-not-there"], [ASKED, put(status=405)]),
    ("as it should be", [], [ASKED, put(), get("1"), get("2", status=500)]),
    ("two pages, two answers", [], [get("1"), get("2", origin=ELSE, answer=[])]),
    ("two paths, two answers", [], [get("1"), get("2", path="/else", answer=[])]),
)
def test_contradictions(told: list[str], exchanges: list[Exchange]) -> None:
    found = of_one(*exchanges)["contradictions"]
    assert [each["id"] for each in found] == told
    for each in found:
        assert each["message"].isprintable()
        assert len(each["flows"]) == 2


def test_two_layers_that_disagree_are_named() -> None:
    answers = ([*allow(), "Server: nginx"], ["Server: app"])
    (found,) = of_one(*(get(str(id), answer=list(answer)) for id, answer in enumerate(answers)))["contradictions"]
    assert "nginx did, app did not" in found["message"]


# --- totality --------------------------------------------------------------------------------------------------------

VALUES = st.sampled_from(["*", APP, "null", "", "a, b", "true", "GET,PUT", "(", "-1", "\x1b", "x" * 900])
LINES = st.lists(
    st.tuples(
        st.sampled_from(["Origin", "Credentials", "Methods", "Headers"]).map("Access-Control-Allow-{}".format), VALUES
    ).map(": ".join),
    max_size=5,
)


@given(st.lists(st.tuples(LINES, st.sampled_from([200, 204, 302, 404, 500]), st.booleans()), max_size=6))
def test_any_answers_make_a_profile(answers: list[tuple[list[str], int, bool]]) -> None:
    made = [
        preflight(f"PUT {ITEMS}", "x-a", id=str(id), at=id, status=status, answer=lines)
        if asked
        else get(str(id), at=id, status=status, answer=lines)
        for id, (lines, status, asked) in enumerate(answers)
    ]
    for found in learned(*made):
        assert found["policy"].isprintable()
        assert len(json.dumps(found)) < 60_000


@pytest.mark.parametrize("count", [300])
def test_a_host_that_answers_everybody_is_kept_short(count: int) -> None:
    many = [get(str(id), origin=f"https://p{id}.test", path=f"/a{id}", at=id) for id in range(count)]
    found = of_one(*many)
    assert len(found["origins"]) <= 30
    assert len(found["paths"]) <= 50
    assert len(json.dumps(found)) < 40_000
