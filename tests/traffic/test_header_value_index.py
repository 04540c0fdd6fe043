"""What places were seen to say, whatever the order in which it is learned."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cors_addon.traffic.correlate import Correlator
from cors_addon.traffic.header_value_index import Said
from tests.traffic.exchanges import ITEMS, cors


class Saying:
    def __init__(self) -> None:
        self.correlator = Correlator()
        self.said: Said[str, str] = Said(self.correlator)

    def say(self, id: str, value: str | None, at: float = 0, place: str = "here") -> set[str]:
        self.correlator.observe(cors(f"GET {ITEMS}", id=id, at=at))
        return self.said.observe(self.correlator.records[id], None if value is None else (place, value))

    def others(self, id: str) -> list[str]:
        return [value for _, value in self.said.others(self.correlator.records[id])]


def test_whoever_said_otherwise_is_told_of_the_first_to_say_so() -> None:
    saying = Saying()
    assert [saying.say("a", "x"), saying.say("b", "x", 1), saying.say("c", "y", 2)] == [set(), set(), {"a", "b"}]
    assert saying.say("d", "y", 3) == set()
    assert saying.say("e", "z", 4, "there") == set()
    assert [saying.others(id) for id in "acde"] == [["y"], ["x"], ["x"], []]


def test_saying_nothing_and_saying_it_otherwise() -> None:
    saying = Saying()
    saying.say("a", "x")
    saying.say("b", "y")
    assert saying.say("b", "y") == set()
    assert saying.say("b", None) == set()
    assert saying.others("a") == saying.others("b") == []
    assert saying.say("b", "z") == {"a"}
    assert saying.others("a") == ["z"]


def test_what_is_forgotten_proves_nothing() -> None:
    saying = Saying()
    for id, value in (("a", "x"), ("b", "y")):
        saying.say(id, value)
    saying.correlator.forget("b")
    assert saying.others("a") == []


@given(st.lists(st.sampled_from("xyz"), max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_learning_makes_no_difference(values: list[str], random: Random) -> None:
    told = [(str(number), value, float(number)) for number, value in enumerate(values)]
    forwards, shuffled = Saying(), Saying()
    for each in told:
        forwards.say(*each)
    random.shuffle(told)
    for each in told:
        shuffled.say(*each)
    assert forwards.said.firsts("here") == shuffled.said.firsts("here")
    assert len(forwards.said.firsts("here")) == len(set(values))
