"""Which clients the option takes, and whom it lets open the page."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.page.clients import clients_problem, networks, refusal

BAD = [
    ("a name", "devbox", "'devbox' is no IP address and no network; write one such as 192.0.2.7 or 192.0.2.0/24"),
    ("nothing", "", "'' is no IP address and no network; write one such as 192.0.2.7 or 192.0.2.0/24"),
    ("bits beyond the prefix", "192.0.2.7/24", "'192.0.2.7/24' has bits beyond its prefix; write 192.0.2.0/24"),
    (
        "a port",
        "192.0.2.7:80",
        "'192.0.2.7:80' is no IP address and no network; write one such as 192.0.2.7 or 192.0.2.0/24",
    ),
]


@pytest.mark.parametrize(("value", "told"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_what_is_no_client_is_refused_with_what_to_write(value: str, told: str) -> None:
    assert clients_problem(["192.0.2.7", value]) == told


@given(st.ip_addresses())
def test_nobody_but_loopback_and_those_listed(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    mapped = getattr(address, "ipv4_mapped", None) or address
    assert (refusal(str(address), ()) is None) == mapped.is_loopback
    assert refusal(str(address), networks([str(address)])) is None


@given(st.text(max_size=60))
def test_what_is_no_address_is_nobody(text: str) -> None:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        assert refusal(text, networks(["0.0.0.0/0", "::/0"])) is not None
