"""What the names of two trusted pages have to do with each other."""

from cors_addon.fetch.origins import origin_of
from cors_addon.traffic.trusted_origins import Relation, is_lookalike, is_loopback, relation, site_of
from tests.fetch.table import table


@table(
    "told, own, other",
    ("different owners", Relation.UNRELATED, "https://app.test", "https://else.test"),
    ("one owner", Relation.SAME_SITE, "https://www.app.test", "http://app.test:8080"),
    ("two customers", Relation.SAME_SERVICE, "https://a.github.io", "https://b.github.io"),
    ("one customer", Relation.SAME_SITE, "https://x.a.netlify.app", "https://a.netlify.app"),
    ("customers of two services", Relation.UNRELATED, "https://a.github.io", "https://a.netlify.app"),
    ("it contains the other's name", Relation.LOOKALIKE, "https://app.test.else.test", "https://app.test"),
    ("the other contains its name", Relation.IMITATED, "https://app.test", "https://myapp.test"),
    ("two addresses", Relation.UNRELATED, "https://192.0.2.1", "https://192.0.2.2"),
)
def test_relations(told: Relation, own: str, other: str) -> None:
    first, second = origin_of(own), origin_of(other)
    assert first is not None
    assert second is not None
    assert relation(first, second) is told
    assert (relation(second, first) is told) is (told not in (Relation.LOOKALIKE, Relation.IMITATED))


@table(
    "told, host, of",
    ("at the beginning", True, "app.test.else.test", "app.test"),
    ("at the end, without a dot before", True, "myapp.test", "app.test"),
    ("below it", False, "my.app.test", "app.test"),
    ("a letter for a dot", True, "wwwxapp.test", "www.app.test"),
    ("a letter for a letter", False, "wwv.app.test", "www.app.test"),
    ("itself", False, "app.test", "app.test"),
    ("too short to be more than chance", False, "beta.io", "a.io"),
)
def test_lookalikes(told: bool, host: str, of: str) -> None:
    assert is_lookalike(host, of) is told


def test_sites_and_this_machine() -> None:
    assert [site_of(host) for host in ("www.app.test", "x.a.github.io", "192.0.2.1", "nas")] == [
        "app.test",
        "a.github.io",
        "192.0.2.1",
        "nas",
    ]
    hosts = ("localhost:3000", "app.localhost", "127.0.0.9", "[::1]", "localhost.test", "192.168.0.1")
    assert [is_loopback(origin) for host in hosts if (origin := origin_of(f"http://{host}/"))] == [True] * 4 + [
        False
    ] * 2
