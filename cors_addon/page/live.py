"""The live page: it answers its own requests, and keeps them from everything that comes after it."""

import json
import logging
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from mitmproxy import ctx, exceptions, http, tls
from mitmproxy.proxy import mode_specs

from ..mitm.commands import Commands
from ..traffic.bounded_dicts import Remembered
from ..verdict.failure_details import inert
from ..verdict.model import Verdict
from . import page_address
from .guard import TOKEN_FIELD, TOKEN_HEADER, Purpose, Token, refusal
from .html_text import line
from .ledger import Ledger
from .page_address import Place

if TYPE_CHECKING:
    from ..diagnosis.host_profiles import Profile
    from ..mitm.addon import CorsAddon
    from .screen import Screen

logger = logging.getLogger("cors_addon")

_LONGEST_FORM: Final = 16_384
_NEWEST: Final = 2_000
"""How many verdicts are searched for what fails at a host; a report searches all."""

_METHODS: Final = {"": "GET", "data": "GET", "injection": "POST", "rules": "POST", "clear": "POST", "probe": "POST"}
_BARE_POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PLACES: Final = frozenset({"cors_page", "mode", "connection_strategy", "listen_host", "listen_port"})

_Hook = Callable[["LivePage", http.HTTPFlow], None]


def own(hook: _Hook) -> _Hook:
    """Run a hook for one of the page's own flows, and end the chain of addons there.

    So no list, file or filter gets to see what the page polls, and nothing changes it on its way: no header rule can
    open it to other origins, no breakpoint stops it.
    """

    @wraps(hook)
    def guarded(self: "LivePage", flow: http.HTTPFlow) -> None:
        if not flow.live:
            return
        try:
            hook(self, flow)
        except Exception as exc:
            self._addon.teller.fault(f"the live page’s {hook.__name__}", flow, exc)
            flow.response = _response(500, _plain_document("The live page has a fault of its own; the log has more."))
        raise exceptions.AddonHalt

    return guarded


