"""Where a server lives."""

from cors_addon.fetch.origins import origin_of
from cors_addon.traffic.address_spaces import address_space_of
from tests.fetch.table import table


@table(
    "space, url, address",
    ("by its name", "loopback", "http://localhost:8000/", ""),
    ("below it", "loopback", "http://app.localhost/", "192.0.2.7"),
    ("by the address it was reached at", "loopback", "https://api.test/", "127.0.0.1"),
    ("an IPv4 address written as an IPv6 one", "loopback", "https://api.test/", "::ffff:127.0.0.1"),
    ("in the local network", "local", "https://api.test/", "192.168.1.20"),
    ("by an address for a name", "local", "http://10.0.0.7/", ""),
    ("a unique local IPv6 address", "local", "https://api.test/", "fd00::1"),
    ("a name that only resolves at home", "local", "http://nas.local/", ""),
    ("one label", "local", "http://nas/", ""),
    ("elsewhere", None, "https://api.test/", "203.0.113.7"),
    ("nobody knows", None, "https://api.test/", ""),
)
def test_spaces(space: str | None, url: str, address: str) -> None:
    origin = origin_of(url)
    assert origin is not None
    assert address_space_of(origin, address) == space
