"""Who echoes whose origin, where a cache may mix them up."""

from cors_addon.traffic.correlate import Correlator
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.origin_echoes import Echo, EchoObserver
from tests.fetch.table import table
from tests.traffic.exchanges import API, APP, ITEMS, allow, cors

ELSE = "https://else.test"


def get(id: str, *lines: str, origin: str = APP, at: float = 0, **more: object) -> Exchange:
    return cors(f"GET {ITEMS}", id=id, at=at, origin=origin, answer=lines or allow(origin), **more)  # type: ignore[arg-type]


class Echoing:
    def __init__(self, *exchanges: Exchange) -> None:
        self.correlator = Correlator()
        self.observer = EchoObserver(self.correlator)
        self.changed = [self.observe(each) for each in exchanges]

    def observe(self, exchange: Exchange) -> set[str]:
        self.correlator.observe(exchange)
        return self.observer.observe(self.correlator.records[exchange.id])

    def other(self, id: str) -> Echo | None:
        return self.observer.other(self.correlator.records[id])


def test_two_origins_at_one_url_without_vary() -> None:
    echoing = Echoing(get("a1"), get("a2", at=1), get("b", at=2, origin=ELSE), get("c", at=3, origin=API))
    assert echoing.changed == [set(), set(), {"a1", "a2"}, {"a1", "a2", "b"}]
    assert echoing.other("a1") == echoing.other("a2") == Echo(ELSE, "b")
    assert echoing.other("b") == echoing.other("c") == Echo(APP, "a1")


def test_the_first_of_each_is_named_in_any_order() -> None:
    echoing = Echoing(get("c", at=3, origin=API), get("b", at=2, origin=ELSE), get("a", at=1))
    assert echoing.changed == [set(), {"c"}, {"b", "c"}]
    assert [echoing.other(id) for id in "abc"] == [Echo(ELSE, "b"), Echo(APP, "a"), Echo(APP, "a")]


@table(
    "other",
    ("the same origin", get("b", origin=APP)),
    ("everybody", get("b", *allow("*"), origin=ELSE)),
    ("nobody", get("b", "X-A: 1", origin=ELSE)),
    ("told to vary", get("b", *allow(ELSE), "Vary: Accept, origin", origin=ELSE)),
    ("varying by everything", get("b", *allow(ELSE), "Vary: *", origin=ELSE)),
    ("not stored", get("b", *allow(ELSE), "Cache-Control: private, No-Store", origin=ELSE)),
    ("an error", get("b", origin=ELSE, status=500)),
    ("not yet there", get("b", origin=ELSE, status=None)),
)
def test_what_no_cache_mixes_up(other: Exchange) -> None:
    echoing = Echoing(get("a"), other)
    assert echoing.changed == [set(), set()]
    assert echoing.other("a") is None
    assert echoing.other("b") is None


def test_an_echo_is_forgotten_with_its_exchange() -> None:
    echoing = Echoing(get("a"), get("b", origin=ELSE))
    echoing.correlator.forget("b")
    assert echoing.other("a") is None


def test_another_answer_takes_back_the_echo() -> None:
    echoing = Echoing(get("a"), get("b", origin=ELSE), get("b", "Vary: Origin", *allow(ELSE), origin=ELSE))
    assert echoing.other("a") is None
