"""What a flow carries is worked out at the first look, whichever way that is, and is then like any dictionary."""

import copy
import io
import json
import operator
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from mitmproxy.io import tnetstring

from cors_addon.diagnosis.explanations import Explanations
from cors_addon.diagnosis.session import Session
from cors_addon.mitm.entry import Entry
from cors_addon.verdict.model import Verdict
from tests.mitm.support import cors_get, proxy
from tests.traffic.exchanges import cors

WHOLE: dict[str, Any] = {"id": "1", "outcome": "blocked", "findings": [{"id": "allow-origin-missing"}]}


def _set(entry: Entry) -> Any:
    entry["outcome"] = "allowed"
    return entry


def _delete(entry: Entry) -> Any:
    del entry["findings"]
    return entry


def _update(entry: Entry) -> Any:
    entry.update(outcome="allowed")
    return entry


def _into(entry: Entry) -> Any:
    entry |= {"outcome": "allowed"}
    return entry


LOOKS: dict[str, tuple[Callable[[Entry], Any], Any]] = {
    "by key": (lambda e: e["outcome"], "blocked"),
    "get": (lambda e: e.get("outcome"), "blocked"),
    "get, not there": (lambda e: e.get("nothing", 1), 1),
    "in": (lambda e: "findings" in e, True),
    "length": (len, 3),
    "iteration": (list, list(WHOLE)),
    "backwards": (lambda e: list(reversed(e)), list(reversed(WHOLE))),
    "keys": (lambda e: list(e.keys()), list(WHOLE)),
    "values": (lambda e: list(e.values()), list(WHOLE.values())),
    "items": (lambda e: dict(e.items()), WHOLE),
    "equality": (lambda e: e == WHOLE, True),
    "inequality": (lambda e: e != WHOLE, False),
    "on the other side": (lambda e: operator.eq(WHOLE, e), True),
    "repr": (repr, repr(WHOLE)),
    "format": (lambda e: f"{e}", str(WHOLE)),
    "dict()": (dict, WHOLE),
    "**": (lambda e: {**e}, WHOLE),
    "|": (lambda e: e | {"a": 1}, {**WHOLE, "a": 1}),
    "| from the right": (lambda e: {"a": 1} | e, {"a": 1, **WHOLE}),
    "|=": (_into, {**WHOLE, "outcome": "allowed"}),
    "copy": (lambda e: e.copy(), WHOLE),
    "copy.copy": (copy.copy, WHOLE),
    "copy.deepcopy": (copy.deepcopy, WHOLE),
    "pickle": (lambda e: pickle.loads(pickle.dumps(e)), WHOLE),
    "json": (lambda e: json.loads(json.dumps(e)), WHOLE),
    "json, sorted": (lambda e: json.loads(json.dumps({"cors": e}, sort_keys=True)), {"cors": WHOLE}),
    "json, indented": (lambda e: json.loads(json.dumps([e], indent=1)), [WHOLE]),
    "saving": (lambda e: tnetstring.load(io.BytesIO(tnetstring.dumps(e))), WHOLE),
    "assignment": (_set, {**WHOLE, "outcome": "allowed"}),
    "deletion": (_delete, {"id": "1", "outcome": "blocked"}),
    "update": (_update, {**WHOLE, "outcome": "allowed"}),
    "setdefault": (lambda e: e.setdefault("outcome", "allowed"), "blocked"),
    "pop": (lambda e: e.pop("outcome"), "blocked"),
    "pop, not there": (lambda e: e.pop("nothing", 1), 1),
    "popitem": (lambda e: e.popitem(), ("findings", WHOLE["findings"])),
}


@pytest.mark.parametrize("way", LOOKS)
def test_every_way_of_looking_finds_it_whole(way: str) -> None:
    look, expected = LOOKS[way]
    made = []
    entry = Entry("1", lambda: made.append(1) or dict(WHOLE))  # type: ignore[func-returns-value]
    assert not entry.is_made
    assert look(entry) == expected
    assert len(made) == 1
    assert isinstance(entry, dict)
    assert entry.is_made
    repr(entry)
    assert len(made) == 1, "it is worked out once"


