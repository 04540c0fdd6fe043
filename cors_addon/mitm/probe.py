"""``cors.probe``: ask a development server, in made-up names, whom it trusts.

It sends what a page has sent already, GET, HEAD and preflights only, to hosts of the rule file only, with mitmproxy's
own client replay: so upstream proxies, certificates and filters are those of any flow. One request after the other,
with a pause between, a handful for each. They show in the list of flows as what they are, and are judged as nobody's.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from mitmproxy import connection, ctx, exceptions, flow, http
from mitmproxy.log import ALERT
from mitmproxy.net.http import url
from mitmproxy.proxy import mode_specs, server_hooks

from ..capture.flow_keys import PROBE
from ..diagnosis.probe_questions import OTHER_SITE, Answered, Guise, Trust, answered, guises, verdict_on
from ..fetch.headers import HeaderList
from ..fetch.messages import Request, Response
from ..fetch.origins import OPAQUE, Origin, is_schemelessly_same_site, origin_of, serialize_origin
from ..rules.model import RuleSet
from ..rules.patterns import target_of
from ..traffic.bounded_dicts import Remembered
from ..traffic.classify import Kind
from ..traffic.exchange import Exchange
from ..traffic.retention import is_cut
from ..traffic.sites import registrable_domain
from ..verdict.failure_details import inert
from ..verdict.redact import redact
from .services import Services

logger = logging.getLogger("cors_addon")

MOST: Final = 5
"""How many different requests one call of the command asks again."""

PAUSE: Final = 0.1
LONGEST: Final = 10.0
"""Seconds between two requests, and for how long an answer is awaited."""

_CLIENT: Final = ("cors.probe", 0)
_MOST_HOSTS: Final = 200
_MOST_ANSWERS: Final = 100
_SEARCHED: Final = 5_000
# What would have the server answer with less than it did, or a cache on the way keep what was made up.
_LEFT_OUT: Final = (
    *("if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "range"),
    *("content-length", "transfer-encoding", "expect", "pragma", "cache-control"),
)


def is_probe(seen: flow.Flow) -> bool:
    """Say whether a flow was made by the probe, now or before it was saved."""
    return PROBE in seen.metadata


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request that was sent, and what is needed to read its answer."""

    flow: http.HTTPFlow
    guise: Guise
    page: str
    trusts_all: bool
    server: tuple[str, int] | None
    answer: "asyncio.Future[Answered]"


