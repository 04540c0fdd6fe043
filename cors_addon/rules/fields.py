"""Reads the single value of a key: its type, its range, and what to write where it has another."""

from enum import Enum
from typing import Final, TypeVar

from .errors import quoted
from .key_values import BROKEN, Broken, Entry, fault, nearest, wrong
from .model import VERSION, PreflightMode, ResourcePolicy, UpstreamHeaders
from .nodes import Kind, Scalar, boolean_of, integer_of, kind_of
from .problems import Problems
from .simulations import NOT_SIMULATED, SIMULATED
from .value_error import Complaint
from .value_parsers import loose_duration, parse_duration
from .yaml_pitfalls import in_quotes

E = TypeVar("E", bound=Enum)

LONGEST_NAME: Final = 100

_LONGEST_NUMBER: Final = 12


def version(problems: Problems, entry: Entry) -> int | Broken:
    """Read the version of the file's format."""
    node = entry.node
    if isinstance(node, Scalar) and not node.broken and node.text in (str(VERSION), f"{VERSION}.0"):
        if kind_of(node) is Kind.INTEGER:
            return VERSION
        return wrong(problems, entry, "the number 1", f"write version: {VERSION}, without quotes or a point")
    if isinstance(node, Scalar) and kind_of(node) is Kind.INTEGER and not node.broken:
        problems.error(
            "version",
            node,
            entry.path,
            f"version {quoted(node.text)} is not known",
            f"The newest version of the format that this program reads is {VERSION}.",
            f"write version: {VERSION}, or update cors-addon if the file was written for a newer one",
        )
        return BROKEN
    return wrong(problems, entry, "the number 1", f"write version: {VERSION}")


def boolean(problems: Problems, entry: Entry) -> bool | Broken:
    """Read true or false, in any of YAML 1.1's words."""
    node = entry.node
    if isinstance(node, Scalar) and kind_of(node) is Kind.BOOLEAN:
        return bool(boolean_of(node.text)) if not node.broken else BROKEN
    remedy = f"write {entry.name}: true or {entry.name}: false"
    if isinstance(node, Scalar) and not node.plain and boolean_of(node.text) is not None:
        remedy = f"take the quotes off: {entry.name}: {node.text}"
    return wrong(problems, entry, "true or false", remedy)


def name(problems: Problems, entry: Entry) -> str | Broken:
    """Read a rule's name."""
    node = entry.node
    remedy = "write for example name: local SPA calls the staging API"
    if isinstance(node, Scalar) and node.text and kind_of(node) is not Kind.STRING:
        remedy = f"put it in quotes: {in_quotes(node.text)}"
    text = text_of(problems, entry, "a text", remedy)
    if text is BROKEN or not isinstance(node, Scalar):
        return BROKEN
    if not text.strip():
        return fault(
            problems,
            entry,
            "empty-text",
            "the name is empty",
            "Reports and commands call a rule by its name.",
            "write what the rule is for",
        )
    if len(text) > LONGEST_NAME:
        return fault(
            problems,
            entry,
            "too-long",
            f"the name has {len(text)} characters",
            f"It is shown in one line of every report; {LONGEST_NAME} characters are the most.",
            "put the rest into a comment: # ...",
        )
    odd = next((at for at, char in enumerate(text) if not char.isprintable()), None)
    if odd is not None:
        complaint = Complaint(
            "invisible-character",
            f"an invisible character stands in {quoted(text)}",
            "It is part of the name for commands, but not for the eye.",
            "delete it",
            odd,
            odd + 1,
        )
        problems.complain(complaint, node, entry.path)
        return BROKEN
    return text.strip()


def text_of(problems: Problems, entry: Entry, expected: str, remedy: str) -> str | Broken:
    """Read a text; an unquoted number, date or word that YAML reads as something else is none."""
    node = entry.node
    if not isinstance(node, Scalar) or node.broken or kind_of(node) is not Kind.STRING:
        return wrong(problems, entry, expected, remedy)
    return node.text


def seconds(problems: Problems, entry: Entry) -> int | Broken:
    """Read max_age: seconds, or a duration."""
    node = entry.node
    remedy = "write a number of seconds (600) or a duration (10m); 0 leaves nothing behind in the browser"
    if not isinstance(node, Scalar) or node.broken:
        return wrong(problems, entry, "a number of seconds", remedy)
    kind = kind_of(node)
    if kind is Kind.INTEGER and node.text.isdecimal() and (node.text == "0" or not node.text.startswith("0")):
        return int(node.text[:_LONGEST_NUMBER])
    if kind is Kind.INTEGER and node.text.startswith("-") and integer_of(node.text) < 0:
        return fault(
            problems,
            entry,
            "max-age",
            f"max_age cannot be negative, and this is {node.text}",
            "Browsers read a negative age in different ways.",
            "write 0 to keep the browser from remembering preflights",
        )
    duration = parse_duration(node.text) if kind is Kind.STRING else None
    if duration is not None:
        return duration
    if kind is Kind.STRING and not node.plain and node.text.isdecimal() and len(node.text) <= _LONGEST_NUMBER:
        remedy = f"take the quotes off: {entry.name}: {node.text}"
    elif kind is Kind.STRING and loose_duration(node.text):
        remedy = f"write {entry.name}: {loose_duration(node.text)}"
    decimal = "a decimal number" if kind is Kind.INTEGER else "a number of seconds"
    return wrong(problems, entry, decimal, remedy)


