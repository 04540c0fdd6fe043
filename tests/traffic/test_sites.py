"""Registrable domains."""

import pytest

from cors_addon.traffic import sites
from cors_addon.traffic.sites import is_above_public_suffixes, registrable_domain
from tests.fetch.table import table


@table(
    "domain, host",
    ("a domain", "app.test", "app.test"),
    ("below it", "app.test", "a.b.app.test"),
    ("a public suffix of two labels", "example.co.uk", "www.example.co.uk"),
    ("the suffix itself", None, "co.uk"),
    ("hosting that anybody gets a name at", "me.github.io", "me.github.io"),
    ("any label below a suffix is one", None, "any.ck"),
    ("but this one", "www.ck", "a.www.ck"),
    ("above such a rule and none itself", "kawasaki.jp", "kawasaki.jp"),
    ("in punycode, and in letters in the list", "xn--80a.xn--p1ai", "a.xn--80a.xn--p1ai"),
    ("in punycode that is none", "xn---.com", "xn---.com"),
    ("no list has it", "app.test", "app.test"),
    ("one label", None, "localhost"),
    ("an address", None, "192.0.2.1"),
    ("an IPv6 address", None, "[2001:db8::1]"),
    ("nothing", None, ""),
    ("too long for a name", None, "a." * 200 + "test"),
)
def test_registrable_domain(domain: str | None, host: str) -> None:
    assert registrable_domain(host) == domain


def test_without_the_list_two_labels_are_a_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "_rules", frozenset)
    assert sites._registrable_domain.__wrapped__("www.example.co.uk") == "co.uk"


@table(
    "is_above, host",
    ("any label below it is one", True, "kawasaki.jp"),
    ("some names below it are", True, "compute.amazonaws.com"),
    ("none", False, "example.com"),
    ("the end of another name", False, "mpute.amazonaws.com"),
)
def test_names_with_public_suffixes_below(is_above: bool, host: str) -> None:
    assert is_above_public_suffixes(host) is is_above


def test_where_the_list_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "find_spec", lambda name: None)
    assert sites._list.__wrapped__() == b""