@pytest.mark.parametrize("way", ["copy", "copy.copy", "copy.deepcopy", "pickle", "|", "| from the right"])
def test_a_copy_is_a_plain_dictionary(way: str) -> None:
    assert type(LOOKS[way][0](Entry("1", lambda: dict(WHOLE)))) is dict


def test_no_method_of_a_dictionary_goes_past_it() -> None:
    harmless = {"__init__", "__new__", "__getattribute__", "__sizeof__", "__doc__", "__class_getitem__", "fromkeys"}
    never_true = {"__lt__", "__le__", "__gt__", "__ge__"}
    assert set(vars(dict)) - set(vars(Entry)) - harmless - never_true == set()


def test_clearing_it_asks_nobody() -> None:
    entry = Entry("1", lambda: pytest.fail("nobody looked"))
    entry.clear()
    assert entry == {}


# --- in the addon -------------------------------------------------------------------------------------------------


def test_a_flow_nobody_looks_at_is_not_explained() -> None:
    with proxy() as running:
        first, second = (running.send(cors_get(url=f"http://api.test/{name}")) for name in "ab")
        for flow in (first, second):
            assert isinstance(flow.metadata["cors"], Entry)
            assert not flow.metadata["cors"].is_made
        assert first.metadata["cors"]["findings"][0]["fix"]["snippets"]
        assert not second.metadata["cors"].is_made


def test_what_was_looked_at_is_told_anew_when_more_is_known() -> None:
    allowed = (b"Access-Control-Allow-Origin", b"http://app.test")
    with proxy() as running:
        looked_at, unseen = (running.send(cors_get(url=f"http://api.test/items/{n}", at=1000.0 + n)) for n in (1, 2))
        before = looked_at.metadata["cors"]["findings"][0]["cause"]
        running.send(cors_get(allowed, url="http://api.test/others", at=1005.0))
        running.look()
        for flow in (looked_at, unseen):
            cause = flow.metadata["cors"]["findings"][0]["cause"]
            assert cause != before
            assert "GET /others allows" in cause["message"]


def test_what_the_session_forgets_is_explained_before() -> None:
    settled: list[Verdict] = []
    session = Session(capacity=2)
    explanations = Explanations(session, settled.append)
    judged = []
    for number in range(4):
        verdict, _ = session.observe(cors("GET https://api.test/", id=str(number), at=number))
        assert verdict is not None
        explanations.judged(verdict)
        judged.append(verdict)
    assert [verdict.id for verdict in settled] == ["0", "1"]
    assert all(verdict.way is not None for verdict in settled)
    assert settled[0].way is settled[1].way, "what is equal is kept once"
    assert [explanations.of(verdict).way is not None for verdict in judged] == [False, False, True, True]


def test_a_flow_that_is_held_carries_the_explanation_that_the_session_can_no_longer_give() -> None:
    with proxy() as running:
        running.addon.session.correlator.records.capacity = 2
        flows = [running.send(cors_get(url=f"http://api.test/{n}", at=1000.0 + n)) for n in range(4)]
        for flow in flows:
            assert flow.metadata["cors"]["way"]
            assert {**running.verdict(flow), "diagnoses": flow.metadata["cors"]["diagnoses"]} == flow.metadata["cors"]


def test_no_explanation_outlives_its_exchange() -> None:
    with proxy() as running:
        running.addon.session.correlator.records.capacity = 5
        for number in range(30):
            flow = running.send(cors_get(url=f"http://api.test/{number}", at=1000.0 + number))
            if number % 2:
                assert flow.metadata["cors"]["way"]
        held = running.addon.kept._explanations
        assert len(held._open) + len(held._told) == 5
        entries = running.report()["flows"]
    assert len(entries) == 30
    assert all(entry["way"] for entry in entries)
