"""What hosts were seen to answer."""

import pytest

from cors_addon.fetch.origins import Origin, origin_of
from cors_addon.traffic import host_policies
from cors_addon.traffic.correlate import Correlator
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.host_policies import HostObserver, Sighting, Way, path_of
from tests.fetch.table import table
from tests.traffic.exchanges import API, APP, ITEMS, allow, cors, exchange, preflight

ELSE = "https://else.test"


class Watched:
    def __init__(self, *exchanges: Exchange, unexplained: tuple[str, ...] = (), capacity: int = 20_000) -> None:
        self.correlator = Correlator(capacity)
        self.observer = HostObserver(self.correlator)
        self.changed = []
        for each in exchanges:
            self.changed.append(self.observe(each))
            if each.id in unexplained:
                self.observer.explain_later(self.correlator.records[each.id])

    def observe(self, exchange: Exchange) -> set[str]:
        self.correlator.observe(exchange)
        return self.observer.observe(self.correlator.records[exchange.id])

    def sightings(self, url: str = API) -> tuple[Sighting, ...]:
        host = origin_of(url)
        assert host is not None
        return self.observer.sightings(host)


@table(
    "answer, way",
    ("nothing", [], Way.NONE),
    ("the origin", allow(APP), Way.ECHO),
    ("everybody", allow("*"), Way.WILDCARD),
    ("another page", allow(ELSE), Way.OTHER),
    ("an empty value", allow(""), Way.OTHER),
    ("two lines", [*allow(APP), *allow(APP)], Way.SEVERAL),
    ("a list", allow(f"{APP}, {ELSE}"), Way.SEVERAL),
)
def test_the_ways_to_answer(answer: list[str], way: Way) -> None:
    (seen,) = Watched(cors(f"GET {ITEMS}", answer=answer)).sightings()
    assert seen.answer.way is way
    assert seen.answer.allows is (way in (Way.ECHO, Way.WILDCARD))


def test_an_answer_holds_what_cors_reads() -> None:
    lines = [*allow(APP, "Vary: Accept, origin", "Server: nginx", "Access-Control-Expose-Headers: X-A"), "X-B: 1"]
    watched = Watched(
        cors("PUT https://api.test:8443/items/17?q=1", "Cookie: a=b", status=403, answer=lines, at=5),
        preflight(
            "PUT https://api.test:8443/items/18",
            "x-a",
            id="2",
            at=4,
            answer=allow("*", "Access-Control-Max-Age: 9", methods="PUT", names="X-A", credentials=True),
        ),
    )
    assert watched.observer.hosts() == (Origin("https", "api.test", 8443),)
    asked, put = watched.sightings("https://api.test:8443/")
    assert (put.answer.path, put.answer.is_preflight, put.answer.method, put.answer.status) == (
        "/items/{id}",
        False,
        "PUT",
        403,
    )
    assert (put.answer.status_class, put.answer.origin, put.answer.varies, put.answer.server) == (4, APP, True, "nginx")
    assert (put.answer.expose_headers, put.answer.with_cookie) == ("X-A", True)
    assert (put.count, put.first, put.last, put.flow) == (1, (5, "1"), (5, "1"), "1")
    assert (asked.answer.is_preflight, asked.answer.method, asked.answer.asked_names) == (True, "PUT", ("x-a",))
    assert (asked.answer.allow_methods, asked.answer.allow_headers, asked.answer.max_age) == ("PUT", "X-A", "9")
    assert (asked.answer.allow_credentials, asked.answer.varies) == ("true", False)


def test_alike_answers_are_counted_in_any_order() -> None:
    watched = Watched(*(cors(f"GET {API}/items/{n}", id=str(n), at=n, answer=allow()) for n in (3, 1, 2)))
    (seen,) = watched.sightings()
    assert (seen.count, seen.first, seen.last) == (3, (1, "1"), (3, "3"))


@table(
    "other",
    ("no request of CORS", exchange(f"GET {ITEMS}")),
    ("no answer yet", cors(f"GET {ITEMS}", status=None)),
    ("a failure", cors(f"GET {ITEMS}", error="connection refused")),
    ("no host", cors("GET data:text/plain,a", answer=allow())),
)
def test_what_shows_nothing(other: Exchange) -> None:
    assert Watched(other).observer.hosts() == ()


