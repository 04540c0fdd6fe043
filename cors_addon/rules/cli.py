"""What ``python -m cors_addon rules`` prints and with which exit status it ends."""

import os
from pathlib import Path

from .decode import Reading, read_rules
from .errors import Level, RuleFileProblem, inert, render_problems
from .explain import explain_request
from .model import RuleSet
from .text import LARGEST_FILE

VALID, BROKEN = 0, 1


def read_rule_file(path: str | os.PathLike[str]) -> Reading:
    """Read a rule file from disk; raises ``OSError`` where it cannot be read. No more than the largest size is read."""
    with open(path, "rb") as file:
        return read_rules(file.read(LARGEST_FILE + 1))


def schema_text() -> str:
    """Return the JSON Schema of the rule file, for editors."""
    return Path(__file__).with_name("schema.json").read_text("utf-8")


def check_rule_file(path: str, explain: tuple[str, str] | None = None, origin: str = "") -> tuple[int, str]:
    """Validate a rule file; return the exit status (0 valid, 1 errors) and what to print, without a final line break.

    With ``explain``, a method and a URL, and the page's ``origin``, a valid file is followed by which rule is for that
    request, and why the others are not. Raises ``ValueError`` for a URL that no page can call.
    """
    try:
        reading = read_rule_file(path)
    except OSError as error:
        return BROKEN, f"{inert(path)}: cannot be read: {error.strerror or error}"
    parts = [render_problems(reading.problems, path)] if reading.problems else []
    if reading.rules is None:
        return BROKEN, "\n\n".join([*parts, _count(path, reading.problems)])
    if explain is not None:
        parts.append("\n".join(inert(line) for line in explain_request(reading.rules, *explain, origin)))
    else:
        parts.append(_summary(path, reading.rules, reading.problems))
    return VALID, "\n\n".join(parts)


def _number(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _count(path: str, problems: tuple[RuleFileProblem, ...]) -> str:
    errors = sum(problem.level is Level.ERROR for problem in problems)
    warnings = len(problems) - errors
    more = f" and {_number(warnings, 'warning')}" if warnings else ""
    return f"{inert(path)}: {_number(errors, 'error')}{more}; the file cannot be used"


def _summary(path: str, rules: RuleSet, problems: tuple[RuleFileProblem, ...]) -> str:
    enabled = sum(rule.enabled for rule in rules.rules)
    expires = "never" if rules.expires is None else f"after {_duration(rules.expires)}"
    warnings = f", {_number(len(problems), 'warning')}" if problems else ""
    head = f"{inert(path)}: valid, {_number(len(rules.rules), 'rule')} ({enabled} enabled){warnings}; expires {expires}"
    return "\n".join([head, *(f"  {'on ' if rule.enabled else 'off'} {rule.name}" for rule in rules.rules)])


def _duration(seconds: float) -> str:
    rest, text = int(seconds), ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text
