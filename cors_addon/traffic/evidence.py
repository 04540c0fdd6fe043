"""What single exchanges prove of their credentials mode, whatever else is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..fetch.messages import CredentialsMode
from .classify import BrowserFamily, Kind
from .connection_use import is_given_up_when_blocked, is_read_only_if_passed
from .passing_modes import surviving_modes
from .record import Record
from .testimony import Told

INCLUDE: Final = CredentialsMode.INCLUDE
NOT_INCLUDE: Final = CredentialsMode.NOT_INCLUDE


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence: for which mode it speaks, whether it is certain, what it is, and the flow that gave it.

    ``when`` is a Unix time, infinite where it was not told: of what says the same, the earliest is named.
    """

    mode: CredentialsMode
    certain: bool
    text: str
    exchange_id: str
    when: float = float("inf")


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The credentials mode as known.

    ``mode`` is ``None`` where nothing certain is known or certain evidence contradicts itself (``contradicted``).
    ``leaning`` says that something speaks for "include" without proving it.
    """

    mode: CredentialsMode | None
    evidence: tuple[Evidence, ...] = ()
    leaning: bool = False
    contradicted: bool = False

    @property
    def assumed(self) -> bool:
        """Whether the default, not included, stands in for knowledge."""
        return self.mode is None and not self.leaning and not self.contradicted


def carried(record: Record) -> Iterator[Evidence]:
    """What a request proves alone, whatever else is known."""
    exchange = record.exchange
    headers = exchange.request.headers
    if headers.sec_fetch_storage_access is not None:
        # Firefox sends it on the preflight of a credentialed request too.
        text = "Sec-Fetch-Storage-Access is sent with credentials only"
        yield Evidence(INCLUDE, True, text, exchange.id, exchange.started)
    if record.kind is Kind.CORS and headers.cookie is not None:
        yield Evidence(INCLUDE, True, "the request carries a Cookie", exchange.id, exchange.started)
    if record.kind is Kind.CORS and record.classification.destination == "font":
        text = "a font is fetched across origins without credentials, unless a preload asks for them"
        yield Evidence(NOT_INCLUDE, False, text, exchange.id, exchange.started)


def proved_on_connection(record: Record) -> Iterator[Evidence]:
    """What a request proves of all others on its connection."""
    if record.kind is Kind.CORS:
        yield from (evidence for evidence in carried(record) if evidence.certain)
    elif record.kind is Kind.PREFLIGHT:
        text = "a preflight, which never carries credentials, went over the same connection"
        yield Evidence(NOT_INCLUDE, True, text, record.id, record.exchange.started)


def keeps_connections_apart(record: Record) -> bool:
    """Say whether the browser never mixes credentialed and uncredentialed requests on such a connection.

    Chromium never mixes them, Firefox does over HTTP/2. WebKit is unknown.
    """
    if record.browser is BrowserFamily.FIREFOX:
        return record.exchange.http_version.startswith("HTTP/1")
    return record.browser is BrowserFamily.CHROMIUM


def proved_by_survival(record: Record) -> Iterator[Evidence]:
    """What a passed check proves, known to have passed because something came after it.

    Whatever passes with credentials passes without them, so it can only prove that there were none.
    """
    if record.was_followed and surviving_modes(record) == {NOT_INCLUDE}:
        what = "preflight" if record.kind is Kind.PREFLIGHT else "redirect"
        text = f"its {what} was followed, and passes only without credentials"
        yield Evidence(NOT_INCLUDE, True, text, record.id)


def proved_by_grant(record: Record, grant: Record) -> Iterator[Evidence]:
    """What a request proves that a kept grant spared its preflight.

    A grant made without credentials covers requests without credentials only:
    https://fetch.spec.whatwg.org/#concept-cache-match. In Chromium and WebKit a grant with credentials covers both,
    so there was none when the browser sent a preflight for the same method and header names. Firefox keeps the two
    apart, and an export may lack preflights.
    """
    if record.browser not in (BrowserFamily.CHROMIUM, BrowserFamily.WEBKIT) or record.exchange.source == "har":
        return
    same_method = grant.exchange.request.headers.request_method == record.exchange.request.method
    if same_method and set(record.header_names) <= set(grant.asked_names) and surviving_modes(grant) == {NOT_INCLUDE}:
        text = "no preflight was needed after an earlier one, which passes only without credentials"
        yield Evidence(NOT_INCLUDE, True, text, grant.id)


def proved_by_reading(record: Record) -> Iterator[Evidence]:
    """What it proves that WebKit read a response to its end, so that the connection carried another request."""
    if record.read_before is not None and is_read_only_if_passed(record) and surviving_modes(record) == {NOT_INCLUDE}:
        text = "the browser read the response, which passes only without credentials, and used its connection again"
        yield Evidence(NOT_INCLUDE, True, text, record.read_before)


def shown_by_closing(record: Record) -> Iterator[Evidence]:
    """What speaks for credentials where the browser gave up a connection upon a response."""
    if record.closed_before is None or record.read_before is not None:
        return
    was_seen = record.closed_before == record.id
    if is_given_up_when_blocked(record) if was_seen else is_read_only_if_passed(record):
        text = "the response passes only without credentials, and the browser closed its connection upon it"
        if surviving_modes(record) == {NOT_INCLUDE}:
            yield Evidence(INCLUDE, False, text, record.closed_before)


def proved_by_testimony(record: Record) -> Iterator[Evidence]:
    """What the browser's own word proves: the mode that it named, or the only one that explains the outcome."""
    testimony = record.exchange.testimony
    if testimony is None or record.delivered is not None:
        return
    if testimony.credentials is not None:
        yield Evidence(testimony.credentials, True, "the browser named the credentials mode", record.id)
    elif surviving_modes(record) == {NOT_INCLUDE}:
        if testimony.outcome is Told.PASSED:
            text = "the browser delivered the response, which passes only without credentials"
            yield Evidence(NOT_INCLUDE, True, text, record.id)
        elif testimony.outcome is Told.CORS:
            text = "the browser blocked the response, which fails only with credentials"
            yield Evidence(INCLUDE, True, text, record.id)
