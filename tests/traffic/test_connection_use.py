"""What WebKit with libsoup shows by what becomes of a connection: whether it read the response, or gave it up."""

from collections.abc import Sequence
from dataclasses import replace

from cors_addon.fetch.messages import CredentialsMode
from cors_addon.traffic.connection_use import Closing
from cors_addon.traffic.correlate import Correlator
from cors_addon.traffic.credentials import CredentialsObserver
from cors_addon.traffic.evidence import Knowledge
from cors_addon.traffic.exchange import Exchange
from tests.fetch.table import table
from tests.traffic.exchanges import ITEMS, allow, cors

LIBSOUP = "Connection: Keep-Alive"
BODY = "Content-Length: 4"
ANY = (*allow("*"), BODY)


class Seen:
    def __init__(self, *exchanges: Exchange) -> None:
        self.correlator = Correlator()
        self.observer = CredentialsObserver(self.correlator)
        for each in exchanges:
            self.observe(each)

    def observe(self, exchange: Exchange) -> set[str]:
        changed = self.correlator.observe(exchange)
        record = self.correlator.records[exchange.id]
        changed |= self.observer.observe(record)
        self.observer.assess(record)
        return changed

    def closed(self, connection: str, when: float, opened: float = 0.0, client: str = "192.0.2.1") -> set[str]:
        return self.observer.closed(Closing(connection, client, opened, when))

    def of(self, id: str) -> Knowledge:
        return self.observer.assess(self.correlator.records[id])


def get(
    id: str,
    at: float = 0.0,
    connection: str = "c",
    line: str = LIBSOUP,
    browser: str = "webkit",
    method: str = "GET",
    status: int = 200,
    answer: Sequence[str] = ANY,
    source: str = "live",
    http: str = "HTTP/1.1",
) -> Exchange:
    return cors(
        f"{method} {ITEMS}?{id}",
        line,
        id=id,
        at=at,
        connection=connection,
        browser=browser,
        status=status,
        answer=answer,
        source=source,
        http=http,
    )


@table(
    "mode, first",
    ("the connection carries another request", CredentialsMode.NOT_INCLUDE, get("r")),
    ("passes with credentials as well", None, get("r", answer=(*allow(credentials=True), BODY))),
    ("fails with credentials and without", None, get("r", answer=(BODY,))),
    ("without a body nothing is left to read", None, get("r", answer=allow("*"))),
    ("nor where it is empty", None, get("r", answer=(*allow("*"), "Content-Length: 0"))),
    ("nor of HEAD", None, get("r", method="HEAD")),
    ("a redirect is read anyway", None, get("r", status=302, answer=(*ANY, "Location: https://third.test/"))),
    ("a challenge is read anyway", None, get("r", status=401)),
    ("another network library", None, get("r", line="Connection: keep-alive")),
    ("another browser", None, get("r", browser="firefox")),
    ("HTTP/2 carries many at once", None, get("r", http="HTTP/2.0")),
)
def test_a_response_that_was_read_was_not_blocked(mode: CredentialsMode | None, first: Exchange) -> None:
    seen = Seen(first)
    assert seen.of("r").mode is None
    changed = seen.observe(get("next", at=1))
    assert seen.of("r").mode is mode
    assert ("r" in changed) or mode is None
    assert seen.of("next").mode is None


def test_a_new_connection_speaks_for_credentials_while_an_old_one_should_be_free() -> None:
    seen = Seen(get("r"))
    assert seen.of("r").assumed
    assert "r" in seen.observe(get("next", at=1, connection="d"))
    known = seen.of("r")
    assert (known.mode, known.leaning) == (None, True)
    assert [each.exchange_id for each in known.evidence] == ["next"]


@table(
    "second",
    ("POST always takes a new connection", get("next", at=1, connection="d", method="POST")),
    ("the first response is still on its way", get("next", at=0.05, connection="d")),
    ("an idle connection may have ended", get("next", at=90, connection="d")),
)
def test_a_new_connection_says_nothing_if(second: Exchange) -> None:
    seen = Seen(get("r"), second)
    assert seen.of("r").assumed


def test_what_the_connection_carried_later_outweighs_another_connection() -> None:
    seen = Seen(get("r"), get("other", at=1, connection="d"), get("next", at=2))
    assert seen.of("r").mode is CredentialsMode.NOT_INCLUDE


