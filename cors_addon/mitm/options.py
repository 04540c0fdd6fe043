"""The addon's options: what they are, and the check of what users gave."""

import logging
import re
import shlex
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from mitmproxy import addonmanager, exceptions, optmanager
from mitmproxy.log import ALERT

from ..page.clients import clients_problem
from ..page.page_address import host_problem
from ..report import baseline, ignore
from ..report.expected import Expected
from ..report.fail_on import NEVER, THRESHOLDS
from ..report.formats import SUFFIXES
from ..verdict.failure_details import inert
from ..verdict.model import Judge
from . import rulefile
from .display import MARK_STYLES

logger = logging.getLogger("cors_addon")

_BOOLEANS: Final = ("", "true", "false", "toggle")
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}")
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


def _check_ignore(values: Sequence[str]) -> str | None:
    try:
        ignore.parse_all(values)
    except ignore.IgnoreError as exc:
        return str(exc)
    return None


def _check_baseline(value: str) -> str | None:
    try:
        _baseline(value)
    except baseline.BaselineError as exc:
        return str(exc)
    return None


def _check_start_browser(value: str) -> str | None:
    if not value:
        return None
    from ..browser import wanted

    try:
        wanted.read(shlex.split(value))
    except ValueError as exc:
        return str(exc)
    return None


def _baseline(value: str) -> baseline.Baseline:
    """Read a baseline; no path is one that knows nothing. Raises ``BaselineError``."""
    if not value:
        return baseline.Baseline()
    try:
        return baseline.read(Path(value).expanduser())
    except RuntimeError as exc:  # A home that nobody has.
        raise baseline.BaselineError(f"the baseline {value!r} cannot be read: {exc}") from exc


def expected(options: Any) -> Expected:
    """Return what the user expects to be found. Raises ``OptionsError`` where the baseline cannot be read any more."""
    try:
        known = _baseline(options.cors_baseline)
        if known.is_missing:
            logger.log(
                ALERT, "CORS: cors_baseline=%s does not exist: nothing is known yet", inert(options.cors_baseline)
            )
        return Expected(ignore.parse_all(options.cors_ignore), known)
    except baseline.BaselineError as exc:
        raise exceptions.OptionsError(f"cors_baseline={_shown(options.cors_baseline)}: {exc}") from exc


def _check_reports(values: Sequence[str]) -> str | None:
    for value in values:
        try:
            problem = _check_report(value)
        except (OSError, RuntimeError, ValueError) as exc:
            problem = f"cannot be written: {getattr(exc, 'strerror', None) or exc}"
        if problem is not None:
            return f"'{inert(value)}' {problem}"
    return None


def _check_report(value: str) -> str | None:
    path = Path(value).expanduser()
    if path.suffix.lower() not in SUFFIXES:
        return f"names no format: that goes by the file's ending, one of {', '.join(SUFFIXES)}"
    if path.is_dir():
        return "is a folder; name a file"
    if path.exists() and not path.is_file():
        return "is a pipe or a device; name a file"
    if not path.parent.is_dir():
        return f"cannot be written: the folder {str(path.parent)!r} does not exist"
    # As the report will be: beside its place, and then moved there.
    with tempfile.NamedTemporaryFile(prefix=f".{path.name}.", dir=path.parent):
        return None


def _check_rules(value: str) -> str | None:
    return rules_problem(rulefile.opened(value)[1])


def rules_problem(change: rulefile.Change) -> str | None:
    """Say why a rule file that was just opened cannot be used."""
    if change.in_force:
        return None
    separator = "\n" if "\n" in change.text else ": "
    return f"the rule file cannot be used{separator}{change.text}"


def _check_memory(value: int) -> str | None:
    return None if 16 <= value <= 65_536 else "is too little or too much; write megabytes from 16 to 65536"


