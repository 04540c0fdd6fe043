"""Keys of console mitmproxy."""

from typing import Any, Final

# Not N: a text that can be searched takes it for the previous match.
KEYS: Final = (
    ("T", "cors.inject toggle", "Switch injection of CORS headers on or off"),
    ("Y", "cors.explain @focus", "Explain what browsers do with this flow"),
)
_CONTEXTS: Final = ["flowlist", "flowview"]


def bind(master: Any) -> None:
    """Bind the keys that are still free; a key that the user or mitmproxy has bound keeps its meaning."""
    keymap = getattr(master, "keymap", None)
    if keymap is None:
        return
    for key, command, help_text in KEYS:
        # A global binding counts too: one of a context would hide it.
        if not any(keymap.get(context, key) for context in ("global", *_CONTEXTS)):
            keymap.add(key, command, _CONTEXTS, help_text)
