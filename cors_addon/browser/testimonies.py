"""From a browser's request to the testimony that judging goes by."""

from typing import Final

from ..fetch.messages import CredentialsMode
from ..traffic.classify import BrowserFamily
from ..traffic.testimony import Testimony, Told
from .requests import ABORTED, BrowserRequest, Outcome

_OUTCOMES: Final = {
    Outcome.PENDING: None,
    Outcome.PASSED: Told.PASSED,
    Outcome.CORS: Told.CORS,
    Outcome.FAILED: Told.FAILED,
}
_MODES: Final = {None: None, True: CredentialsMode.INCLUDE, False: CredentialsMode.NOT_INCLUDE}


def as_testimony(request: BrowserRequest, browser: str, family: BrowserFamily, under_way: int) -> Testimony:
    """Return what a browser said of a request that reached the proxy; ``browser`` is its name and version."""
    outcome = _OUTCOMES[request.outcome]
    if outcome is Told.FAILED and request.error in ABORTED:
        outcome = Told.ABORTED
    return Testimony(
        browser,
        family,
        outcome,
        request.error,
        request.call_site,
        "preflight" if request.is_preflight else "script" if request.call_site is not None else "",
        _MODES[request.credentials],
        request.target_error,
        under_way=under_way,
        cookies_left_out=() if request.is_preflight else request.left_out,
    )
