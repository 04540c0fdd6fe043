"""What a rule had made of a response before its flow was saved, by what the addon then noted on the flow."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..fetch.headers import HeaderList
from ..fetch.messages import Response
from ..traffic.exchange import Exchange, Responder
from ..traffic.retention import LONGEST_VALUE, MOST_LINES, cut
from .flow_keys import SERVER, VERDICT
from .sighting import Made


def as_sent(metadata: Mapping[str, Any], exchange: Exchange) -> tuple[Exchange, Made] | None:
    """Return a saved exchange as its server answered it, and what a rule had made of that; ``None`` without a change.

    Where the server was not asked, the exchange has no response. A file may hold anything: notes of another shape than
    the addon's say nothing.
    """
    try:
        told = metadata[VERDICT]["delivered"]
        if not told or told["dry_run"] or exchange.response is None:
            return None
        edits = tuple(tuple(cut(str(part), LONGEST_VALUE) for part in edit) for edit in told["edits"][:MOST_LINES])
        made = Made(cut(str(told["rule"]), LONGEST_VALUE), edits, exchange.response)
        kept = metadata.get(SERVER)
        if not kept:
            return replace(exchange, response=None, responder=Responder.SERVER, body_hints=()), made
        (_, status), *lines = kept
        sent = [(_latin(name), _latin(value)) for name, value in lines]
        return replace(exchange, response=Response(int(status), HeaderList(sent))), made
    except (LookupError, TypeError, ValueError, AttributeError):
        return None


def _latin(text: object) -> str:
    return str(text).encode("latin-1", "replace").decode("latin-1")
