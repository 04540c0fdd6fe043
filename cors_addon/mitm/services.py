"""What commands, reports, probe and live page are given to work with, in place of the addon."""

from collections.abc import Callable
from dataclasses import dataclass

from ..diagnosis.session import Session
from .injection import Injection
from .judged_flows import JudgedFlows
from .log_messages import Teller
from .verdict_store import Keeper


@dataclass(frozen=True, slots=True)
class Services:
    """The session that judges, the verdicts that are kept, the injection switch with its rules, and the log.

    ``settle`` has judged what was seen until now, as far as that takes a moment, and says whether it is done: whoever
    reads verdicts calls it first.
    ``judged`` finds the verdicts of flows that somebody looks at.
    """

    session: Session
    store: Keeper
    injection: Injection
    log: Teller
    settle: Callable[[], bool]
    judged: JudgedFlows
