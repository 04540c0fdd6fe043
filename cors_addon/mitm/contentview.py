"""The CORS view of requests and responses, in both of mitmproxy's content view interfaces."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any, Final

from mitmproxy import contentviews, ctx, http
from mitmproxy.flow import Flow

from ..capture.flow_keys import SERVER
from ..traffic.exchange import ADDON_HEADER

NAME: Final = "CORS"
_FIRST: Final = 2.0
_NOT_BY_ITSELF: Final = -1.0
_WIDTH: Final = 64
"""What fits beside the flow list of mitmweb in a window of 1280 pixels."""

_BLOCKED: Final = "blocked"
_CHANGED: Final = (
    "A rule has changed this response, and what the server sent is forgotten."
    " Repeat the request in the browser to have it judged again."
)
_WAITS: Final = (
    "This flow waits for its verdict, behind the many that came before it. Look again in a moment: choose another flow,"
    " and this one again."
)
_NOTHING: Final = "No CORS check applies to this flow: it is same-origin, a navigation, or not a browser's request."


def text_for(flow: Flow | None) -> str:
    """Return what the view shows for a flow."""
    judged = _judged(flow)
    if judged is None:
        return _WAITS if _waits(flow) else _CHANGED if _is_changed(flow) else _NOTHING
    from ..report.explain import explain

    return "\n".join(explain(judged.metadata["cors"], _WIDTH, judged.metadata.get(SERVER) or (), _name_of))


def _waits(flow: Flow | None) -> bool:
    addon = _addon()
    return addon is not None and flow is not None and addon.judged.waits(flow)


def _is_changed(flow: Flow | None) -> bool:
    return isinstance(flow, http.HTTPFlow) and flow.response is not None and ADDON_HEADER in flow.response.headers


def _addon() -> Any:
    addons = getattr(getattr(ctx, "master", None), "addons", None)
    return addons.get("cors-addon") if addons is not None else None


def _name_of(flow_id: str) -> str:
    """Return what people know a flow by, where the running addon remembers it."""
    addon = _addon()
    return flow_id if addon is None else str(addon.name_of(flow_id))


def _judged(flow: Flow | None) -> http.HTTPFlow | None:
    """Return the flow that carries the verdict on a flow, with causes and fixes where the running addon knows them."""
    addon = _addon()
    judged: http.HTTPFlow | None = None if addon is None or flow is None else addon.judged.explained(flow)
    return judged if judged is not None and "cors" in judged.metadata else None


def brief_for(flow: Flow) -> str:
    """Return the same in a line, for where there is room for no more."""
    judged = _judged(flow)
    if judged is None:
        return text_for(flow)
    verdict = judged.metadata["cors"]
    from ..report.terminal_lines import log_line

    told = [log_line(diagnosis).text for diagnosis in verdict.get("diagnoses") or ()]
    first = told[0] if told else f"CORS {verdict['outcome']}: {verdict['method']} {verdict['url']}"
    return f"{first} The event log says more. @focus is not the selected flow: the view CORS explains the selected one."


def priority_for(data: bytes, flow: Flow | None, message: object = None) -> float:
    """Open by itself for a response that the page never got, and for empty bodies of judged flows.

    Any other body keeps its own view.
    """
    if flow is None or not _carries_a_verdict(flow):
        return _NOT_BY_ITSELF
    return _FIRST if not data or _is_withheld(flow, message) else _NOT_BY_ITSELF


def _carries_a_verdict(flow: Flow) -> bool:
    addon = _addon()
    # What is on its way is judged in its turn: mitmdump prints each body in a hook.
    judged = flow if addon is None or flow.live else addon.judged.find(flow)
    return judged is not None and "cors" in judged.metadata


def _is_withheld(flow: Flow, message: object) -> bool:
    """Say whether a message is the response of a blocked flow, as the server sent it."""
    if flow.metadata.get("cors.outcome") != _BLOCKED or "cors.rule" in flow.metadata:
        return False
    return isinstance(flow, http.HTTPFlow) and message is not None and message is flow.response


def _with_body(text: str, body: str) -> str:
    return f"{text}\n\nThe body, which the page cannot read\n\n{body}"


def _forget_cached_views() -> None:
    """The console keeps rendered views by content, not by flow: equal bodies would show another flow's verdict."""
    module = sys.modules.get("mitmproxy.tools.console.flowview")
    cached = getattr(getattr(module, "FlowDetails", None), "_get_content_view", None)
    if cached is None:
        return
    try:
        asyncio.get_running_loop().call_soon(cached.cache_clear)
    except RuntimeError:
        return


def register() -> None:
    """Add the view, or put it in place of an earlier one after a reload."""
    if hasattr(contentviews, "Contentview"):
        contentviews.add(_current())
        return
    legacy: Any = contentviews
    old = legacy.get(NAME)
    if old is not None:
        legacy.remove(old)
    legacy.add(_legacy(legacy))


def _current() -> Any:
    class CorsContentview(contentviews.Contentview):
        name = NAME
        syntax_highlight = "yaml"

        def prettify(self, data: bytes, metadata: contentviews.Metadata) -> str:
            _forget_cached_views()
            text = text_for(metadata.flow)
            if not data or metadata.flow is None or not _is_withheld(metadata.flow, metadata.http_message):
                return text
            others = [view for view in contentviews.registry.values() if view.name != NAME]
            best = max(others, key=lambda view: view.render_priority(data, metadata))
            return _with_body(text, best.prettify(data, metadata))

        def render_priority(self, data: bytes, metadata: contentviews.Metadata) -> float:
            return priority_for(data, metadata.flow, metadata.http_message)

    return CorsContentview()


def _legacy(module: Any) -> Any:
    """Build the view for mitmproxy 11, whose views yield styled lines."""

    class LegacyCorsView(module.View):  # type: ignore[misc]
        name = NAME

        def __call__(
            self, data: bytes, *, flow: Flow | None = None, http_message: http.Message | None = None, **more: Any
        ) -> tuple[str, Iterator[list[tuple[str, str]]]]:
            _forget_cached_views()
            text = text_for(flow)
            if data and flow is not None and _is_withheld(flow, http_message):
                given = {**more, "flow": flow, "http_message": http_message}
                others = [view for view in module.views if view.name != NAME]
                best = max(others, key=lambda view: view.render_priority(data, **given))
                _, lines = best(data, **given) or ("", ())
                text = _with_body(text, "\n".join("".join(str(part) for _, part in line) for line in lines))
            return NAME, ([("text", line)] for line in text.split("\n"))

        def render_priority(
            self, data: bytes, *, flow: Flow | None = None, http_message: http.Message | None = None, **_: Any
        ) -> float:
            return priority_for(data, flow, http_message)

    return LegacyCorsView()