@table(
    "leaning, when, first",
    ("at once", True, 0.15, get("r")),
    ("with nothing left to read as well", True, 0.15, get("r", answer=allow("*"), status=204)),
    ("in chunks", True, 0.15, get("r", answer=(*allow("*"), "Transfer-Encoding: chunked"))),
    (
        "HTTP/2 behind the proxy has no length",
        True,
        0.15,
        replace(get("r", answer=allow("*")), response_version="HTTP/2.0"),
    ),
    (
        "HTTP/1.0 may keep it",
        True,
        0.15,
        replace(get("r", answer=(*ANY, "Connection: Keep-Alive")), response_version="HTTP/1.0"),
    ),
    ("long after", False, 9.0, get("r")),
    ("before there is a response", False, 0.05, get("r")),
    ("after a 304 it always does", False, 0.15, get("r", status=304)),
    ("passes with credentials as well", False, 0.15, get("r", answer=(*allow(credentials=True), BODY))),
    ("the response ends it", False, 0.15, get("r", answer=(*ANY, "Connection: close"))),
    ("among other options", False, 0.15, get("r", answer=(*ANY, "Connection: TE, Close"))),
    ("HTTP/1.0 ends it", False, 0.15, replace(get("r"), response_version="HTTP/1.0")),
    ("a body without a length ends with it", False, 0.15, get("r", answer=allow("*"))),
)
def test_that_the_browser_closes_the_connection_speaks_for_credentials(
    leaning: bool, when: float, first: Exchange
) -> None:
    seen = Seen(first)
    seen.closed("c", when)
    assert seen.of("r").leaning is leaning
    assert seen.closed("unknown", 0.4) == set()
    assert seen.of("r").leaning is leaning


@table(
    "leaning, others",
    ("nothing else ends", True, ()),
    ("another one that was idle", False, (("idle", 0.16),)),
    ("before it as well", False, (("idle", 0.14),)),
    ("one that carried nothing of interest", False, (("page", 0.16),)),
    ("at another time", True, (("idle", 0.3),)),
    ("another response that was blocked", True, (("refused", 0.16),)),
    ("a response that ends its connection", True, (("short", 0.16),)),
)
def test_libsoup_closes_all_idle_connections_when_it_needs_one_more(
    leaning: bool, others: Sequence[tuple[str, float]]
) -> None:
    """Whether they were idle shows in when their responses came, or else in how long they were open."""
    seen = Seen(get("old", at=-5, connection="idle"), get("r"), get("other", connection="refused"))
    closings = [("c", 0.15), *others]
    for connection, when in sorted(closings, key=lambda one: one[1]):
        seen.closed(connection, when, opened=0.1 if connection == "short" else -9.0)
    assert seen.of("r").leaning is leaning


def test_the_connections_of_another_client_have_nothing_to_do_with_it() -> None:
    seen = Seen(get("r"))
    seen.closed("page", 0.15, opened=-9, client="192.0.2.9")
    seen.closed("c", 0.15)
    assert seen.of("r").leaning


def test_a_connection_that_closed_while_idle_was_not_passed_over() -> None:
    seen = Seen(get("r"))
    seen.closed("c", 5)
    seen.observe(get("next", at=9, connection="d"))
    assert seen.of("r").assumed


def test_a_connection_opened_before_the_response_says_nothing() -> None:
    """It waited for its handshakes, or for a request."""
    seen = Seen(get("r"), replace(get("next", at=1, connection="d"), connected=0.05))
    assert seen.of("r").assumed
    seen.observe(replace(get("later", at=2, connection="e"), connected=1.9))
    assert seen.of("next").leaning


@table(
    "leaning, posts",
    ("six may be open", True, 5),
    ("for one more, libsoup closes those that are idle, to whatever server", False, 6),
)
def test_the_seventh_post_in_a_row_closes_the_others(leaning: bool, posts: int) -> None:
    other = f"http://other.test/{'x' * 3}"
    seen = Seen(cors(f"GET {other}", LIBSOUP, id="r", connection="c", browser="webkit", answer=ANY))
    for number in range(posts + 1):
        seen.observe(get(f"p{number}", at=1 + number, connection=f"p{number}", method="POST"))
    seen.observe(cors(f"GET {other}", LIBSOUP, id="next", at=20, connection="d", browser="webkit", answer=ANY))
    assert seen.of("r").leaning is leaning
