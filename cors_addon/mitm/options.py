"""The addon's options: what they are, and the check of what users gave."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from mitmproxy import addonmanager, exceptions, optmanager

from ..catalogue import CATALOGUE
from ..report.formats import SUFFIXES
from ..verdict.model import Judge
from .rulefile import RuleFile

BROWSERS: Final = ("auto", *(judge.value for judge in Judge))


@dataclass(frozen=True, slots=True)
class Option:
    """One option; ``check`` returns what is wrong with a value, in words that follow "option=value: "."""

    name: str
    type: Any
    default: Any
    help: str
    choices: tuple[str, ...] | None = None
    check: Callable[[Any], str | None] | None = None


def _check_browser(value: str) -> str | None:
    return None if value in BROWSERS else f"is none of {', '.join(BROWSERS)}{_meant(value, BROWSERS)}"


def _check_ignore(values: Sequence[str]) -> str | None:
    for value in values:
        name = value.partition("@")[0]
        if name not in CATALOGUE:
            return f"{name!r} is no violation id{_meant(name, CATALOGUE)}; write ID or ID@HOST"
    return None


def _check_reports(values: Sequence[str]) -> str | None:
    for value in values:
        path = Path(value).expanduser()
        if path.suffix.lower() not in SUFFIXES:
            return f"{value!r}: the format goes by the file's ending, one of {', '.join(SUFFIXES)}"
        if path.is_dir():
            return f"{value!r} is a folder; name a file"
        if not path.parent.is_dir():
            return f"{value!r} cannot be written: the folder {str(path.parent)!r} does not exist"
        try:
            existed = path.exists()
            with path.open("ab"):
                pass
            if not existed:
                path.unlink()
        except OSError as exc:
            return f"{value!r} cannot be written: {exc.strerror or exc}"
    return None


def _check_rules(value: str) -> str | None:
    if not value:
        return None
    change = RuleFile().open(Path(value).expanduser())
    return None if change.in_force else f"the rule file cannot be used\n{change.text}"


OPTIONS: Final = (
    Option(
        "cors_rules",
        str,
        "",
        "The rule file for injection. It is watched: saving it is enough.",
        None,
        _check_rules,
    ),
    Option("cors_inject", bool, False, "Inject CORS headers by the rule file. Nothing is injected while this is off."),
    Option(
        "cors_browser",
        str,
        "auto",
        "Whose behaviour decides a flow's outcome. With auto it is the browser that made the request.",
        BROWSERS,
        _check_browser,
    ),
    Option("cors_mark", bool, True, "Mark flows that have findings. A mark of your own is never overwritten."),
    Option(
        "cors_comment",
        bool,
        True,
        "Keep one line that begins with CORS: in the comment of flows that have findings. The rest of it is yours.",
    ),
    Option("cors_audit", bool, True, "Report risks and advice too, and not only what browsers block."),
    Option(
        "cors_ignore",
        Sequence[str],
        [],
        "Violations not to report, each as ID or ID@HOST; HOST may hold * and ?.",
        None,
        _check_ignore,
    ),
    Option(
        "cors_report",
        Sequence[str],
        [],
        f"Files to write a report to when mitmproxy ends. The format goes by the ending: {', '.join(SUFFIXES)}.",
        None,
        _check_reports,
    ),
)
_BY_NAME: Final = {option.name: option for option in OPTIONS}


def _meant(value: str, known: Sequence[str] | Any) -> str:
    near = get_close_matches(value, list(known), 1)
    return f" (did you mean {near[0]}?)" if near else ""


def add_options(loader: addonmanager.Loader) -> None:
    """Declare the options to mitmproxy."""
    for option in OPTIONS:
        loader.add_option(option.name, option.type, option.default, option.help, option.choices)


def take_back_bad_values(options: optmanager.OptManager) -> list[str]:
    """Check what was given before the options were declared; return a sentence for each bad value, and drop it.

    mitmproxy applies such values after the addon has loaded, and one that does not fit its type ends the loading of the
    script without a word, leaving a proxy without the addon.
    """
    problems = []
    for name in [name for name in options.deferred if name in _BY_NAME]:
        given = options.deferred[name]
        raw = list(given.val) if hasattr(given, "val") else given
        problem = _fits(_BY_NAME[name], raw)
        if problem is not None:
            del options.deferred[name]
            shown = ",".join(map(str, raw)) if isinstance(raw, (list, tuple)) else str(raw)
            problems.append(f"{name}={shown}: {problem}")
    return problems


def _fits(option: Option, raw: Any) -> str | None:
    """Say what is wrong with a value from the command line (a list of texts) or from config.yaml (anything)."""
    if option.type is bool:
        words = raw if isinstance(raw, list) else [raw]
        if len(words) > 1:
            return "is given more than once"
        word = words[0] if words else True
        return (
            None
            if word in (True, False, "", "true", "false", "toggle") and not _is_number(word)
            else "is neither true nor false"
        )
    if option.type is str:
        words = raw if isinstance(raw, list) else [raw]
        if len(words) != 1 or not isinstance(words[0], str):
            return "is given more than once" if len(words) > 1 else "needs a value" if not words else "is not a text"
        return option.check(words[0]) if option.check is not None else None
    if not isinstance(raw, (list, tuple)) or not all(isinstance(word, str) for word in raw):
        return "is not a list of texts"
    return option.check(raw) if option.check is not None else None


def _is_number(word: object) -> bool:
    return isinstance(word, int) and not isinstance(word, bool)


def unknown_options(options: optmanager.OptManager) -> list[str]:
    """Return a sentence for each option that looks like one of the addon's and is none."""
    return [
        f"{name}: the addon has no such option{_meant(name, _BY_NAME)}; it has {', '.join(_BY_NAME)}"
        for name in sorted(options.deferred)
        if name.startswith("cors_") and name not in _BY_NAME
    ]


def check_values(options: Any, names: set[str]) -> None:
    """Check options changed while running; raises ``OptionsError``, on which mitmproxy takes the change back."""
    for name in names & _BY_NAME.keys():
        option = _BY_NAME[name]
        value = getattr(options, name)
        problem = option.check(value) if option.check is not None else None
        if problem is not None:
            shown = ",".join(value) if isinstance(value, (list, tuple)) else value
            raise exceptions.OptionsError(f"{name}={shown}: {problem}")