class Probe:
    """What the command does, and what the addon's hooks tell it. ``pause`` and ``longest`` are seconds."""

    def __init__(self, services: Services, pause: float = PAUSE, longest: float = LONGEST) -> None:
        self._services = services
        self._pause = pause
        self._longest = longest
        self._task: asyncio.Task[None] | None = None
        self._asked: dict[str, _Waiting] = {}
        self._answers: Remembered[str, list[dict[str, Any]]] = Remembered(_MOST_HOSTS)
        self.version = 0
        """Another one whenever there are other answers."""

    def hand_over(self) -> Callable[[str], list[dict[str, Any]]]:
        """Forget what was answered; return the ``answers`` until now."""
        before = copy(self)
        self._answers = Remembered(_MOST_HOSTS)
        self.version += 1
        return before.answers

    def answers(self, host: str) -> list[dict[str, Any]]:
        """Return what a host (a serialized origin) answered, as plain data, by the order in which it was asked."""
        return list(self._answers.get(host, ()))

    def may_ask(self, host: str) -> bool:
        """Say whether a host (a serialized origin) is one that may be asked."""
        origin = origin_of(host)
        rules = self._services.injection.rules
        return origin is not None and is_listed(rules, origin.scheme, origin.host.strip("[]"), origin.port)

    def begin_at(self, host: str) -> str:
        """Begin to ask a host what pages asked it last, also where no front end keeps the flows."""
        return self.begin(self._latest(host))

    def _latest(self, host: str) -> list[http.HTTPFlow]:
        """Rebuild the latest requests to a host that may be asked again, each once."""
        found: dict[tuple[str, str], http.HTTPFlow] = {}
        for record in islice(reversed(self._services.session.correlator.records.values()), _SEARCHED):
            request = record.exchange.request
            if record.kind not in (Kind.CORS, Kind.PREFLIGHT) or request.method not in ("GET", "HEAD", "OPTIONS"):
                continue
            if serialize_origin(request.url) == host and not is_cut(request):
                found.setdefault((request.method, request.url), rebuilt(record.exchange))
                if len(found) == MOST:
                    break
        return list(found.values())

    # --- the command ------------------------------------------------------------------------------------------

    def begin(self, flows: Sequence[flow.Flow]) -> str:
        """Begin to ask for these flows; return what is done, in a sentence. Raises ``CommandError``."""
        if self._task is not None and not self._task.done():
            raise exceptions.CommandError("cors.probe is at work; it says when it is done")
        chosen: dict[tuple[str, str], http.HTTPFlow] = {}
        refused: dict[str, None] = {}
        for each in flows:
            problem = self._problem(each)
            if problem:
                refused[problem] = None
            else:
                assert isinstance(each, http.HTTPFlow)
                chosen.setdefault((each.request.method, each.request.pretty_url), each)
        if not chosen:
            raise exceptions.CommandError("; ".join(refused) or "cors.probe needs a flow, such as @focus")
        if ctx.master.commands.call("replay.client.count"):
            raise exceptions.CommandError("client replay is busy, and cors.probe needs it; try again when it is done")
        taken = list(chosen.values())[:MOST]
        if len(chosen) > MOST:
            refused[f"only the first {MOST} different requests are asked again"] = None
        self._task = asyncio.get_running_loop().create_task(self._ask_all(taken), name="cors.probe")
        left_out = f" ({'; '.join(refused)})" if refused else ""
        return f"cors.probe asks {len(taken)} of these again in made-up names, with their own credentials{left_out}"

    def _problem(self, seen: flow.Flow) -> str:
        """Say why a flow is not asked again, in a clause; empty where it may be."""
        if not isinstance(seen, http.HTTPFlow):
            return "cors.probe asks HTTP servers only"
        if is_probe(seen):
            return "a request of cors.probe itself is not asked again"
        if seen.live:
            return "a request that is still on its way cannot be asked again"
        request = seen.request
        shown = f"{inert(request.method, 20)} {inert(redact(request.pretty_url), 200)}"
        if request.method == "OPTIONS":
            if not request.headers.get("Access-Control-Request-Method"):
                return f"{shown} is no preflight; cors.probe sends GET, HEAD and preflights only"
        elif request.method not in ("GET", "HEAD"):
            return f"{shown}: cors.probe sends GET, HEAD and preflights only; choose its preflight"
        if unlisted := self._unlisted(request):
            return f"{inert(unlisted, 200)} is in no rule's hosts, and cors.probe asks the hosts of the rule file only"
        return ""

    def _unlisted(self, request: http.Request) -> str:
        """Return the host of a request that no rule lists, empty where both are listed.

        There may be two: the one that is connected to, and the one that the Host header names.
        """
        rules = self._services.injection.rules
        for host in (request.host, request.pretty_host):
            if not is_listed(rules, request.scheme, host, request.port):
                return host
        return ""

    # --- asking -----------------------------------------------------------------------------------------------

    async def _ask_all(self, chosen: Sequence[http.HTTPFlow]) -> None:
        try:
            for each in chosen:
                await self._ask(each)
        except Exception as exc:
            self._services.log.fault("cors.probe", None, exc)

    async def _ask(self, original: http.HTTPFlow) -> None:
        request = original.request
        host = origin_of(request.pretty_url)
        page = origin_of(request.headers.get("Origin") or "") or host
        if host is None or page is None:
            return
        found: list[Answered] = []
        for guise in guises(page):
            if self._unlisted(request):
                # The rule file was saved meanwhile.
                break
            result = await self._ask_as(original, guise, page, host, found)
            found.append(result)
            if result.trust is Trust.FAILED:
                break
            await asyncio.sleep(self._pause)
        kept = self._answers.get(host.serialize(), [])
        self._answers[host.serialize()] = [*kept, *(each.to_plain() for each in found)][-_MOST_ANSWERS:]
        self.version += 1
        for line in told(request.method, request.pretty_url, found):
            logger.log(ALERT, "%s", line)

    async def _ask_as(
        self, original: http.HTTPFlow, guise: Guise, page: Origin, host: Origin, found: Sequence[Answered]
    ) -> Answered:
        asking = disguised(original, guise, host)
        trusts_all = any(each.guise.kind == OTHER_SITE and each.trust is Trust.WITH_CREDENTIALS for each in found)
        # A file may name any address.
        server = None if self._services.judged.is_saved(original) else _connected_to(original)
        answer = asyncio.get_running_loop().create_future()
        waiting = _Waiting(asking, guise, page.serialize(), trusts_all, server, answer)
        self._asked[asking.id] = waiting
        try:
            ctx.master.commands.call("replay.client", [asking])
            return await asyncio.wait_for(waiting.answer, self._longest)
        except TimeoutError:
            return self._answered(waiting, f"none came within {self._longest:g} seconds")
        finally:
            del self._asked[asking.id]

    def _answered(self, waiting: _Waiting, error: str = "") -> Answered:
        """Read what came, and show it."""
        asking, sent = waiting.flow, waiting.flow.request
        request = Request(sent.method, sent.pretty_url, HeaderList.from_bytes(sent.headers.fields))
        response: Response | None = None
        if asking.error is not None:
            error = asking.error.msg
        elif asking.response is not None:
            response = Response(asking.response.status_code, HeaderList.from_bytes(asking.response.headers.fields))
        result = answered(waiting.guise, asking.id, request, response, error)
        address, _ = _connected_to(asking) or ("", 0)
        self._services.store.take_probe(asking, verdict_on(result, request, waiting.page, address, waiting.trusts_all))
        return result

    # --- from the hooks -----------------------------------------------------------------------------------------

    def arrived(self, seen: http.HTTPFlow) -> None:
        """Take note of a flow of the probe that is over, with a response or without."""
        waiting = self._asked.get(seen.id)
        if waiting is None or waiting.answer.done():
            return
        # At once, so that a file that the flow is written to next has it too.
        try:
            waiting.answer.set_result(self._answered(waiting))
        except Exception as exc:
            waiting.answer.set_exception(exc)

    def keep_to_the_list(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Let neither another addon nor a name that leads elsewhere by now send elsewhere what the probe asks."""
        server = data.server
        if data.client.peername != _CLIENT or server.address is None:
            return
        host, port = server.address[:2]
        if (host, port) in _upstream_proxies():
            return
        if not is_listed(self._services.injection.rules, "https" if server.tls else "http", host, port):
            server.error = f"cors.probe asks the hosts of the rule file only, and {inert(host, 200)} is none of them"
        elif server.via is None:
            server.address = next((each.server for each in self._asked.values() if each.server), server.address)

    def stop(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()


def is_listed(rules: RuleSet, scheme: str, host: str, port: int) -> bool:
    """Say whether a rule, enabled or not, names a server as one of its hosts."""
    target = target_of(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/")
    return target is not None and any(pattern.matches(target) for rule in rules.rules for pattern in rule.hosts)


def _connected_to(seen: http.HTTPFlow) -> tuple[str, int] | None:
    """Return the address that a flow's server had; through another proxy, it would be that proxy's."""
    server = seen.server_conn
    return server.peername[:2] if server.peername and server.via is None else None


def _upstream_proxies() -> Iterator[tuple[str, int]]:
    for spec in ctx.options.mode:
        mode = mode_specs.ProxyMode.parse(spec)
        if isinstance(mode, mode_specs.UpstreamMode):
            yield mode.address


def rebuilt(exchange: Exchange) -> http.HTTPFlow:
    """Make a flow of what is remembered of a request: all of it but the body, unless it ``is_cut``."""
    client = connection.Client(peername=_CLIENT, sockname=_CLIENT, timestamp_start=exchange.started)
    made = http.HTTPFlow(client, connection.Server(address=None))
    request = exchange.request
    fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
    made.request = http.Request.make(request.method, request.url, b"", http.Headers(fields))
    if not made.request.host_header:  # Over HTTP/2 the name stands elsewhere.
        made.request.headers["Host"] = url.hostport(made.request.scheme, made.request.host, made.request.port)
    was_there = exchange.server_address and exchange.source == "live"
    made.server_conn.peername = (exchange.server_address, made.request.port) if was_there else None
    made.live = False
    return made


def disguised(original: http.HTTPFlow, guise: Guise, host: Origin) -> http.HTTPFlow:
    """Return a copy of a flow that asks the same in another name: with its credentials, and without a body."""
    made: http.HTTPFlow = original.copy()
    made.metadata = {PROBE: guise.kind}
    made.marked, made.comment = "", f"CORS: cors.probe asks as {guise.origin}"
    made.response, made.error, made.intercepted = None, None, False
    made.client_conn.peername = _CLIENT
    request = made.request
    request.raw_content, request.trailers = b"", None
    for name in _LEFT_OUT:
        request.headers.pop(name, None)
    request.headers["Origin"] = guise.origin
    # Some caches on the way keep what is not for them to keep: an answer to a made-up page must not reach a real one.
    request.headers["Cache-Control"] = "no-store"
    if guise.origin == OPAQUE:
        request.headers.pop("Referer", None)
    elif "Referer" in request.headers:
        request.headers["Referer"] = f"{guise.origin}/"
    if "Sec-Fetch-Site" in request.headers:
        request.headers["Sec-Fetch-Site"] = _site(guise.origin, host)
    return made


def _site(origin: str, host: Origin) -> str:
    page = origin_of(origin)
    if page is None or page.scheme != host.scheme or not is_schemelessly_same_site(page, host, registrable_domain):
        return "cross-site"
    return "same-origin" if page == host else "same-site"


def told(method: str, address: str, found: Sequence[Answered]) -> Iterator[str]:
    """Say what was asked, what was answered and what that means, a line each."""
    shown = f"{inert(method, 20)} {inert(redact(address), 200)}"
    refused = [each.guise.kind for each in found if each.trust is Trust.NO]
    allowed = sum(each.trust not in (Trust.NO, Trust.FAILED) for each in found)
    yield f"CORS: {shown} was asked in {len(found)} made-up names; the server allowed {allowed} of them"
    for each in found:
        if each.trust is not Trust.NO:
            headers = [f"Access-Control-Allow-Origin: {inert(redact(each.allow_origin or ''), 200)}"]
            if each.allow_credentials is not None:
                headers.append(f"Access-Control-Allow-Credentials: {inert(each.allow_credentials, 40)}")
            answer = f", answered {', '.join(headers)}" if each.trust is not Trust.FAILED else ""
            yield f"CORS:   asked as {inert(each.guise.origin, 200)}{answer}: it {inert(redact(each.meaning), 300)}"
    if refused:
        yield f"CORS:   not allowed: {', '.join(refused)}"