def expires(problems: Problems, entry: Entry) -> float | Broken | None:
    """Read how long injection stays on: a duration, or never (``None``)."""
    node = entry.node
    remedy = "write a duration such as 30m, 2h or 1h30m, or never"
    if not isinstance(node, Scalar) or node.broken or kind_of(node) is not Kind.STRING:
        if isinstance(node, Scalar) and not node.broken and kind_of(node) is Kind.INTEGER and node.text.isdecimal():
            return fault(
                problems,
                entry,
                "duration",
                f"expires: {node.text} has no unit",
                "Nobody can tell whether seconds, minutes or hours are meant.",
                f"write {node.text}m for minutes or {node.text}h for hours",
            )
        return wrong(problems, entry, "a duration", remedy)
    if node.text == "never":
        return None
    seconds = parse_duration(node.text)
    if seconds is None:
        return fault(
            problems,
            entry,
            "duration",
            f"{quoted(node.text)} is no duration",
            "A duration is numbers with the units d, h, m and s, the largest first and without spaces.",
            f"write expires: {loose_duration(node.text)}" if loose_duration(node.text) else remedy,
        )
    if seconds == 0:
        return fault(
            problems,
            entry,
            "duration",
            "injection would end as soon as it begins",
            "expires says how long it stays on after being switched on.",
            remedy,
        )
    return float(seconds)


def choice(problems: Problems, entry: Entry, kind: type[E], synonyms: dict[str, str] | None = None) -> E | Broken:
    """Read one of an enumeration's words."""
    words = [str(member.value) for member in kind]
    node = entry.node
    allowed = ", ".join(words[:-1]) + " or " + words[-1]
    if not isinstance(node, Scalar) or node.broken or kind_of(node) is not Kind.STRING:
        return wrong(problems, entry, f"one of {allowed}", f"write {entry.name}: {words[0]}")
    if node.text in words:
        return kind(node.text)
    meant = (synonyms or {}).get(node.text.lower()) or nearest(node.text.lower(), words)
    return fault(
        problems,
        entry,
        "unknown-value",
        f"{entry.name} cannot be {quoted(node.text)}",
        f"It is one of {allowed}.",
        f"did you mean {entry.name}: {meant}?" if meant else f"write {entry.name}: {words[0]}",
    )


def preflight(problems: Problems, entry: Entry) -> PreflightMode | Broken:
    """Read what happens to preflights."""
    synonyms = {"local": "answer", "reply": "answer", "fix": "repair", "pass": "forward", "continue": "forward"}
    return choice(problems, entry, PreflightMode, synonyms)


def upstream_headers(problems: Problems, entry: Entry) -> UpstreamHeaders | Broken:
    """Read what happens to the server's own headers."""
    synonyms = {"override": "replace", "overwrite": "replace", "strip": "replace", "add": "fill", "merge": "fill"}
    return choice(problems, entry, UpstreamHeaders, synonyms)


def resource_policy(problems: Problems, entry: Entry) -> ResourcePolicy | Broken | None:
    """Read the Cross-Origin-Resource-Policy to set; null sets none."""
    node = entry.node
    if isinstance(node, Scalar) and node.text and kind_of(node) is Kind.NULL:
        return None
    if isinstance(node, Scalar) and kind_of(node) is Kind.BOOLEAN and not boolean_of(node.text):
        return wrong(
            problems, entry, "same-site, cross-origin or null", "write null, or take the line out, to set none"
        )
    if isinstance(node, Scalar) and node.text == "same-origin" and not node.broken:
        return fault(
            problems,
            entry,
            "unknown-value",
            "same-origin would keep every other page out",
            "A rule opens a server to the pages that it lists; same-origin closes it to all of them.",
            "write cross-origin or same-site; to see the failure write simulate: corp-not-same-origin",
        )
    return choice(problems, entry, ResourcePolicy, {"corp": "cross-origin", "any": "cross-origin"})


def simulate(problems: Problems, entry: Entry) -> str | Broken | None:
    """Read the violation to simulate; null simulates none."""
    node = entry.node
    if isinstance(node, Scalar) and node.text and kind_of(node) is Kind.NULL:
        return None
    example = "write a violation id such as simulate: allow-origin-missing"
    text = text_of(problems, entry, "a violation id", example)
    if text is BROKEN or text in SIMULATED:
        return text
    if text in NOT_SIMULATED:
        reason = NOT_SIMULATED[text]
        return fault(
            problems,
            entry,
            "not-simulated",
            f"{text} cannot be simulated",
            reason,
            "take the line out, or choose another id",
        )
    meant = nearest(text.lower().replace("_", "-"), sorted(SIMULATED))
    return fault(
        problems,
        entry,
        "unknown-value",
        f"{quoted(text)} is no violation id",
        "It names a failure by its id in the reports.",
        f"did you mean simulate: {meant}?" if meant else "choose from:\n" + "\n".join(sorted(SIMULATED)),
    )
