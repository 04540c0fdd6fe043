"""What a failed flow says: who broke it off, and whether the browser got mitmproxy's error page for it.

mitmproxy gives a text and no kind. Some of its texts are the same for either side, and those of a reset stream name the
client whoever reset it; the state of the connections tells the sides apart, but only while they are open.
"""

import re
from typing import Final

from mitmproxy import http
from mitmproxy.connection import ConnectionState
from mitmproxy.flow import Error

from ..traffic.exchange import KILLED, Responder

_RESET: Final = re.compile(r"stream (?:reset|closed) by client \((.*)\)")
_GIVEN_UP: Final = frozenset({"CANCEL", "H3_REQUEST_CANCELLED"})
_ASK_AGAIN: Final = frozenset({"HTTP_1_1_REQUIRED", "H3_VERSION_FALLBACK"})
_OF_EITHER_SIDE: Final = ("peer closed connection", "HTTP/2 connection closed", "HTTP/2 protocol error")
_REFUSED_REQUEST: Final = re.compile(r"Received .* from client, refusing", re.DOTALL)
CLIENT_GONE: Final = "client disconnected"


def is_killed(flow: http.HTTPFlow) -> bool:
    """Say whether the proxy's user or an addon ended the flow; the browser gets nothing then."""
    return flow.error is not None and flow.error.msg == Error.KILLED_MESSAGE


def failure_of(flow: http.HTTPFlow) -> tuple[str, Responder]:
    """Return the failure's text, in which the two sides are told apart, and who answered the browser.

    A text that begins with ``client disconnected`` (in any case) says that the browser did not wait for the answer.
    """
    assert flow.error is not None
    text = flow.error.msg
    if is_killed(flow):
        return KILLED, Responder.NOBODY
    reset = _RESET.fullmatch(text)
    if reset is not None:
        return _reset(flow, reset[1])
    if _is_clients(flow, text):
        return text if text.lower().startswith(CLIENT_GONE) else f"{CLIENT_GONE}: {text}", Responder.NOBODY
    if flow.live and text.startswith(_OF_EITHER_SIDE):
        return f"the server broke off: {text}", Responder.PROXY
    return text, Responder.PROXY


def _reset(flow: http.HTTPFlow, code: str) -> tuple[str, Responder]:
    multiplexed = flow.request.http_version.startswith(("HTTP/2", "HTTP/3"))
    by_client = multiplexed and (flow.server_conn.alpn not in (b"h2", b"h3") or code in _GIVEN_UP)
    if by_client:
        return f"{CLIENT_GONE}: stream reset ({code})", Responder.NOBODY
    if code in _ASK_AGAIN:
        return f"{CLIENT_GONE}: the server wants another HTTP version, and the browser asks again", Responder.NOBODY
    return f"the server reset the stream ({code})", Responder.PROXY


def _is_clients(flow: http.HTTPFlow, text: str) -> bool:
    if _REFUSED_REQUEST.match(text):
        return False
    if text.startswith("HTTP/1 protocol error"):
        # Without a response it was the request's body that broke off.
        return flow.response is None
    return flow.live and not flow.client_conn.state & ConnectionState.CAN_READ
