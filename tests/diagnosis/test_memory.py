"""Memory stays flat however much traffic passes: everything remembered has a cap and an age.

The tests count what every container holds, which is exact on any machine. With CORS_ADDON_FULL_MEMORY set,
half a million exchanges go through a session of the real size, and its bytes are counted too.
"""

import os
import random
import tracemalloc
from collections import OrderedDict, deque
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest

from cors_addon.diagnosis.session import Session
from cors_addon.diagnosis.stepwise import emptied, result_of
from cors_addon.fetch.headers import HeaderList
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.record import Record
from tests.traffic.exchanges import APP, allow, cors, exchange, metadata, preflight

pytestmark = pytest.mark.once

PAGES = [APP, "https://www.app.test", "https://else.test", "null"]
HTTP = "http://app.test"


def held(thing: Any, seen: set[int] | None = None) -> int:
    """Count the elements of every container that is reachable, contents of messages aside."""
    seen = set() if seen is None else seen
    if (
        id(thing) in seen
        or isinstance(thing, (str, bytes, int, float, Exchange, HeaderList, Enum, type))
        or thing is None
    ):
        return 0
    seen.add(id(thing))
    if isinstance(thing, (dict, OrderedDict)):
        return len(thing) + sum(held(each, seen) for pair in [*thing.items()] for each in pair) + own(thing, seen)
    if isinstance(thing, (list, tuple, set, frozenset, deque)):
        return len(thing) + sum(held(each, seen) for each in [*thing])
    if type(thing).__module__.startswith("cors_addon"):
        return own(thing, seen)
    return 0


def own(thing: Any, seen: set[int]) -> int:
    names = {*getattr(thing, "__dict__", ()), *getattr(type(thing), "__slots__", ())}
    return sum(held(getattr(thing, name, None), seen) for name in names)


def traffic(count: int, seed: int = 1) -> Iterator[Exchange]:
    """Yield exchanges of every kind, some 10 a second, one after the other: no seconds are waited for."""
    chance = random.Random(seed)
    at, number = 0.0, 0

    def next_id() -> str:
        nonlocal number
        number += 1
        return f"{seed}-{number:012}"

    while number < count:
        at += chance.expovariate(10)
        # Page loads are kept by client, a fixed number of each: five clients reach it soon.
        client = f"192.0.2.{chance.randrange(5)}"
        page = chance.choice(PAGES)
        connection = f"{client}/{chance.randrange(10_000_000) if chance.random() < 0.3 else chance.randrange(50)}"
        host = f"https://api{chance.randrange(300)}.test"
        url = f"{host}/{chance.randrange(10_000_000) if chance.random() < 0.5 else chance.randrange(3)}"
        more: dict[str, Any] = {
            "client": client,
            "connection": connection,
            "http": chance.choice(["HTTP/1.1", "HTTP/2.0"]),
        }
        more["browser"] = chance.choice(["chromium", "firefox", "webkit"])
        credentials = chance.random() < 0.3
        cookie = ["Cookie: a=b"] if credentials and chance.random() < 0.5 else []
        storage = ["Sec-Fetch-Storage-Access: active"] if credentials and chance.random() < 0.2 else []
        answer = allow(
            page if credentials else chance.choice([page, "*"]), credentials=credentials, methods="PUT", names="x-a"
        )
        if chance.random() < 0.3:
            answer.append(f"Access-Control-Max-Age: {chance.choice(['600', '-1', 'x'])}")
        match chance.randrange(12):
            case 0:
                yield preflight(f"PUT {url}", "x-a", id=next_id(), at=at, origin=page, answer=answer, **more)
            case 1 | 2:
                yield preflight(f"PUT {url}", "x-a", id=next_id(), at=at, origin=page, answer=answer, **more)
                for _ in range(chance.randrange(4)):
                    at += 0.15
                    yield cors(
                        f"PUT {url}",
                        "X-A: 1",
                        *cookie,
                        *storage,
                        id=next_id(),
                        at=at,
                        origin=page,
                        answer=answer,
                        **more,
                    )
            case 3:
                for hop in range(chance.randrange(5)):
                    to = f"{host}/{number}-{hop}" if chance.random() < 0.7 else f"https://other{hop}.test/{number}"
                    yield cors(
                        f"GET {url}",
                        id=next_id(),
                        at=at,
                        origin=page,
                        status=302,
                        answer=[f"Location: {to}", *answer],
                        **more,
                    )
                    at, url = at + 0.15, to
                yield cors(f"GET {url}", id=next_id(), at=at, origin=page, answer=answer, **more)
            case 4:
                yield exchange(f"GET {page}/", *metadata("navigate", "none", "document"), id=next_id(), at=at, **more)
            case 5:
                yield exchange(
                    f"GET {url}",
                    *metadata("no-cors", "cross-site", "image"),
                    f"Referer: {page}/",
                    id=next_id(),
                    at=at,
                    **more,
                )
            case 6:
                lines = ['If-None-Match: "1"'] if chance.random() < 0.6 else []
                yield cors(
                    f"GET {url}",
                    *lines,
                    id=next_id(),
                    at=at,
                    origin=page,
                    status=304 if lines else 200,
                    answer=answer,
                    **more,
                )
            case 7:
                yield cors(f"POST http://{client}/{number}", id=next_id(), at=at, origin=HTTP, answer=answer, **more)
            case 8:
                found = cors(f"GET {url}", id=next_id(), at=at, origin=page, status=None, **more)
                yield found
                if chance.random() < 0.5:
                    yield cors(f"GET {url}", id=found.id, at=at, origin=page, answer=answer, **more)
            case _:
                yield cors(f"GET {url}", *cookie, *storage, id=next_id(), at=at, origin=page, answer=answer, **more)


