"""Who may ask the live page for what, by headers that no page can set."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.fetch.headers import HeaderList
from cors_addon.page.guard import Purpose, Token, refusal
from cors_addon.page.messages import Place


def fields(lines: Iterable[str]) -> HeaderList:
    return HeaderList((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))


PLAIN = Place("/", "", "", "http://cors.addon")
SECURE = Place("/", "", "", "https://cors.addon")
OWN_LISTENER = Place("/", "", "", "http://127.0.0.1:9000")

OPENED = ("Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
OWN = ("Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: same-origin", "Sec-Fetch-Dest: empty")
OWN_FORM = ("Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
MOZILLA = "User-Agent: Mozilla/5.0"
D, R, C = Purpose.DOCUMENT, Purpose.DATA, Purpose.CHANGE

ALLOWED = [
    ("typed into the address bar, over http, where browsers say nothing", PLAIN, D, ()),
    ("typed, over https", SECURE, D, OPENED),
    (
        "a link on another site opens it, and cannot read it",
        SECURE,
        D,
        ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"),
    ),
    ("at its own listener on loopback", OWN_LISTENER, D, OPENED),
    ("the redirect after a form keeps the form's origin in some browsers", PLAIN, D, ("Origin: http://cors.addon",)),
    ("its own script, over http", PLAIN, R, ()),
    ("its own script, over https", SECURE, R, OWN),
    ("its own script, at its own listener", OWN_LISTENER, R, OWN),
    ("its own script changes something, over http", PLAIN, C, ("Origin: http://cors.addon",)),
    ("its own script changes something, over https", SECURE, C, (*OWN, "Origin: https://cors.addon")),
    ("its own form", SECURE, C, (*OWN_FORM, "Origin: https://cors.addon")),
    ("its own form, at its own listener", OWN_LISTENER, C, (*OWN_FORM, "Origin: http://127.0.0.1:9000")),
    ("a person's navigation over http", PLAIN, D, (MOZILLA, "Upgrade-Insecure-Requests: 1")),
    ("a tool that calls itself a browser", PLAIN, D, (MOZILLA,)),
    ("a tool without any headers of browsers", PLAIN, D, ("User-Agent: curl/8",)),
    ("its own form, sent again from the address bar", SECURE, C, OPENED),
]


@pytest.mark.parametrize(("place", "purpose", "lines"), [row[1:] for row in ALLOWED], ids=[row[0] for row in ALLOWED])
def test_the_page_itself_is_let_in(place: Place, purpose: Purpose, lines: tuple[str, ...]) -> None:
    assert refusal(fields(lines), purpose, place) is None


ORIGIN = "Another origin asks, and the live page answers to itself only."
TAB = "The live page can be opened in a tab, and not be loaded by a script, a frame or an element."
READ = "Only the live page itself may read this."
AHEAD = "The browser asks for the live page before you open it."
CHANGE = "Only the live page itself may change anything."


def by(site: str, mode: str, dest: str) -> tuple[str, ...]:
    return f"Sec-Fetch-Site: {site}", f"Sec-Fetch-Mode: {mode}", f"Sec-Fetch-Dest: {dest}"


REFUSED = [
    ("a page fetches the document with CORS", PLAIN, D, ("Origin: http://evil.test",), ORIGIN),
    ("the https twin is another origin", PLAIN, D, ("Origin: https://cors.addon",), ORIGIN),
    ("and so is the http twin", SECURE, C, ("Origin: http://cors.addon",), ORIGIN),
    ("a name below", PLAIN, C, ("Origin: http://x.cors.addon",), ORIGIN),
    ("a port", PLAIN, C, ("Origin: http://cors.addon:81",), ORIGIN),
    ("a sandboxed frame's form", PLAIN, C, ("Origin: null",), ORIGIN),
    ("a sandboxed frame's form, at its own listener", OWN_LISTENER, C, (*OWN_FORM, "Origin: null"), ORIGIN),
    ("another program's page on loopback", OWN_LISTENER, C, (*OWN_FORM, "Origin: http://127.0.0.1:3000"), ORIGIN),
    ("a script of another site over http, which says no more", PLAIN, D, (MOZILLA, "Accept: text/html"), TAB),
    ("two origins", PLAIN, C, ("Origin: http://cors.addon", "Origin: http://evil.test"), ORIGIN),
    ("an empty origin", PLAIN, C, ("Origin:",), ORIGIN),
    ("an image", SECURE, D, by("cross-site", "no-cors", "image"), TAB),
    ("a script", SECURE, D, by("cross-site", "no-cors", "script"), TAB),
    ("a frame", SECURE, D, by("cross-site", "navigate", "iframe"), TAB),
    ("an object", SECURE, D, by("cross-site", "navigate", "object"), TAB),
    ("a script of the same origin", OWN_LISTENER, D, by("same-origin", "cors", "empty"), TAB),
    ("a service worker's navigation request passed on", OWN_LISTENER, D, by("same-origin", "navigate", "empty"), TAB),
    (
        "a service worker's navigation preload",
        OWN_LISTENER,
        D,
        (*OPENED, "Service-Worker-Navigation-Preload: true"),
        "A service worker asks for the live page; stop it to see the page.",
    ),
    *(
        (
            f"a {what} before you open it",
            SECURE,
            D,
            (*by("cross-site", "navigate", "document"), f"Sec-Purpose: {what}"),
            AHEAD,
        )
        for what in ("prefetch", "prefetch;prerender")
    ),
    ("a WebSocket", SECURE, D, by("cross-site", "websocket", "websocket"), TAB),
    ("another site reads the data", SECURE, R, by("cross-site", "no-cors", "script"), READ),
    ("the same site is not the same origin", SECURE, R, by("same-site", "cors", "empty"), READ),
    ("data opened in a tab", SECURE, R, OPENED, READ),
    ("data as a script of the same origin", OWN_LISTENER, R, by("same-origin", "no-cors", "script"), READ),
    ("another site's form", SECURE, C, by("cross-site", "navigate", "document"), CHANGE),
    ("a form of the same site", SECURE, C, by("same-site", "navigate", "document"), CHANGE),
    ("a form into a frame", OWN_LISTENER, C, by("same-origin", "navigate", "iframe"), CHANGE),
    ("a beacon", OWN_LISTENER, C, by("same-origin", "no-cors", "empty"), CHANGE),
    ("two sites", SECURE, C, ("Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"), CHANGE),
]


@pytest.mark.parametrize(
    ("place", "purpose", "lines", "told"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_others_are_refused(place: Place, purpose: Purpose, lines: tuple[str, ...], told: str) -> None:
    assert (refusal(fields(lines), purpose, place) or "").startswith(told)


@given(st.sampled_from(list(Purpose)), st.sampled_from([PLAIN, SECURE]), st.text(st.characters(codec="ascii")))
def test_no_other_origin_gets_in(purpose: Purpose, place: Place, origin: str) -> None:
    headers = HeaderList([("Origin", origin)])
    if origin != place.origin:
        assert refusal(headers, purpose, place) is not None


@given(
    st.sampled_from([Purpose.DATA, Purpose.CHANGE]),
    st.sampled_from([SECURE, OWN_LISTENER]),
    st.sampled_from(["cross-site", "same-site"]),
    st.sampled_from(["cors", "no-cors", "same-origin", "navigate", "websocket"]),
    st.sampled_from(["document", "iframe", "image", "script", "style", "empty", "worker", "serviceworker"]),
)
def test_no_other_site_reads_or_changes(purpose: Purpose, place: Place, site: str, mode: str, dest: str) -> None:
    assert refusal(fields(by(site, mode, dest)), purpose, place) is not None


def test_a_token_is_long_new_and_the_only_one_that_matches() -> None:
    token, other = Token(), Token()
    assert len(token.text) >= 43
    assert token.matches(token.text)
    for wrong in (other.text, "", token.text[:-1], token.text + "x", token.text.swapcase(), "é", "\udcff"):
        assert not token.matches(wrong)
