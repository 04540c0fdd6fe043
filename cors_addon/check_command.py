"""``cors-addon check``: saved captures are judged, and reports written where the options say."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .standard_output import discard_output

if TYPE_CHECKING:
    from .capture.check import Task
    from .report.model import Report

CLEAN, FOUND, UNUSABLE = 0, 1, 2
_FORMATS: Final = ("text", "markdown", "json", "jsonl", "html", "sarif", "junit")
_FAIL_ON: Final = ("never", "blocked", "network", "risk", "advice")
_BROWSERS: Final = ("auto", "chromium", "firefox", "webkit", "spec")

_CHECK_EPILOG: Final = """\
exit status: 0 nothing found that counts, 1 findings at or above --fail-on, 2 a capture, an option or an output that
cannot be used

examples:
  %(prog)s run.mitm
  %(prog)s *.har --output cors.html
  %(prog)s run.mitm --output known.json --fail-on never
  %(prog)s run.mitm --baseline known.json --output new.sarif
  %(prog)s run.mitm --ignore "header-not-exposed@*.cdn.test # no script reads them"
"""


class UnusableError(Exception):
    """An option or a file that cannot be used; the message says why."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    check = commands.add_parser(
        "check",
        help="judge saved captures, without starting a proxy",
        description="Judges flow files, HARs, Playwright traces, Chrome's NetLog, sessions of Charles and Fiddler; .gz,"
        " .xz and .zip too. Each is a session of its own.",
        epilog=_CHECK_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("captures", metavar="CAPTURE", nargs="+", help="flow files and HARs; - reads standard input")
    check.add_argument("--format", choices=_FORMATS, help="how to report; else by the ending of FILE, else text")
    check.add_argument(
        "--output",
        metavar="FILE",
        action="append",
        help="where to write the report, whole or not at all, else printed; may be repeated, for several formats",
    )
    check.add_argument(
        "--fail-on",
        choices=_FAIL_ON,
        default="blocked",
        help="from which severity on findings count; network: blocked ones and failed connections (default: blocked)",
    )
    check.add_argument(
        "--browser",
        choices=_BROWSERS,
        default="auto",
        help="whose behaviour decides (default: auto, the browser that made the request)",
    )
    check.add_argument(
        "--ignore",
        metavar="ID[@HOST][ # WHY]",
        action="append",
        default=[],
        help="a violation not to report, everywhere or at hosts (* and ? stand for others); may be repeated",
    )
    check.add_argument("--baseline", metavar="FILE", help="a JSON report: what it holds is known and does not count")
    check.add_argument(
        "--jobs",
        metavar="N",
        type=_positive,
        default=os.cpu_count() or 1,
        help="captures to judge at a time (default: cores)",
    )
    check.set_defaults(run=_check)


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def say(text: str) -> None:
    print(f"cors_addon: {text}", file=sys.stderr)


def _check(options: argparse.Namespace) -> int:
    from .capture.check import check
    from .capture.progress import ProgressBar
    from .report import text_report
    from .report.fail_on import counting
    from .report.formats import FORMATS, LISTING_ALL
    from .report.severity_colors import is_wanted

    targets = [_target(options, output) for output in options.output or ["-"]]
    task = _task(options, brief=not any(name in LISTING_ALL for _, name in targets))
    with ProgressBar(sys.stderr) as bar:
        report = check(options.captures, task, options.jobs, bar.show if bar.wanted else None)
    for output, name in targets:
        if output is None:
            colour = sys.stdout.isatty() and is_wanted()
            _print(text_report.render(report, colour=colour) if name == "text" else FORMATS[name][1](report))
        else:
            _write(report, output, name)

    counted = counting(report, options.fail_on)
    if (None, "text") not in targets:
        print("\n".join(text_report.head(report)), file=sys.stderr)
    if counted:
        what = "diagnosis counts" if len(counted) == 1 else "diagnoses count"
        say(f"{len(counted):,} {what} (--fail-on {options.fail_on})")
    if any(capture["problem"] for capture in report.summary["captures"]):
        return UNUSABLE
    return FOUND if counted else CLEAN


def _print(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()  # Whoever read has read enough; what was found still counts.


def _write(report: "Report", output: Path, name: str) -> None:
    from .report import files
    from .report.formats import FORMATS

    try:
        files.write(report, output, FORMATS[name][1], waits=True)
    except OSError as error:
        raise UnusableError(f"{output} cannot be written: {error.strerror or error}") from error


def _target(options: argparse.Namespace, wanted: str) -> tuple[Path | None, str]:
    """Return where the report goes, ``None`` for standard output, and in which format."""
    from .report.formats import format_of

    if wanted == "-":
        return None, options.format or "text"
    if not wanted:
        raise UnusableError("--output names no file; leave it out to print the report")
    output = Path(wanted)
    if os.path.isdir(output):
        raise UnusableError(f"--output {output} is a folder; name a file in it")
    if not os.path.isdir(output.parent):
        raise UnusableError(f"--output {output}: there is no folder {output.parent}")
    if os.path.realpath(output) in map(os.path.realpath, options.captures) or (
        "-" in options.captures and os.path.isfile(output) and os.path.samestat(os.stat(output), os.fstat(0))
    ):
        raise UnusableError(f"--output {output} is a capture to be judged; name another file")
    return output, options.format or format_of(output.suffix) or "text"


def _task(options: argparse.Namespace, brief: bool) -> "Task":
    from .capture.check import Task
    from .report import baseline, ignore

    if options.captures.count("-") > 1:
        raise UnusableError("standard input, -, can be read once only")
    try:
        known = baseline.read(Path(options.baseline)) if options.baseline else baseline.Baseline()
        if known.is_missing:
            say(f"{options.baseline} does not exist: nothing is known yet")
        return Task(options.browser, ignore.parse_all(options.ignore), known, brief)
    except baseline.BaselineError as error:
        raise UnusableError(f"--baseline: {error}") from error
    except ignore.IgnoreError as error:
        raise UnusableError(f"--ignore: {error}") from error