def run(session: Session, exchanges: Iterator[Exchange], every: int) -> list[int]:
    """Observe and revise as the addon does; return what was held after each so many exchanges."""
    counts = []
    for number, each in enumerate(exchanges, 1):
        _, changed = session.observe(each)
        for id in changed:
            session.judge(id)
        if number % every == 0:
            counts.append(held(session))
    return counts


def test_what_is_counted() -> None:
    """The counter itself sees every container, or the rest of this file would prove nothing."""
    session = Session()
    empty = held(session)
    session.observe(preflight("PUT https://api.test/", id="p", answer=allow(methods="PUT")))
    session.observe(cors("PUT https://api.test/", id="r", at=0.2, connection="c"))
    assert held(session) > empty + 10
    before = session.hand_over()
    assert held(session) == empty
    result_of(emptied(before))
    assert held(before) == 0


def test_memory_stays_flat_behind_the_cap() -> None:
    session = Session(capacity=100)
    counts = run(session, traffic(5_000), 1_000)
    assert len(session.correlator.records) <= 100
    assert max(counts) <= counts[0] * 1.35


def test_memory_stays_flat_behind_the_age() -> None:
    """Ten exchanges a second and a cap far away: after the age as many are forgotten as come."""
    session = Session(capacity=1_000_000)
    session.correlator._age = session.credentials._connections._age = session.hosts._age = 30.0
    counts = run(session, traffic(6_000), 1_000)
    assert len(session.correlator.records) < 800
    assert max(counts) <= counts[0] * 1.35


@pytest.mark.parametrize(
    "more",
    [{"connection": ""}, {"connection": "one"}, {}],
    ids=["no connection", "one connection", "a connection each"],
)
def test_one_url_polled_for_ever(more: dict[str, Any]) -> None:
    session = Session(capacity=100)
    answer = [*allow("*", methods="PUT"), "Access-Control-Max-Age: 86400"]
    session.observe(preflight("PUT https://api.test/", id="p", answer=answer))
    polls = (cors("PUT https://api.test/", id=f"r{number:05}", at=1 + number * 0.1, **more) for number in range(1_600))
    counts = run(session, polls, 400)
    assert max(counts) <= counts[0] * 1.1
    assert len(session.correlator.records) <= 100


