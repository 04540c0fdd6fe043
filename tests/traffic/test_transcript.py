"""Exchanges written as text."""

import pytest

from cors_addon.catalogue import CATALOGUE
from cors_addon.fetch.headers import HeaderList
from cors_addon.traffic.exchange import Responder
from cors_addon.traffic.transcript import USER_AGENTS, TranscriptError, parse_transcript
from tests.fetch.table import table

WHOLE = """
# a comment, and a blank line before the first exchange

@ client=10.0.0.1 connection=c7 time=2.5 took=0.25 http=2 browser=firefox id=one
@ address=203.0.113.7
> GET https://api.test/items?a=b
> Origin: https://app.test
> X-Empty:
< 200
< Access-Control-Allow-Origin:  two  spaces
  # a comment inside
> X-Late: headers may come in any order

> POST https://api.test/
! the server closed the connection


> GET https://api.test/awaited
> User-Agent: curl/8
"""


def test_everything_said_is_read() -> None:
    one, two, three = parse_transcript(WHOLE)
    assert (one.id, one.client, one.connection) == ("one", "10.0.0.1", "c7")
    assert (one.started, one.ended, one.http_version, one.server_address) == (2.5, 2.75, "HTTP/2.0", "203.0.113.7")
    assert (one.request.method, one.request.url) == ("GET", "https://api.test/items?a=b")
    assert one.request.headers == HeaderList(
        [
            ("Origin", "https://app.test"),
            ("X-Empty", ""),
            ("X-Late", "headers may come in any order"),
            ("User-Agent", USER_AGENTS["firefox"]),
        ]
    )
    assert one.response is not None
    assert (one.response.status, one.response.headers.get("access-control-allow-origin")) == (200, "two  spaces")
    assert (one.error, one.responder, one.websocket) == (None, Responder.SERVER, False)
    assert (two.id, two.started, two.connection) == ("2", 0.5, "c2")
    assert (two.response, two.error, two.responder) == (
        None,
        "the server closed the connection",
        Responder.PROXY,
    )
    assert (three.id, three.response, three.error) == ("3", None, None)
    assert three.request.headers.get("User-Agent") == "curl/8"


def test_nothing_is_nothing() -> None:
    assert parse_transcript("\n# only a comment\n\n") == []


def test_a_switch_of_protocols_is_a_socket() -> None:
    assert parse_transcript("> GET https://api.test/\n< 101")[0].websocket


def test_a_value_may_hold_what_python_takes_for_the_end_of_a_line() -> None:
    (found,) = parse_transcript("> GET https://a.test/\r\n> X-A: a\x0bb\x85c\r\n< 204\r\n")
    assert found.request.headers.get("x-a") == "a\x0bb\x85c"


@table(
    "text, message",
    (
        "a setting that is none",
        "@ colour=red\n> GET https://a.test/",
        "line 1: 'colour=red' is no setting; known: address,",
    ),
    ("a setting without a value", "@ id\n> GET https://a.test/", "line 1: 'id' is no setting"),
    ("no method", "> https://a.test/", "line 1: a request begins with METHOD URL, not 'https://a.test/'"),
    ("no status", "> GET https://a.test/\n< OK", "line 2: a response begins with its status, not 'OK'"),
    ("digits that are none", "> GET https://a.test/\n< ²00", "line 2: a response begins with its status, not '²00'"),
    ("no header", "> GET https://a.test/\n> Origin", "line 2: 'Origin' is no header; write Name: value"),
    ("no mark", "\n\nGET https://a.test/", "line 3: 'GET https://a.test/' begins with none of > < ! @ #"),
    ("no request", "< 200", "line 1: an exchange without a request"),
    (
        "no browser",
        "@ browser=lynx\n> GET https://a.test/",
        "line 1: unknown browser 'lynx'; known: chromium, firefox, webkit",
    ),
    ("no version", "@ http=1.1\n> GET https://a.test/", "line 1: unknown http '1.1'; known: 1, 2, 3"),
    (
        "no time",
        "> GET https://a.test/\n\n@ time=noon\n> GET https://a.test/",
        "line 3: time is a number of seconds, not 'noon'",
    ),
    ("no duration", "@ took=\n> GET https://a.test/", "line 1: took is a number of seconds, not ''"),
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        parse_transcript(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("violation", CATALOGUE.values(), ids=CATALOGUE)
def test_the_examples_of_the_catalogue_can_be_read(violation: object) -> None:
    for text in (violation.broken, violation.fixed):  # type: ignore[attr-defined]
        assert parse_transcript(text)
