"""``python -m cors_addon``: mitmproxy with the addon, saved captures judged, rule files validated, all explained."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from . import installation
from .completion import SHELLS, script

if TYPE_CHECKING:
    from .capture.check import Task
    from .report.model import Report

CLEAN, FOUND, UNUSABLE = 0, 1, 2
_INTERRUPTED: Final = 130
_FORMATS: Final = ("text", "markdown", "json", "jsonl", "html", "sarif", "junit")
_FAIL_ON: Final = ("never", "blocked", "network", "risk", "advice")
_BROWSERS: Final = ("auto", "chromium", "firefox", "webkit", "spec")

_CHECK_EPILOG: Final = """\
exit status: 0 nothing found that counts, 1 findings at or above --fail-on, 2 a capture or an option that cannot be used

examples:
  %(prog)s run.mitm
  %(prog)s *.har --output cors.html
  %(prog)s run.mitm --output known.json --fail-on never
  %(prog)s run.mitm --baseline known.json --output new.sarif
  %(prog)s run.mitm --ignore "header-not-exposed@*.cdn.test # no script reads them"
"""


class _UnusableError(Exception):
    """An option or a file that cannot be used; the message says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name; return the exit status. Wrong arguments end in ``SystemExit(2)``."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["run"]:
        # All that follows is for the tool, which reads its own options.
        return _run_tool(words[1:])
    parser = _parser()
    options = parser.parse_args(words)
    if options.version or "run" not in options:
        print(installation.versions() if options.version else parser.format_help().rstrip())
        return CLEAN if options.version else UNUSABLE
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that lacks a character must not end a report half way.
            stream.reconfigure(errors="backslashreplace")
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except BrokenPipeError:
        # Whoever read has read enough. What is still buffered must not complain at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FOUND
    except _UnusableError as error:
        _say(str(error))
        return UNUSABLE
    except ModuleNotFoundError as error:
        return _lacks(error)
    except KeyboardInterrupt:
        _say("interrupted")
        return _INTERRUPTED


def _run_tool(words: list[str]) -> int:
    try:
        from .mitm.tools import run

        return run(words)
    except ModuleNotFoundError as error:
        return _lacks(error)


def _lacks(error: ModuleNotFoundError) -> int:
    _say(installation.how_to_get(error))
    return UNUSABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cors-addon",
        description="Says what browsers do about CORS, and why: of saved captures here, of live traffic in mitmproxy.",
        epilog='In mitmproxy: mitmweb -s "$(cors-addon path)"',
    )
    parser.add_argument("--version", action="store_true", help="show the versions that a bug report needs")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    commands.add_parser("run", help="run mitmweb, mitmdump or mitmproxy with the addon, and a browser with --browser")

    path = commands.add_parser("path", help="print the path to give to mitmproxy's -s")
    path.set_defaults(run=_path)

    _add_check(commands)

    rules = commands.add_parser("rules", help="validate a rule file, or say which rule is for a request")
    rules.add_argument("file", metavar="FILE", nargs="?", help="the rule file")
    rules.add_argument(
        "--explain",
        nargs=2,
        metavar=("METHOD", "URL"),
        help="say which rule is for this request, and why others are not",
    )
    rules.add_argument("--origin", default="", help="with --explain: the page that makes the request, as in its Origin")
    rules.add_argument("--schema", action="store_true", help="print the JSON Schema of rule files, for editors")
    rules.set_defaults(run=_rules)

    explain = commands.add_parser("explain", help="tell all about a violation or a cause: what, why, and how to fix it")
    explain.add_argument(
        "id",
        metavar="ID or WORDS",
        nargs="*",
        help="an id of a violation or cause, a browser's name, or words to look for; without it, the list of all",
    )
    explain.set_defaults(run=_explain)

    docs = commands.add_parser("docs", help="print a page of the documentation")
    docs.add_argument("topic", metavar="TOPIC", nargs="?", help="the page; without it, the list of all")
    docs.set_defaults(run=_docs)

    completion = commands.add_parser("completion", help="print a script that lets a shell complete this command")
    completion.add_argument("shell", choices=SHELLS)
    completion.set_defaults(run=lambda options: _completion(parser, options.shell))
    return parser


def _add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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
    check.add_argument("--output", metavar="FILE", help="where to write the report, whole or not at all; else printed")
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


def _say(text: str) -> None:
    print(f"cors_addon: {text}", file=sys.stderr)


# --- the commands -------------------------------------------------------------------------------------------------


def _path(_options: argparse.Namespace) -> int:
    print(Path(__file__).resolve().with_name("addon.py"))
    return CLEAN


def _explain(options: argparse.Namespace) -> int:
    from .catalogue import UnknownViolationError, by_id
    from .catalogue.console_messages import NO_REASON, entries_of, gives_no_reason
    from .catalogue.render import explain_text, list_text
    from .report.cause_list import cause_of, cause_text, causes_text, near_causes

    wanted = " ".join(options.id)
    if not wanted:
        print(f"{list_text()}\n{causes_text()}", end="")
        return CLEAN
    cause = cause_of(wanted)
    if cause is not None:
        print(cause_text(cause), end="")
        return CLEAN
    try:
        print("\n\n".join(explain_text(each) for each in entries_of(wanted) or [by_id(wanted)]), end="")
    except UnknownViolationError as error:
        near = near_causes(wanted)
        if ("-" not in wanted or not (near or error.suggestions)) and _found_in_docs(
            wanted, [*error.suggestions, *near]
        ):
            return CLEAN
        causes = f" and no such cause; did you mean {' or '.join(near)}?" if near else "."
        told = f"{error}" if error.suggestions else f"{error}{causes}"
        told = NO_REASON if gives_no_reason(wanted) else told
        raise _UnusableError(f"{told} Without an id, explain prints the list of all.") from error
    return CLEAN


