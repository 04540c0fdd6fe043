"""The live page: what it answers to whom. It knows no proxy; ``mitm.page_flows`` carries its requests."""

import logging
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from ..diagnosis.stepwise import Steps
from ..traffic.bounded_dicts import Remembered
from ..verdict.failure_details import inert
from . import clients
from .guard import TOKEN_FIELD, TOKEN_HEADER, Purpose, Token, refusal
from .ledger import Ledger
from .messages import PageRequest, PageResponse, Place, json_response, response, sentence_response
from .services import Refused, Services

if TYPE_CHECKING:
    from .screen import Screen

logger = logging.getLogger("cors_addon")

_KEPT_DOCUMENTS: Final = 4
_DOCUMENT_EVERY: Final = 1.0
_METHODS: Final = {"": "GET", "data": "GET"} | dict.fromkeys(
    ("injection", "rules", "clear", "probe", "unblock", "undo", "verify", "remove"), "POST"
)


class LivePage:
    """Answers requests for the page. ``ledger`` is told elsewhere which verdicts are new.

    ``clients`` are the networks that may open it, beside this machine.
    """

    def __init__(self, services: Services, ledger: Ledger) -> None:
        self.clients: tuple[clients.Network, ...] = ()
        self._services = services
        self._ledger = ledger
        self._token = Token()
        self._refused: Remembered[str, None] = Remembered(100)
        self._rendered: Remembered[tuple[str, bool], tuple[int, float, bytes]] = Remembered(_KEPT_DOCUMENTS)
        self._opened: Screen | None = None

    def _screen(self) -> "Screen":
        # Most sessions never open the page.
        if self._opened is None:
            from .screen import Screen

            self._opened = Screen(self._ledger, self._services, self._token.text)
        return self._opened

    def clear(self) -> list[object]:
        """Forget what is shown; return what that frees."""
        self._rendered.clear()
        self._opened = None
        return self._ledger.clear()

    def answer(self, request: PageRequest, patience: float = float("inf")) -> Steps[PageResponse]:
        """Answer a request, the page's own or a stranger's, in steps; ``patience`` is that of ``Screen.prepare``."""
        refused = self._checked(request)
        if refused is not None:
            return refused
        purpose = _purpose(request)
        if purpose is Purpose.CHANGE:
            return (yield from self._change(request, patience))
        if purpose is Purpose.DATA and not self._token.matches(request.headers.get(TOKEN_HEADER) or ""):
            return self._refuse(request, Purpose.DATA, "The proxy was started anew since; load the page again.")
        yield from self._prepared(patience)
        return self._document(request) if purpose is Purpose.DOCUMENT else self._changes(request.place)

    def _prepared(self, patience: float) -> Steps[None]:
        screen = None
        # Meanwhile all may be forgotten.
        while screen is not self._screen():
            screen = self._screen()
            yield from screen.prepare(patience)

    def _checked(self, request: PageRequest) -> PageResponse | None:
        """Return the refusal of a request; ``None`` where it may be answered."""
        place = request.place
        stranger = clients.refusal(request.client, self.clients)
        if stranger is not None:
            return self._refuse_client(request.client, stranger)
        if place.wrong:
            return sentence_response(421, place.wrong)
        wanted = _METHODS.get(place.rest)
        if wanted is None:
            return sentence_response(404, "The live page has nothing at this address.", place.base)
        if request.method != wanted:
            return sentence_response(405, f"This address answers to {wanted}.", place.base, {"allow": wanted})
        purpose = _purpose(request)
        problem = refusal(request.headers, purpose, place)
        return None if problem is None else self._refuse(request, purpose, problem)

    def _document(self, request: PageRequest) -> PageResponse:
        query, screen = request.place.query, self._screen()
        asked = parse_qs(query, keep_blank_values=True, max_num_fields=20) if len(query) < 2_000 else {}
        html = self._html(screen, asked.get("q", [""])[0], "still" in asked)
        headers = {"content-security-policy": screen.policy}
        if request.place.origin.startswith("https:") or request.headers.get("Sec-Fetch-Site") is not None:
            # Elsewhere browsers ignore it, and complain.
            headers["cross-origin-opener-policy"] = "same-origin"
        return response(200, html, headers)

    def _html(self, screen: "Screen", wanted: str, still: bool) -> bytes:
        """Return the document; one that was just made is made again once in a second at most, whoever asks."""
        version, now = screen.version, time.monotonic()
        made_of, made_at, html = self._rendered.get((wanted, still), (-1, 0.0, b""))
        if made_of == version or (html and now - made_at < _DOCUMENT_EVERY):
            return html
        html = screen.document(wanted, still).encode("utf-8", "backslashreplace")
        self._rendered[wanted, still] = version, now, html
        return html

    def _changes(self, place: Place) -> PageResponse:
        since = place.query.removeprefix("since=")
        known = int(since) if since.isascii() and since.isdigit() and len(since) < 18 else 0
        if self._screen().version == known:
            return response(204)
        return json_response(200, self._screen().changes(known))

    def _change(self, request: PageRequest, patience: float) -> Steps[PageResponse]:
        form = request.form
        by_script = request.headers.get(TOKEN_HEADER)
        if not self._token.matches((by_script if by_script is not None else form.get(TOKEN_FIELD)) or ""):
            return self._refuse(
                request,
                Purpose.CHANGE,
                "The request lacks the page’s token. If it is the page’s own, load the page again.",
            )
        try:
            yield from self._carry_out(request.place.rest, form)
        except Refused as exc:
            if by_script is not None:
                return json_response(409, {"error": str(exc)})
            return sentence_response(409, str(exc), request.place.base)
        self._rendered.clear()
        if by_script is not None:
            yield from self._prepared(patience)
            return self._changes(request.place)
        return response(303, headers={"location": request.place.base})

    def _carry_out(self, action: str, form: dict[str, str]) -> Steps[None]:
        services, state, name = self._services, form.get("state", ""), form.get("name", "")
        if action == "clear":
            services.clear()
        elif action == "probe":
            services.probe(name)
        elif action == "unblock":
            yield from services.unblock(name, form.get("seen", ""))
        elif action == "undo":
            services.undo()
        elif action == "verify":
            services.verify(name)
        elif action == "remove":
            services.remove(name)
        elif state not in ("on", "off"):
            raise Refused("state has to be on or off")
        elif action == "injection":
            services.switch_injection(state == "on")
        else:
            services.switch_rule(name, state == "on")

    def _refuse_client(self, client: str, problem: str) -> PageResponse:
        if client not in self._refused:
            self._refused[client] = None
            logger.warning("CORS: the live page refused %s, another machine: %s", inert(client or "?", 60), problem)
        return sentence_response(403, problem)

    def _refuse(self, request: PageRequest, purpose: Purpose, problem: str) -> PageResponse:
        origin = request.headers.get("Origin") or ""
        if purpose is Purpose.CHANGE and origin not in self._refused:
            self._refused[origin] = None
            logger.warning("CORS: the live page refused a change asked for by %s: %s", inert(origin or "?"), problem)
        if purpose is Purpose.DOCUMENT:
            return sentence_response(403, problem)
        return json_response(403, {"error": problem})


def _purpose(request: PageRequest) -> Purpose:
    """Return what a request is for, one whose address and method are known."""
    if _METHODS[request.place.rest] == "POST":
        return Purpose.CHANGE
    return Purpose.DATA if request.place.rest else Purpose.DOCUMENT
