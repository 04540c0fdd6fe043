"""What the browser itself said about an exchange: evidence of the strongest kind.

A recorder (developer tools, Playwright) writes it into a HAR, and a browser that is listened to says it live. Both
become one record, so that the judge needs to know nothing of where it came from.
"""

from dataclasses import dataclass
from enum import Enum

from ..fetch.messages import CredentialsMode
from .browser_family import BrowserFamily


class Told(Enum):
    """What became of an exchange in the browser."""

    PASSED = "passed"
    """The page got the response; of a preflight: the request behind it was sent; of a 3xx: it was followed."""
    CORS = "cors"
    """Refused for CORS."""
    FAILED = "failed"
    """Refused or lost for another reason, which ``error`` names."""
    ABORTED = "aborted"
    """The page, its user or a navigation gave it up: this says nothing about the response."""

    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class CallSite:
    """Where in the page's own source a request was made; ``line`` and ``column`` count from 1, 0 is unknown."""

    url: str
    line: int = 0
    column: int = 0
    function: str = ""


@dataclass(frozen=True, slots=True)
class Testimony:
    """What a browser said of one exchange; whatever it did not say is ``None``, empty or ``False``.

    ``browser`` names for people who said it (``Chromium 156``, ``the HAR by WebInspector``), ``family`` the engine.
    ``error`` is the browser's own name: a ``CorsError``, Firefox's category without its digit, a blocked reason or
    ``net::ERR_…``. ``initiator`` is the kind of what made the request, as DevTools spells it (``script``, ``parser``,
    ``preflight``, ``extension``). ``credentials`` is set only where the browser named the mode itself.
    ``target_error`` is why the target of a 3xx was refused before a request to it was sent.
    ``certain`` is false where the outcome is inferred from what was recorded, and not said in so many words.
    ``blocked_by`` is the exchange (its id) whose failure kept this one from being sent.
    """

    browser: str
    family: BrowserFamily | None = None
    outcome: Told | None = None
    error: str | None = None
    call_site: CallSite | None = None
    initiator: str = ""
    credentials: CredentialsMode | None = None
    target_error: str | None = None
    from_cache: bool = False
    certain: bool = True
    blocked_by: str | None = None
    under_way: int = 1
    """How many equal requests were under way at once, of which this may be another's word."""
    cookies_left_out: tuple[tuple[str, str], ...] = ()
    """The names of cookies that the browser did not send, each with its reason (``SameSiteLax``)."""
