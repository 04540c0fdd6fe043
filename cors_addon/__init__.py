"""cors-addon: a mitmproxy addon that explains cross-origin traffic and, on request, injects CORS headers.

``check`` and ``judge_har`` judge saved traffic from Python, and ``verdict_of`` tells a script what the running addon
says of a flow; what they need is imported when they are first used.
"""

from importlib import import_module
from typing import Any, Final

__version__ = "0.1.0"

_LAZY: Final = {
    "Problem": ".api",
    "Result": ".api",
    "check": ".api",
    "judge_har": ".api",
    "verdict_of": ".mitm.verdicts",
}

__all__ = ["Problem", "Result", "__version__", "check", "judge_har", "verdict_of"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
