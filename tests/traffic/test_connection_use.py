"""What WebKit with libsoup shows by what becomes of a connection: whether it read the response, or gave it up."""

from collections.abc import Sequence

from cors_addon.fetch.messages import CredentialsMode
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
    ("with nothing left to read as well", True, 0.15, get("r", answer=allow("*"))),
    ("long after", False, 9.0, get("r")),
    ("after a 304 it always does", False, 0.15, get("r", status=304)),
    ("passes with credentials as well", False, 0.15, get("r", answer=allow(credentials=True))),
)
def test_that_the_browser_closes_the_connection_speaks_for_credentials(
    leaning: bool, when: float, first: Exchange
) -> None:
    seen = Seen(first)
    seen.observer.closed("c", when)
    assert seen.of("r").leaning is leaning
    assert seen.observer.closed("unknown", when) == set()
