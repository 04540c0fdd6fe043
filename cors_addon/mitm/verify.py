"""``cors.verify``: send a failing request again, as the browser sent it, and say whether the server's fix has arrived.

It sends GET, HEAD and preflights only, and only to hosts of the rule file, with mitmproxy's own client replay: no rule
changes what comes back. The answer is judged as the browser would judge it, in place of the one before.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final

from mitmproxy import ctx, exceptions, flow, http
from mitmproxy.log import ALERT

from ..capture.flow_keys import PROBE
from ..diagnosis.headlines import headline_of
from ..fetch.headers import HeaderList
from ..fetch.messages import Response
from ..traffic.bounded_dicts import Remembered
from ..traffic.exchange import ADDON_HEADER
from ..traffic.record import Record
from ..traffic.retention import is_cut
from ..verdict.failure_details import inert
from ..verdict.model import Outcome
from ..verdict.redact import redact
from .probe import LONGEST, is_listed, rebuilt
from .services import Services

logger = logging.getLogger("cors_addon")

VERIFY: Final = "verify"
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_MOST: Final = 500
# With these, the server could answer with less than it did.
_LEFT_OUT: Final = (
    *("if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "range"),
    *("content-length", "transfer-encoding", "expect"),
)


class Verifier:
    """Sends one request again at a time. ``longest`` is for how many seconds an answer is awaited."""

    def __init__(self, services: Services, longest: float = LONGEST) -> None:
        self._services = services
        self._longest = longest
        self._task: asyncio.Task[None] | None = None
        self._awaited: tuple[str, asyncio.Future[None]] | None = None
        self._told: Remembered[str, str] = Remembered(_MOST)

    def note(self, flow_id: str) -> str:
        """Return what came of verifying a flow, in a sentence; empty where nobody has."""
        return self._told.get(flow_id, "")

    def clear(self) -> None:
        """Forget what was found."""
        self._told.clear()

    def begin(self, flows: Sequence[flow.Flow]) -> str:
        """Begin to send the request of one flow again; raises ``CommandError``."""
        if len(flows) != 1:
            raise exceptions.CommandError("cors.verify takes one flow, such as @focus")
        return self.begin_for((self._services.judged.find(flows[0]) or flows[0]).id)

    def begin_for(self, flow_id: str) -> str:
        """Do the same for the flow of an id."""
        if self._task is not None and not self._task.done():
            raise exceptions.CommandError("cors.verify is at work; the log says when it is done")
        record = self._record(flow_id)
        if is_cut(record.exchange.request):
            raise exceptions.CommandError(
                "This request has a URL over 8 KB or a header over 4 KB, and cors.verify remembers only the beginning."
                " Repeat the request in the page."
            )
        again = rebuilt(record.exchange)
        request = again.request
        for host in (request.host, request.pretty_host):
            if not is_listed(self._services.injection.rules, request.scheme, host, request.port):
                raise exceptions.CommandError(
                    f"{inert(host, 200)} is in no rule's hosts, and cors.verify asks the hosts of the rule file only."
                    " Add a rule with cors.rules.add @focus, or with Unblock on the live page."
                )
        if ctx.master.commands.call("replay.client.count"):
            raise exceptions.CommandError("client replay is busy, and cors.verify needs it; try again when it is done")
        for name in _LEFT_OUT:
            request.headers.pop(name, None)
        again.metadata[PROBE] = VERIFY
        again.comment = "CORS: cors.verify sends this request again"
        self._task = asyncio.get_running_loop().create_task(self._run(flow_id, record, again), name="cors.verify")
        return f"cors.verify sends {_shown(again)} again; the log says what comes of it"

    def _record(self, flow_id: str) -> Record:
        """Return what is sent again for a flow: its own request, or its preflight where the method is not safe."""
        correlator = self._services.session.correlator
        record = correlator.get(flow_id)
        if record is None:
            raise exceptions.CommandError("This flow is forgotten. Repeat the request in the page.")
        if record.exchange.request.method in _SAFE:
            return record
        preflight = correlator.get(record.preflight)
        if preflight is None:
            raise exceptions.CommandError(
                f"cors.verify sends GET, HEAD and preflights only, and this {inert(record.exchange.request.method, 20)}"
                " had no preflight. Repeat the request in the page."
            )
        return preflight

    async def _run(self, flow_id: str, record: Record, again: http.HTTPFlow) -> None:
        try:
            await self._ask(again)
            told = f"{_shown(again)}: {self._outcome(record, again)}"
            self._told[flow_id] = self._told[record.id] = f"Verified at {time.strftime('%H:%M:%S')}. {told}"
            again.comment = f"CORS: {told}"
            logger.log(ALERT, "CORS: verified: %s", told)
            for each in (flow_id, record.id):
                self._services.store.touch(each)
        except Exception as exc:
            self._services.log.fault("cors.verify", None, exc)

    async def _ask(self, again: http.HTTPFlow) -> None:
        self._awaited = again.id, asyncio.get_running_loop().create_future()
        try:
            ctx.master.commands.call("replay.client", [again])
            await asyncio.wait_for(self._awaited[1], self._longest)
        except TimeoutError:
            return
        finally:
            self._awaited = None

    def _outcome(self, record: Record, again: http.HTTPFlow) -> str:
        answer = again.response
        if answer is None:
            return f"the server did not answer: {inert(again.error.msg, 200) if again.error else 'no response'}."
        if again.server_conn.timestamp_start is None or ADDON_HEADER in answer.headers:
            return "a recording, an addon or another proxy's rule wrote the response, so the server's own is not known."
        response = Response(answer.status_code, HeaderList.from_bytes(answer.headers.fields))
        verdict = self._services.session.verdict_if(record.id, response)
        if verdict is None:
            return f"the server answered with {answer.status_code}; the flow before is forgotten."
        what = "the preflight passes" if again.request.method == "OPTIONS" else "the server allows it"
        if verdict.outcome is Outcome.ALLOWED:
            return f"the fix has arrived: {what} now."
        return f"still {verdict.outcome.value}: {redact(headline_of(verdict))}."

    def arrived(self, seen: http.HTTPFlow) -> None:
        """Take note of a flow that is over, with a response or without."""
        if self._awaited is not None and self._awaited[0] == seen.id and not self._awaited[1].done():
            self._awaited[1].set_result(None)

    def stop(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()


def _shown(sent: http.HTTPFlow) -> str:
    return f"{inert(sent.request.method, 20)} {inert(redact(sent.request.pretty_url), 200)}"
