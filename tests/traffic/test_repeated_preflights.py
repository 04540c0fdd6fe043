"""Preflights that asked again, and what that cost."""

from cors_addon.traffic.correlate import Correlator
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.repeated_preflights import Cost, RepeatObserver
from tests.fetch.table import table
from tests.traffic.exchanges import ITEMS, allow, preflight


def ask(id: str, at: float, method: str = "PUT", status: int = 204, **more: object) -> Exchange:
    return preflight(f"{method} {ITEMS}", id=id, at=at, status=status, answer=allow(methods=method), **more)  # type: ignore[arg-type]


class Repeating:
    def __init__(self, *exchanges: Exchange) -> None:
        self.correlator = Correlator()
        self.observer = RepeatObserver(self.correlator)
        self.changed = [self.observe(each) for each in exchanges]

    def observe(self, exchange: Exchange) -> set[str]:
        self.correlator.observe(exchange)
        return self.observer.observe(self.correlator.records[exchange.id])

    def before(self, id: str) -> str | None:
        earlier = self.observer.before(self.correlator.records[id])
        return None if earlier is None else earlier.id


def test_the_one_before_is_named_in_any_order() -> None:
    repeating = Repeating(ask("a", 0), ask("c", 60), ask("b", 30))
    assert repeating.changed == [set(), set(), {"c"}]
    assert [repeating.before(id) for id in "abc"] == [None, "a", "b"]


@table(
    "other",
    ("another method", ask("b", 30, "DELETE")),
    ("another client", ask("b", 30, client="192.0.2.9")),
    ("another page", ask("b", 30, origin="https://else.test")),
    ("a refusal", ask("b", 30, status=403)),
    ("within the seconds of the default", ask("b", 4)),
    ("later than any browser would have kept it", ask("b", 700)),
)
def test_what_is_no_repetition(other: Exchange) -> None:
    assert Repeating(ask("a", 0), other).before("b") is None


def test_costs() -> None:
    asked = [ask("a", 0, took=0.2), ask("b", 100, took=0.3), ask("c", 599, took=0.1), ask("d", 700, took=0.5)]
    (found,) = Repeating(*asked).observer.costs()
    assert found[:2] == (ITEMS, "PUT")
    cost = found[2]
    assert (cost.count, cost.avoidable) == (4, 2)
    assert (round(cost.seconds, 6), round(cost.avoidable_seconds, 6)) == (1.1, 0.4)
    assert Cost() == Cost(0, 0.0, 0, 0.0)


def test_what_is_forgotten_costs_nothing() -> None:
    repeating = Repeating(ask("a", 0), ask("b", 30))
    repeating.correlator.forget("a")
    assert repeating.before("b") is None
    repeating.correlator.forget("b")
    assert [*repeating.observer.costs()] == []