class LivePage:
    """Answers at the option ``cors_page``'s host through the proxy, and below ``/+cors/`` of a reverse proxy.

    The addon hands it what is its own, since one addon more in the chain would cost every event a call.
    """

    def __init__(self, addon: "CorsAddon", commands: Commands, capacity: int) -> None:
        self._addon = addon
        self._commands = commands
        self._host = ""
        self._running = False
        self._token = Token()
        self._ledger = Ledger(self._asked_method, capacity)
        self._refused: Remembered[str, None] = Remembered(100)
        self._opened: Screen | None = None

    def _screen(self) -> "Screen":
        # Most sessions never open the page.
        if self._opened is not None:
            return self._opened
        from .profiles import Profiles
        from .screen import Screen

        addon = self._addon
        self._opened = Screen(
            self._ledger,
            addon.injection,
            self._token.text,
            lambda: addon.kept.judged,
            self._suggest,
            addon.kept.explained,
            Profiles(self._profiles, self._token.text, lambda: (addon.probe.version, addon.injection.rules)),
        )
        return self._opened

    # --- for the addon ----------------------------------------------------------------------------------------

    def owns(self, flow: http.HTTPFlow) -> bool:
        """Say whether a flow is the page's own, a saved one too: such flows are not judged and not changed."""
        return page_address.reaches(flow, self._host)

    def touch(self, flow_id: str) -> None:
        """Take note that a flow's verdict is new, another one, or gone."""
        self._ledger.touch(flow_id)

    def clear(self) -> None:
        """Forget what is shown."""
        self._ledger.clear()

    # --- life -------------------------------------------------------------------------------------------------

    def configure(self, updated: set[str]) -> None:
        if "cors_page" in updated:
            self._host = ctx.options.cors_page.lower()
        if self._running and updated & _PLACES:
            self._say_where()

    def running(self) -> None:
        self._running = True
        self._say_where()

    def _say_where(self) -> None:
        options = ctx.options
        # Scripts drive addons without any proxy, which is nowhere.
        if not self._host or "connection_strategy" not in options or not options.server:
            return
        try:
            modes = [mode_specs.ProxyMode.parse(spec) for spec in options.mode]
        except ValueError:
            return
        lazy = options.connection_strategy == "lazy"
        told = page_address.whereabouts(self._host, modes, options.listen_host, options.listen_port, lazy)
        if told:
            logger.info("CORS: %s", told)

    # --- traffic ----------------------------------------------------------------------------------------------

    def http_connect(self, flow: http.HTTPFlow) -> None:
        """Open the tunnel, where it is to the page, without asking anybody where that is."""
        if self._host and flow.request.data.host.lower() == self._host and flow.response is None:
            flow.response = http.Response(
                b"HTTP/1.1", 200, b"Connection established", http.Headers(), b"", None, 0.0, 0.0
            )

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        """Keep mitmproxy from asking a server for its certificate first: there is none."""
        address = data.context.server.address
        if isinstance(data.context.client.proxy_mode, mode_specs.ReverseMode) or address is None:
            return
        if self._host and address[0].lower() == self._host:
            raise exceptions.AddonHalt

    @own
    def requestheaders(self, flow: http.HTTPFlow) -> None:
        # What is streamed goes to a server, and there is none.
        flow.request.stream = False

    @own
    def request(self, flow: http.HTTPFlow) -> None:
        if flow.response is None and flow.error is None:
            flow.response = self._answer(flow)

    @own
    def responseheaders(self, flow: http.HTTPFlow) -> None:
        pass

    @own
    def response(self, flow: http.HTTPFlow) -> None:
        pass

    @own
    def error(self, flow: http.HTTPFlow) -> None:
        pass

    # --- answers ----------------------------------------------------------------------------------------------

    def _answer(self, flow: http.HTTPFlow) -> http.Response:
        place = page_address.place_of(flow, self._host)
        request = flow.request
        if place.wrong:
            return _response(421, _plain_document(place.wrong))
        if not place.base:
            return _response(308, b"", {"Location": page_address.PREFIX})
        wanted = _METHODS.get(place.rest)
        if wanted is None:
            return _response(404, _plain_document("The live page has nothing at this address.", place.base))
        if request.method != wanted:
            told = _plain_document(f"This address answers to {wanted}.", place.base)
            return _response(405, told, {"Allow": wanted})
        purpose = Purpose.CHANGE if wanted == "POST" else Purpose.DATA if place.rest else Purpose.DOCUMENT
        problem = refusal(request.headers, purpose, place)
        if problem is not None:
            return self._refuse(flow, purpose, problem)
        match purpose:
            case Purpose.DOCUMENT:
                return self._document(flow, place)
            case Purpose.DATA:
                if not self._token.matches(request.headers.get(TOKEN_HEADER, "")):
                    return self._refuse(flow, purpose, "The proxy was started anew since; load the page again.")
                return self._changes(place)
            case Purpose.CHANGE:
                return self._change(flow, place)

    def _document(self, flow: http.HTTPFlow, place: Place) -> http.Response:
        asked = parse_qs(place.query, keep_blank_values=True, max_num_fields=20) if len(place.query) < 2_000 else {}
        self._screen().look(self._addon.kept.verdicts)
        html = self._screen().document(asked.get("q", [""])[0], "still" in asked)
        headers = {"Content-Security-Policy": self._screen().policy}
        if flow.request.scheme == "https" or "Sec-Fetch-Site" in flow.request.headers:
            # Elsewhere browsers ignore it, and complain.
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
        return _response(200, html.encode("utf-8", "backslashreplace"), headers)

    def _changes(self, place: Place) -> http.Response:
        since = place.query.removeprefix("since=")
        known = int(since) if since.isascii() and since.isdigit() and len(since) < 18 else 0
        version = self._screen().look(self._addon.kept.verdicts)
        if version == known:
            return _response(204, b"")
        return _json(200, self._screen().changes(known))

    def _change(self, flow: http.HTTPFlow, place: Place) -> http.Response:
        form = _form(flow.request)
        by_script = TOKEN_HEADER in flow.request.headers
        token = flow.request.headers.get(TOKEN_HEADER) if by_script else form.get(TOKEN_FIELD)
        if not self._token.matches(token or ""):
            return self._refuse(
                flow,
                Purpose.CHANGE,
                "The request lacks the page’s token. If it is the page’s own, load the page again.",
            )
        try:
            self._carry_out(place.rest, form)
        except exceptions.CommandError as exc:
            told = str(exc)
            return _json(409, {"error": told}) if by_script else _response(409, _plain_document(told, place.base))
        if by_script:
            return self._changes(place)
        return _response(303, b"", {"Location": place.base})

    def _carry_out(self, action: str, form: dict[str, str]) -> None:
        state = form.get("state", "")
        if action == "clear":
            self._addon.clear()
            return
        if action == "probe":
            self._addon.probe.begin_at(form.get("name", ""))
            return
        if state not in ("on", "off"):
            raise exceptions.CommandError("state has to be on or off")
        if action == "injection":
            self._commands.inject(state)
            return
        name = form.get("name", "")
        rule = self._addon.injection.rules.find(name)
        if rule is None or rule.enabled != (state == "on"):
            self._commands.rules_toggle(name)

    def _refuse(self, flow: http.HTTPFlow, purpose: Purpose, problem: str) -> http.Response:
        origin = flow.request.headers.get("Origin", "")
        if purpose is Purpose.CHANGE and origin not in self._refused:
            self._refused[origin] = None
            logger.warning("CORS: the live page refused a change asked for by %s: %s", inert(origin or "?"), problem)
        if purpose is Purpose.DOCUMENT:
            return _response(403, _plain_document(problem))
        return _json(403, {"error": problem})

    # --- what the ledger and the screen ask -------------------------------------------------------------------

    def _asked_method(self, flow_id: str) -> str | None:
        record = self._addon.session.correlator.get(flow_id)
        return record.exchange.request.headers.get("Access-Control-Request-Method") if record is not None else None

    def _profiles(self, most: int) -> tuple[list["Profile"], int]:
        addon = self._addon
        found = addon.profiles(most, newest=_NEWEST)
        known = len(addon.session.hosts.hosts())
        return [{**each, "may_be_probed": addon.probe.may_ask(each["host"])} for each in found], known

    def _suggest(self, verdict: Verdict) -> Sequence[str]:
        taken = [rule.name for rule in self._addon.injection.rules.rules]
        from ..mitm.suggestions import suggestion

        lines = suggestion([verdict], self._addon.session, taken)
        return lines if any(not line.startswith("#") for line in lines) else ()


