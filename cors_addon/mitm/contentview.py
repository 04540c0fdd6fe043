"""The CORS view of requests and responses, in both of mitmproxy's content view interfaces."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any, Final

from mitmproxy import contentviews, http
from mitmproxy.flow import Flow

from .display import SERVER

NAME: Final = "CORS"
_FOR_EMPTY_BODIES: Final = 2.0
_NOT_BY_ITSELF: Final = -1.0
_WIDTH: Final = 84


def text_for(flow: Flow | None) -> str:
    """Return what the view shows for a flow."""
    verdict = flow.metadata.get("cors") if flow is not None else None
    if not isinstance(verdict, dict):
        return "No CORS check applies to this flow: it is same-origin, a navigation, or no browser's request."
    assert flow is not None
    from ..report.explain import explain

    return "\n".join(explain(verdict, _WIDTH, flow.metadata.get(SERVER) or ()))


def priority_for(data: bytes, flow: Flow | None) -> float:
    """Open by itself for empty bodies of judged flows; a real body keeps its own view."""
    if data or flow is None or "cors" not in flow.metadata:
        return _NOT_BY_ITSELF
    return _FOR_EMPTY_BODIES


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
            return text_for(metadata.flow)

        def render_priority(self, data: bytes, metadata: contentviews.Metadata) -> float:
            return priority_for(data, metadata.flow)

    return CorsContentview()


def _legacy(module: Any) -> Any:
    """Build the view for mitmproxy 11, whose views yield styled lines."""

    class LegacyCorsView(module.View):  # type: ignore[misc]
        name = NAME

        def __call__(
            self, data: bytes, *, flow: Flow | None = None, http_message: http.Message | None = None, **_: Any
        ) -> tuple[str, Iterator[list[tuple[str, str]]]]:
            _forget_cached_views()
            return NAME, ([("text", line)] for line in text_for(flow).split("\n"))

        def render_priority(self, data: bytes, *, flow: Flow | None = None, **_: Any) -> float:
            return priority_for(data, flow)

    return LegacyCorsView()
