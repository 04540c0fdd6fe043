"""What a saved flow's failure says, as ``failures.failure_of`` tells of a flow that is not live: by its text alone."""

import re
from typing import Final

from ..traffic.exchange import KILLED, Responder

_KILLED: Final = "Connection killed."
_RESET: Final = re.compile(r"stream (?:reset|closed) by client \((.*)\)")
_GIVEN_UP: Final = frozenset({"CANCEL", "H3_REQUEST_CANCELLED"})
_ASK_AGAIN: Final = frozenset({"HTTP_1_1_REQUIRED", "H3_VERSION_FALLBACK"})
_GONE: Final = "client disconnected"


def failure_told(text: str, http_version: bytes, server_alpn: bytes | None, answered: bool) -> tuple[str, Responder]:
    """Return the failure's text, in which the two sides are told apart, and who answered the browser.

    ``answered`` says that there is a response all the same.
    """
    if text == _KILLED:
        return KILLED, Responder.NOBODY
    reset = _RESET.fullmatch(text)
    if reset is not None:
        return _reset(reset[1], http_version, server_alpn)
    if text.startswith("HTTP/1 protocol error") and not answered:
        return f"{_GONE}: {text}", Responder.NOBODY
    return text, Responder.PROXY


def _reset(code: str, http_version: bytes, server_alpn: bytes | None) -> tuple[str, Responder]:
    multiplexed = http_version.startswith((b"HTTP/2", b"HTTP/3"))
    if multiplexed and (server_alpn not in (b"h2", b"h3") or code in _GIVEN_UP):
        return f"{_GONE}: stream reset ({code})", Responder.NOBODY
    if code in _ASK_AGAIN:
        return f"{_GONE}: the server wants another HTTP version, and the browser asks again", Responder.NOBODY
    return f"the server reset the stream ({code})", Responder.PROXY
