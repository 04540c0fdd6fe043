"""Registrable domains."""

import pytest

from cors_addon.traffic import sites
from cors_addon.traffic.sites import registrable_domain
from tests.fetch.table import table


@table(
    "domain, host",
    ("a domain", "app.test", "app.test"),
    ("below it", "app.test", "a.b.app.test"),
    ("a public suffix of two labels", "example.co.uk", "www.example.co.uk"),
    ("the suffix itself", None, "co.uk"),
    ("hosting that anybody gets a name at", "me.github.io", "me.github.io"),
    ("one label", None, "localhost"),
    ("an address", None, "192.0.2.1"),
    ("an IPv6 address", None, "[2001:db8::1]"),
    ("nothing", None, ""),
    ("too long for a name", None, "a." * 200 + "test"),
)
def test_registrable_domain(domain: str | None, host: str) -> None:
    assert registrable_domain(host) == domain


def test_without_the_list_two_labels_are_a_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "_public_suffix_list", lambda: None)
    assert sites._registrable_domain.__wrapped__("www.example.co.uk") == "co.uk"
