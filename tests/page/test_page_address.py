"""Which hosts the live page may have."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.page.page_address import host_problem

GOOD_HOSTS = [
    ("nowhere", ""),
    ("the default", "cors.addon"),
    ("a name of the user's", "app.local.test"),
    ("a single label", "cors"),
    ("upper case is the same name", "CORS.Addon"),
    ("punycode is what browsers send", "xn--bcher-kva.example"),
    ("an address that a transparent proxy sees", "192.0.2.7"),
    ("an underscore, which browsers take", "my_host.test"),
]


@pytest.mark.parametrize("value", [row[1] for row in GOOD_HOSTS], ids=[row[0] for row in GOOD_HOSTS])
def test_a_host_is_taken(value: str) -> None:
    assert host_problem(value) is None


BAD_HOSTS = [
    ("a URL is copied from the address bar", "http://cors.addon/", "is a URL; write only its host: cors.addon"),
    ("a URL of nothing", "http://", "is a URL; write only its host: cors.addon"),
    ("a path", "cors.addon/live", "has a path; write only a host, such as cors.addon"),
    ("a port", "cors.addon:8080", "has a port, and the page answers at those of http and https; write cors.addon"),
    ("a pattern", "*.addon", "is a pattern; name one host, such as cors.addon"),
    ("an IPv6 address", "::1", "is an IPv6 address; write a name, such as cors.addon"),
    ("a space", "cors addon", "is no host name; letters, digits, hyphens and dots make one, such as cors.addon"),
    (
        "an empty label",
        "cors..addon",
        "is no host name; letters, digits, hyphens and dots make one, such as cors.addon",
    ),
    ("a hyphen at an end", "-cors", "is no host name; letters, digits, hyphens and dots make one, such as cors.addon"),
    ("a mark", "cors!", "is no host name; letters, digits, hyphens and dots make one, such as cors.addon"),
    (
        "letters beyond ASCII",
        "bücher.example",
        "is no host name; browsers write it xn--bcher-kva.example; letters, digits, hyphens and dots make one, "
        "such as cors.addon",
    ),
    ("a dot at the end is another name", "cors.addon.", "ends in a dot; write cors.addon"),
    (
        "localhost never reaches a proxy",
        "localhost",
        "is this machine itself, which browsers do not ask a proxy for; write a name, such as cors.addon",
    ),
    (
        "nor what is below it",
        "cors.localhost",
        "is this machine itself, which browsers do not ask a proxy for; write a name, such as cors.addon",
    ),
    (
        "nor its address, however it is written",
        "0x7f.1",
        "is this machine itself, which browsers do not ask a proxy for; write a name, such as cors.addon",
    ),
]


@pytest.mark.parametrize(("value", "told"), [row[1:] for row in BAD_HOSTS], ids=[row[0] for row in BAD_HOSTS])
def test_what_is_no_host_is_refused_with_what_to_write(value: str, told: str) -> None:
    assert host_problem(value) == told


@given(st.text(max_size=80))
def test_any_text_is_judged_and_only_plain_names_are_taken(value: str) -> None:
    if host_problem(value) is None:
        assert re.fullmatch(r"[A-Za-z0-9._-]*", value)
