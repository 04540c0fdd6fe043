"""What stands around each command: a fault of ours ends there, and verdicts that it reads are made first."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from mitmproxy import exceptions

from .services import Services


class Served(Protocol):
    """Whose methods are commands."""

    _services: Services


Owner = TypeVar("Owner", bound=Served)
Given = ParamSpec("Given")
Result = TypeVar("Result")
Run = Callable[Concatenate[Owner, Given], Result]


def contained(run: Run[Owner, Given, Result]) -> Run[Owner, Given, Result]:
    """Tell the user of an exception of ours as of any that a command may raise: others would take the console down."""

    @wraps(run)
    def guarded(self: Owner, /, *arguments: Given.args, **named: Given.kwargs) -> Result:
        try:
            return run(self, *arguments, **named)
        except (exceptions.CommandError, exceptions.OptionsError):
            raise
        except Exception as exc:
            self._services.log.fault(f"the command {run.__name__}", None, exc)
            raise exceptions.CommandError("cors-addon has a fault of its own here; the log has more") from exc

    return guarded


def reading(run: Run[Owner, Given, Result]) -> Run[Owner, Given, Result]:
    """Have what was seen until now judged first, as far as that takes a moment; contain what goes wrong, too."""

    @contained
    @wraps(run)
    def settled(self: Owner, /, *arguments: Given.args, **named: Given.kwargs) -> Result:
        self._services.settle()
        return run(self, *arguments, **named)

    return settled