def _form(request: http.Request) -> dict[str, str]:
    """Return the fields of a form; none of anything else."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    body = request.raw_content or b""
    if kind != "application/x-www-form-urlencoded" or len(body) > _LONGEST_FORM:
        return {}
    try:
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items() if len(values) == 1}


def _json(status: int, data: dict[str, Any]) -> http.Response:
    # Inert even where somebody takes it for HTML.
    body = (
        json.dumps(data, separators=(",", ":")).replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")
    )
    return _response(status, body.encode("ascii"), {"Content-Type": "application/json"})


def _plain_document(sentence: str, base: str = "") -> bytes:
    back = f'<p><a href="{line(base)}">The live page</a></p>' if base else ""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>CORS</title><h1>CORS</h1><p>{line(sentence, 2_000)}</p>{back}</html>"
    ).encode("utf-8", "backslashreplace")


def _response(status: int, body: bytes, headers: dict[str, str] | None = None) -> http.Response:
    """Make a response that is closed to every other origin."""
    fields = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": _BARE_POLICY,
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
        # With no-referrer, browsers would send the page's own forms with an opaque origin.
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        **(headers or {}),
    }
    if not body:
        del fields["Content-Type"]
    made = http.Response.make(status, body, {name.lower(): value for name, value in fields.items()})
    if status == 204:
        del made.headers["content-length"]
    return made
