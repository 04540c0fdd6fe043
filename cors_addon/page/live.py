"""The live page: what it answers to whom. It knows no proxy; ``mitm.page_flows`` carries its requests."""

import logging
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from ..traffic.bounded_dicts import Remembered
from ..verdict.failure_details import inert
from .guard import TOKEN_FIELD, TOKEN_HEADER, Purpose, Token, refusal
from .ledger import Ledger
from .messages import PageRequest, PageResponse, Place, json_response, response, sentence_response
from .services import Refused, Services

if TYPE_CHECKING:
    from .screen import Screen

logger = logging.getLogger("cors_addon")

PREFIX: Final = "/+cors/"
_METHODS: Final = {"": "GET", "data": "GET", "injection": "POST", "rules": "POST", "clear": "POST", "probe": "POST"}


class LivePage:
    """Answers requests for the page. ``ledger`` is told elsewhere which verdicts are new."""

    def __init__(self, services: Services, ledger: Ledger) -> None:
        self._services = services
        self._ledger = ledger
        self._token = Token()
        self._refused: Remembered[str, None] = Remembered(100)
        self._opened: Screen | None = None

    def _screen(self) -> "Screen":
        # Most sessions never open the page.
        if self._opened is None:
            from .screen import Screen

            self._opened = Screen(self._ledger, self._services, self._token.text)
        return self._opened

    def clear(self) -> None:
        """Forget what is shown."""
        self._ledger.clear()

    def answer(self, request: PageRequest) -> PageResponse:
        """Answer a request, be it the page's own or anybody's."""
        place = request.place
        if place.wrong:
            return sentence_response(421, place.wrong)
        if not place.base:
            return response(308, headers={"location": PREFIX})
        wanted = _METHODS.get(place.rest)
        if wanted is None:
            return sentence_response(404, "The live page has nothing at this address.", place.base)
        if request.method != wanted:
            return sentence_response(405, f"This address answers to {wanted}.", place.base, {"allow": wanted})
        purpose = Purpose.CHANGE if wanted == "POST" else Purpose.DATA if place.rest else Purpose.DOCUMENT
        problem = refusal(request.headers, purpose, place)
        if problem is not None:
            return self._refuse(request, purpose, problem)
        match purpose:
            case Purpose.DOCUMENT:
                return self._document(request)
            case Purpose.DATA:
                if not self._token.matches(request.headers.get(TOKEN_HEADER) or ""):
                    return self._refuse(request, purpose, "The proxy was started anew since; load the page again.")
                return self._changes(place)
            case Purpose.CHANGE:
                return self._change(request)

    def _document(self, request: PageRequest) -> PageResponse:
        query, screen = request.place.query, self._screen()
        asked = parse_qs(query, keep_blank_values=True, max_num_fields=20) if len(query) < 2_000 else {}
        screen.look()
        html = screen.document(asked.get("q", [""])[0], "still" in asked)
        headers = {"content-security-policy": screen.policy}
        if (request.place.origin or "").startswith("https:") or request.headers.get("Sec-Fetch-Site") is not None:
            # Elsewhere browsers ignore it, and complain.
            headers["cross-origin-opener-policy"] = "same-origin"
        return response(200, html.encode("utf-8", "backslashreplace"), headers)

    def _changes(self, place: Place) -> PageResponse:
        since = place.query.removeprefix("since=")
        known = int(since) if since.isascii() and since.isdigit() and len(since) < 18 else 0
        if self._screen().look() == known:
            return response(204)
        return json_response(200, self._screen().changes(known))

    def _change(self, request: PageRequest) -> PageResponse:
        form = request.form
        by_script = request.headers.get(TOKEN_HEADER)
        if not self._token.matches((by_script if by_script is not None else form.get(TOKEN_FIELD)) or ""):
            return self._refuse(
                request,
                Purpose.CHANGE,
                "The request lacks the page’s token. If it is the page’s own, load the page again.",
            )
        try:
            self._carry_out(request.place.rest, form)
        except Refused as exc:
            if by_script is not None:
                return json_response(409, {"error": str(exc)})
            return sentence_response(409, str(exc), request.place.base)
        if by_script is not None:
            return self._changes(request.place)
        return response(303, headers={"location": request.place.base})

    def _carry_out(self, action: str, form: dict[str, str]) -> None:
        services, state, name = self._services, form.get("state", ""), form.get("name", "")
        if action == "clear":
            services.clear()
        elif action == "probe":
            services.probe(name)
        elif state not in ("on", "off"):
            raise Refused("state has to be on or off")
        elif action == "injection":
            services.switch_injection(state == "on")
        else:
            services.switch_rule(name, state == "on")

    def _refuse(self, request: PageRequest, purpose: Purpose, problem: str) -> PageResponse:
        origin = request.headers.get("Origin") or ""
        if purpose is Purpose.CHANGE and origin not in self._refused:
            self._refused[origin] = None
            logger.warning("CORS: the live page refused a change asked for by %s: %s", inert(origin or "?"), problem)
        if purpose is Purpose.DOCUMENT:
            return sentence_response(403, problem)
        return json_response(403, {"error": problem})