def test_the_same_exchange_is_counted_once_and_replaced_by_what_it_shows_later() -> None:
    get = cors(f"GET {ITEMS}", answer=allow())
    watched = Watched(get, get)
    (seen,) = watched.sightings()
    assert seen.count == 1
    watched.observe(cors(f"GET {ITEMS}", answer=allow("*")))
    (seen,) = watched.sightings()
    assert (seen.count, seen.answer.way) == (1, Way.WILDCARD)
    watched.observe(cors(f"GET {ITEMS}", error="reset"))
    assert watched.sightings() == ()


def test_an_answer_outlives_its_exchange() -> None:
    watched = Watched(cors(f"GET {ITEMS}", answer=allow()))
    watched.correlator.forget("1")
    assert len(watched.sightings()) == 1


def test_hosts_and_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_policies, "_ANSWERS", 3)
    watched = Watched(*(cors(f"GET {API}/a{n}x", id=str(n), at=n, answer=allow()) for n in range(9)))
    assert [each.answer.path for each in watched.sightings()] == ["/a6x", "/a7x", "/a8x"]
    many = Watched(*(cors(f"GET https://h{n}.test/", id=str(n), at=n) for n in range(20)), capacity=8)
    assert [host.host for host in many.observer.hosts()] == ["h16.test", "h17.test", "h18.test", "h19.test"]


def test_a_host_is_forgotten_after_hours() -> None:
    watched = Watched(cors(f"GET {ITEMS}"), cors("GET https://b.test/", id="2", at=7 * 3600))
    assert watched.observer.hosts() == (Origin("https", "b.test", 443),)


def test_who_is_judged_again() -> None:
    watched = Watched(
        cors(f"GET {API}/a", id="a", status=500),
        cors(f"GET {API}/b", id="b", at=1, status=500),
        cors("GET https://b.test/a", id="c", at=2, status=500),
        unexplained=("a", "b", "c"),
    )
    assert watched.changed == [set(), set(), set()]
    # The first that allows this page speaks for the whole host.
    assert watched.observe(cors(f"GET {API}/c", id="d", at=3, answer=allow())) == {"a", "b"}
    # The next ones only for their own path.
    assert watched.observe(cors(f"GET {API}/a", id="e", at=4, answer=allow())) == {"a"}
    assert watched.observe(cors(f"GET {API}/a", id="f", at=5, answer=allow())) == set()
    # One that was first after all.
    assert watched.observe(cors(f"GET {API}/d", id="g", at=-1, answer=allow())) == {"a", "b"}
    # What it said is taken back.
    assert watched.observe(cors(f"GET {API}/d", id="g", at=-1, answer=())) == {"a", "b"}
    # What others show too is not lost with one of them.
    assert watched.observe(cors(f"GET {API}/a", id="f", at=5, error="reset")) == set()
    watched.correlator.forget("a")
    assert watched.observe(cors(f"GET {API}/a", id="h", at=6, answer=allow("*"))) == set()


def test_what_else_its_host_answered() -> None:
    watched = Watched(
        cors(f"GET {API}/items/1", id="a", status=500),
        cors(f"GET {API}/items/2", id="b", at=1, answer=allow()),
        cors(f"GET {API}/else", id="c", at=2, answer=allow()),
        preflight(f"PUT {API}/items/2", id="d", at=3, answer=allow()),
    )
    record = watched.correlator.records
    assert [each.flow for each in watched.observer.at_path(record["a"])] == ["b", "d"]
    allowing = watched.observer.allowing
    assert [each.flow if (each := allowing(record[id])) else None for id in "abc"] == ["b", "c", "b"]
    granted = allowing(record["a"], is_preflight=True)
    assert granted is not None
    assert granted.flow == "d"
    assert allowing(record["d"], is_preflight=True) is None


def test_an_exchange_does_not_explain_itself() -> None:
    watched = Watched(
        cors(f"GET {ITEMS}", id="a", answer=allow()),
        cors(f"GET {ITEMS}", id="b", at=1, answer=allow()),
    )
    found = watched.observer.allowing(watched.correlator.records["a"])
    assert found is not None
    assert found.flow == "b"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://a.test", "/"),
        ("https://a.test/users/17/posts/5f0c8a3b-1111-2222-3333-444455556666?x=1", "/users/{id}/posts/{id}"),
        ("https://a.test/v1/users", "/v1/users"),
        ("https://a.test/" + "y" * 900, "/" + "y" * 499),
        ("https://[bad/x?y", "/x"),
    ],
)
def test_paths(url: str, path: str) -> None:
    assert path_of(url) == path