def _found_in_docs(words: str, ids: Sequence[str]) -> bool:
    """Print the sections of the documentation that hold these words, and similar ids; say whether there are any."""
    from . import docs

    found = docs.search(words)
    for topic, heading, line in found:
        print(f"{topic}: {heading}\n    {line}")
    if found:
        similar = f"Similar ids, for cors-addon explain ID: {', '.join(ids)}\n" if ids else ""
        print(f"\n{similar}Read one with: cors-addon docs TOPIC")
    return bool(found)


def _docs(options: argparse.Namespace) -> int:
    from . import docs

    topics = docs.topics()
    if options.topic is None:
        width = max(map(len, topics))
        print("\n".join(f"{topic:<{width}}  {title}" for topic, title in topics.items()))
        return CLEAN
    text = docs.page(options.topic)
    if text is None:
        raise _UnusableError(f"There is no page {options.topic!r}. The pages are: {', '.join(topics)}.")
    print(text, end="")
    return CLEAN


def _completion(parser: argparse.ArgumentParser, shell: str) -> int:
    print(script(parser, shell), end="")
    return CLEAN


def _rules(options: argparse.Namespace) -> int:
    from .rules.cli import check_rule_file, schema_text

    if options.schema:
        print(schema_text(), end="")
        return CLEAN
    if options.file is None:
        raise _UnusableError("name a rule file, or ask for --schema")
    if options.explain is not None and not options.origin:
        raise _UnusableError("--explain needs the page that makes the request: --origin http://localhost:5173")
    explain = None if options.explain is None else (options.explain[0], options.explain[1])
    status, text = check_rule_file(options.file, explain, options.origin)
    print(text)
    return status


def _check(options: argparse.Namespace) -> int:
    from .capture.check import check
    from .capture.progress import ProgressBar
    from .report import text_report
    from .report.fail_on import counting
    from .report.formats import LISTING_ALL
    from .report.severity_colors import is_wanted

    output, name = _target(options)
    task = _task(options, brief=name not in LISTING_ALL)
    with ProgressBar(sys.stderr) as bar:
        report = check(options.captures, task, options.jobs, bar.show if bar.wanted else None)
    if output is None and name == "text":
        sys.stdout.write(text_report.render(report, colour=sys.stdout.isatty() and is_wanted()))
    else:
        _write(report, output, name)
    sys.stdout.flush()

    counted = counting(report, options.fail_on)
    if output is not None or name != "text":
        print("\n".join(text_report.head(report)), file=sys.stderr)
    if counted:
        what = "diagnosis counts" if len(counted) == 1 else "diagnoses count"
        _say(f"{len(counted):,} {what} (--fail-on {options.fail_on})")
    if any(capture["problem"] for capture in report.summary["captures"]):
        return UNUSABLE
    return FOUND if counted else CLEAN


def _write(report: "Report", output: Path | None, name: str) -> None:
    from .report import files
    from .report.formats import FORMATS

    _, render = FORMATS[name]
    if output is None:
        sys.stdout.write(render(report))
        return
    try:
        files.write(report, output, render, waits=True)
    except OSError as error:
        raise _UnusableError(f"{output} cannot be written: {error.strerror or error}") from error


def _target(options: argparse.Namespace) -> tuple[Path | None, str]:
    """Return where the report goes, ``None`` for standard output, and in which format."""
    from .report.formats import format_of

    if options.output in (None, "-"):
        return None, options.format or "text"
    output = Path(options.output)
    if os.path.isdir(output):
        raise _UnusableError(f"--output {output} is a folder; name a file in it")
    if not os.path.isdir(output.parent):
        raise _UnusableError(f"--output {output}: there is no folder {output.parent}")
    if os.path.realpath(output) in map(os.path.realpath, options.captures) or (
        "-" in options.captures and os.path.isfile(output) and os.path.samestat(os.stat(output), os.fstat(0))
    ):
        raise _UnusableError(f"--output {output} is a capture to be judged; name another file")
    return output, options.format or format_of(output.suffix) or "text"


def _task(options: argparse.Namespace, brief: bool) -> "Task":
    from .capture.check import Task
    from .report import baseline, ignore

    if options.captures.count("-") > 1:
        raise _UnusableError("standard input, -, can be read once only")
    try:
        known = baseline.read(Path(options.baseline)) if options.baseline else baseline.Baseline()
        if known.is_missing:
            _say(f"{options.baseline} does not exist: nothing is known yet")
        return Task(options.browser, ignore.parse_all(options.ignore), known, brief)
    except baseline.BaselineError as error:
        raise _UnusableError(f"--baseline: {error}") from error
    except ignore.IgnoreError as error:
        raise _UnusableError(f"--ignore: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
