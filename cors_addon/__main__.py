"""``python -m cors_addon``: mitmproxy with the addon, saved captures judged, rule files validated, all explained."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from . import check_command, installation
from .check_command import CLEAN, UNUSABLE, UnusableError, say
from .completion import SHELLS, script
from .standard_output import discard_output, open_closed_output

_INTERRUPTED: Final = 130


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
    open_closed_output()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that lacks a character must not end a report half way.
            stream.reconfigure(errors="backslashreplace")
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        status = run(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        discard_output()  # Whoever read has read enough.
        return CLEAN
    except OSError as error:
        if error.filename is not None:
            raise
        discard_output()
        say(f"the output cannot be written: {error.strerror or error}")
        return UNUSABLE
    except UnusableError as error:
        say(str(error))
        return UNUSABLE
    except ModuleNotFoundError as error:
        return _lacks(error)
    except KeyboardInterrupt:
        say("interrupted")
        return _INTERRUPTED


def _run_tool(words: list[str]) -> int:
    try:
        from .mitm.tools import run

        return run(words)
    except ModuleNotFoundError as error:
        return _lacks(error)


def _lacks(error: ModuleNotFoundError) -> int:
    say(installation.how_to_get(error))
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

    check_command.add_parser(commands)

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
        raise UnusableError(f"{told} Without an id, explain prints the list of all.") from error
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
        raise UnusableError(f"There is no page {options.topic!r}. The pages are: {', '.join(topics)}.")
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
        raise UnusableError("name a rule file, or ask for --schema")
    if options.explain is not None and not options.origin:
        raise UnusableError("--explain needs the page that makes the request: --origin http://localhost:5173")
    explain = None if options.explain is None else (options.explain[0], options.explain[1])
    try:
        status, text = check_rule_file(options.file, explain, options.origin)
    except ValueError as error:
        raise UnusableError(f"--explain: {error}") from error
    print(text)
    return status


if __name__ == "__main__":
    sys.exit(main())
