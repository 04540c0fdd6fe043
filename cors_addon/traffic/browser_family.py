"""The browser engines."""

from enum import Enum


class BrowserFamily(Enum):
    """The engines whose behaviour is known."""

    CHROMIUM = "chromium"
    FIREFOX = "firefox"
    WEBKIT = "webkit"

    # Enum's own asks the name, and every verdict is full of sets and dictionaries of these.
    __hash__ = object.__hash__