def test_preflights_that_nothing_follows() -> None:
    session = Session(capacity=100)
    asked = (preflight(f"PUT https://api.test/{number}", id=f"p{number}", at=number * 0.001) for number in range(1_600))
    counts = run(session, asked, 400)
    assert max(counts) <= counts[0] * 1.1
    assert len(session.correlator._waiting) <= 100


def test_a_clock_that_stands_still_or_jumps_keeps_the_caps() -> None:
    for times in ([0.0], [0.0, 1e12], [float("inf")], [float("nan")]):
        session = Session(capacity=100)
        for number in range(1_000):
            at = times[number % len(times)]
            session.observe(cors(f"GET https://api.test/{number}", id=str(number), at=at, connection="one"))
        assert len(session.correlator.records) <= 100
        assert held(session) < 6_000


def test_every_record_is_forgotten_everywhere() -> None:
    session = Session(capacity=300)
    ids = set()
    for each in traffic(2_000):
        session.observe(each)
        ids.add(each.id)
    gone = ids - {*session.correlator.records}
    assert len(gone) > 1_000
    assert not [record for record in reachable(session, Record) if record.id in gone]
    credentials = session.credentials
    calls = [ids for hosts in credentials._calls.values() for ids in hosts.values()]
    for members in (*calls, *credentials._explicable.values(), *credentials._untold.values()):
        assert not gone & {*members}
    for id in [*session.correlator.records]:
        session.correlator.forget(id)
    assert session.correlator._places == {}
    assert (session.credentials._calls, session.credentials._explicable) == ({}, {})
    assert session.credentials._untold == {}
    for said in (session.echoes._said, session.trust._pages, session.trust._headers, session.trust._methods):
        assert said._places == {}
        assert said._told == {}
    assert session.repeats._asked == {}
    assert session.neighbours._loads == {}
    assert session.hosts._counted == {}
    assert session.hosts._places == {}
    assert session.cookies._set == {}
    assert session.cookies._missed == {}


def reachable(thing: Any, kind: type, seen: set[int] | None = None) -> list[Any]:
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, (str, bytes, int, float, Exchange, Enum, type)) or thing is None:
        return []
    seen.add(id(thing))
    found = [thing] if isinstance(thing, kind) else []
    parts: list[Any] = []
    if isinstance(thing, dict):
        parts += [*thing.keys(), *thing.values()]
    elif isinstance(thing, (list, tuple, set, frozenset)):
        parts += [*thing]
    if type(thing).__module__.startswith("cors_addon"):
        names = {*getattr(thing, "__dict__", ()), *getattr(type(thing), "__slots__", ())}
        parts += [getattr(thing, name, None) for name in names]
    return found + [each for part in parts for each in reachable(part, kind, seen)]


@pytest.mark.skipif(not os.environ.get("CORS_ADDON_FULL_MEMORY"), reason="takes minutes: set CORS_ADDON_FULL_MEMORY")
@pytest.mark.timeout(3600)
def test_half_a_million_exchanges() -> None:
    session = Session()
    tracemalloc.start()
    figures = []
    for number, each in enumerate(traffic(500_000), 1):
        _, changed = session.observe(each)
        for id in changed:
            session.judge(id)
        if number % 50_000 == 0:
            figures.append((number, held(session), tracemalloc.get_traced_memory()[0] >> 20))
            print(*figures[-1])
    tracemalloc.stop()
    after_caps = [mebibytes for number, _, mebibytes in figures if number >= 100_000]
    assert max(after_caps) <= min(after_caps) * 1.15
    assert len(session.correlator.records) <= session.correlator.records.capacity
