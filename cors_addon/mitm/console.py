"""Keys of console mitmproxy."""

import logging
from typing import Any, Final

from mitmproxy.log import ALERT

logger = logging.getLogger("cors_addon")

# Not N: a text that can be searched takes it for the previous match.
KEYS: Final = (
    ("T", "cors.inject toggle", "Switch injection of CORS headers on or off"),
    ("Y", "cors.explain @focus", "Explain what browsers do with this flow"),
    ("R", "cors.rules.add @focus", "Unblock this flow by a rule in the rule file"),
)
_CONTEXTS: Final = ["flowlist", "flowview"]


def bind(master: Any) -> None:
    """Bind the keys that are still free, and say which; one that the user or mitmproxy has bound keeps its meaning."""
    keymap = getattr(master, "keymap", None)
    if keymap is None:
        return
    told = []
    for key, command, help_text in KEYS:
        # A global binding counts too: one of a context would hide it.
        if not any(keymap.get(context, key) for context in ("global", *_CONTEXTS)):
            keymap.add(key, command, _CONTEXTS, help_text)
            told.append(f"{key}: {help_text[0].lower()}{help_text[1:]}")
    if told:
        logger.log(ALERT, "CORS keys: %s", "; ".join(told))
