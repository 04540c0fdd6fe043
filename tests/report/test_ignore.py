import pytest

from cors_addon.report.ignore import Ignore, IgnoreError, parse, parse_all


@pytest.mark.parametrize(
    ("value", "parsed", "reason"),
    [
        ("allow-origin-missing", Ignore("allow-origin-missing"), "everywhere"),
        ("allow-origin-missing@api.test", Ignore("allow-origin-missing", "api.test"), "at a host"),
        ("allow-origin-missing@*.TEST:80", Ignore("allow-origin-missing", "*.test:80"), "hosts have no letter case"),
        (" allow-origin-missing @ api.test ", Ignore("allow-origin-missing", "api.test"), "spaces do not count"),
        ("allow-origin-missing # why", Ignore("allow-origin-missing", "*", "why"), "a reason"),
        (
            "allow-origin-missing@api.test # ticket #12",
            Ignore("allow-origin-missing", "api.test", "ticket #12"),
            "a reason with another number sign",
        ),
        ("allow-origin-missing@[::1]:80", Ignore("allow-origin-missing", "[[]::1]:80"), "an address is no glob"),
    ],
)
def test_values(value: str, parsed: Ignore, reason: str) -> None:
    assert parse(value) == parsed, reason


@pytest.mark.parametrize(
    ("value", "host", "covered", "reason"),
    [
        ("allow-origin-missing", "api.test:8080", True, "no host means each"),
        ("allow-origin-missing@api.test", "api.test", True, "the host"),
        ("allow-origin-missing@api.test", "API.test", True, "in capitals"),
        ("allow-origin-missing@api.test", "api.test:8080", True, "a host without port means each port"),
        ("allow-origin-missing@api.test:8080", "api.test:8080", True, "the port"),
        ("allow-origin-missing@api.test:8080", "api.test", False, "another port"),
        ("allow-origin-missing@*.test", "a.b.test", True, "a star stands for dots too"),
        ("allow-origin-missing@*.test", "test", False, "but the dot is there"),
        ("allow-origin-missing@ap?.test", "api.test", True, "one character"),
        ("allow-origin-missing@[::1]", "[::1]:80", True, "an address with any port"),
        ("allow-origin-missing@[::1]", "[::1]", True, "an address"),
        ("allow-origin-missing@[::1]", "[::2]", False, "another address"),
        ("method-not-allowed", "api.test", False, "another id"),
    ],
)
def test_what_is_covered(value: str, host: str, covered: bool, reason: str) -> None:
    assert (parse_all([value]).find("allow-origin-missing", host) is not None) is covered, reason


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("allow-orgin-missing", "'allow-orgin-missing' is no violation id; did you mean allow-origin-missing?"),
        ("", "'' is no violation id; write ID or ID@HOST"),
        ("nonsense", "'nonsense' is no violation id; write ID or ID@HOST"),
        ("allow-origin-missing@", "'allow-origin-missing@' names no host after @"),
        ("# why", "'' is no violation id"),
    ],
)
def test_what_ignores_nothing_is_an_error(value: str, message: str) -> None:
    with pytest.raises(IgnoreError) as error:
        parse(value)
    assert str(error.value).startswith(message)


def test_the_first_value_that_fits_gives_the_reason() -> None:
    values = parse_all(["allow-origin-missing@b.test # b", "allow-origin-missing # all"])
    found = values.find("allow-origin-missing", "b.test")
    assert found is not None
    assert found.reason == "b"
    other = values.find("allow-origin-missing", "a.test")
    assert other is not None
    assert other.reason == "all"
    assert not parse_all([])