def _check_port(value: int) -> str | None:
    return None if 0 <= value <= 65_535 else "is no port; write a number from 0 to 65535"


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
    ),
    Option("cors_mark", bool, True, "Mark flows that have findings. A mark of your own is never overwritten."),
    Option(
        "cors_mark_style",
        str,
        "emoji",
        "Which marks: emoji, or plain characters for a machine without an emoji font, which shows boxes.",
        MARK_STYLES,
    ),
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
        "Violations not to report, each as ID or ID@HOST; HOST may hold * and ?. After # the reason may stand.",
        None,
        _check_ignore,
    ),
    Option(
        "cors_report",
        Sequence[str],
        [],
        f"Files to write a report to when mitmproxy ends. The format goes by the ending: {', '.join(SUFFIXES)}."
        " A .jsonl file is appended to as flows are judged.",
        None,
        _check_reports,
    ),
    Option(
        "cors_fail_on",
        str,
        NEVER,
        "Exit status 1 if a finding is at least this severe when mitmdump ends. For builds."
        " network: blocked findings and failed connections.",
        THRESHOLDS,
    ),
    Option(
        "cors_baseline",
        str,
        "",
        "An earlier JSON report. Findings that it holds are shown as known and do not count for cors_fail_on.",
        None,
        _check_baseline,
    ),
    Option(
        "cors_listen",
        bool,
        True,
        "Use what a browser that was started here says about its requests. Off: only its traffic.",
    ),
    Option(
        "cors_start_browser",
        str,
        "",
        "A browser to start with the proxy, as for cors.browser: [NAME] [--headless] [URL].",
        None,
        _check_start_browser,
    ),
    Option(
        "cors_memory",
        int,
        256,
        "Megabytes that exchanges and verdicts may take together; beyond these the oldest are forgotten. At least 16.",
        None,
        _check_memory,
    ),
    Option(
        "cors_page",
        str,
        "cors.addon",
        "Host at which the live page answers through the proxy. Empty: nowhere.",
        None,
        host_problem,
    ),
    Option(
        "cors_page_clients",
        Sequence[str],
        [],
        "Addresses and networks that may open the live page too, such as 192.0.2.0/24. This machine always may.",
        None,
        clients_problem,
    ),
    Option(
        "cors_page_port",
        int,
        0,
        "Port on 127.0.0.1 of the live page in modes without proxy names, such as reverse. 0: any free port.",
        None,
        _check_port,
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
        # Texts from the command line are still to be converted; config.yaml gives values of any type.
        words = getattr(given, "val", None)
        fits = _fits_as_value(_BY_NAME[name], given) if words is None else _fits_as_words(_BY_NAME[name], words)
        if fits is not None:
            del options.deferred[name]
            problems.append(f"{name}={_shown(given if words is None else words)}: {fits}")
    return problems


def _fits_as_words(option: Option, words: list[str]) -> str | None:
    """Say what is wrong with the texts that an option was given on the command line, one for each time."""
    if option.type == Sequence[str]:
        return _checked(option, words)
    if len(words) > 1:
        return "is given more than once"
    if option.type is bool:
        return None if not words or words[0] in _BOOLEANS else "is neither true nor false"
    if option.type is int and words:
        return _checked(option, int(words[0])) if _NUMBER.fullmatch(words[0]) else "is no number"
    return _checked(option, words[0]) if words else "needs a value"


def _fits_as_value(option: Option, value: Any) -> str | None:
    """Say what is wrong with a value from config.yaml."""
    if option.type is bool:
        return None if isinstance(value, bool) else "is neither true nor false; YAML wants them without quotes"
    if option.type is int:
        return _checked(option, value) if isinstance(value, int) and not isinstance(value, bool) else "is no number"
    if option.type is str:
        return _checked(option, value) if isinstance(value, str) else "is no text; YAML wants it in quotes"
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        return "is no list of texts; in YAML each goes on a line of its own after a dash"
    return _checked(option, value)


def _checked(option: Option, value: Any) -> str | None:
    if option.choices is not None and value not in option.choices:
        return f"is none of {', '.join(option.choices)}{_meant(value, option.choices)}"
    return option.check(value) if option.check is not None else None


def _shown(value: Any) -> str:
    return inert(",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))


def unknown_options(options: optmanager.OptManager) -> list[str]:
    """Return a sentence for each option that looks like one of the addon's and is none."""
    return [
        f"{name}: the addon has no such option{_meant(name, _BY_NAME)}; it has {', '.join(_BY_NAME)}"
        for name in sorted(options.deferred)
        if name.startswith("cors_") and name not in _BY_NAME
    ]


def check_values(options: Any, names: set[str]) -> None:
    """Check options changed while running; raises ``OptionsError``, on which mitmproxy takes the change back."""
    for option in OPTIONS:
        if option.name in names:
            value = getattr(options, option.name)
            problem = _checked(option, value)
            if problem is not None:
                raise exceptions.OptionsError(f"{option.name}={_shown(value)}: {problem}")
