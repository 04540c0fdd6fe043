"""Keys of console mitmproxy."""

from typing import Any, Final

KEYS: Final = (
    ("N", "cors.explain @focus", "Explain what browsers do with this flow"),
    ("T", "cors.inject toggle", "Switch injection of CORS headers on or off"),
)
_CONTEXTS: Final = ["flowlist", "flowview"]


def bind(master: Any) -> None:
    """Bind the keys that are still free; a key that the user or mitmproxy has bound keeps its meaning."""
    keymap = getattr(master, "keymap", None)
    if keymap is None:
        return
    for key, command, help_text in KEYS:
        if not any(keymap.get(context, key) for context in _CONTEXTS):
            keymap.add(key, command, _CONTEXTS, help_text)
