"""Why a finding came about and what to do about it, as every renderer tells it: from findings as plain data."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from ..catalogue import CATALOGUE
from ..verdict.failure_details import inert

_LABELS: Final = {"high": "Cause", "medium": "Probable cause", "low": "Possible cause"}
_LONGEST: Final = 600
_STOPS: Final = ("blocked", "conditional")


class Why(NamedTuple):
    """A cause in words: how sure it is, as a heading and as a word, what it is, who should do what, and other flows."""

    label: str
    sure: str
    message: str
    who: str
    fix: str
    flows: tuple[str, ...]


class How(NamedTuple):
    """What to write for a stack: a heading, the text's lines, and by what the stack was recognised, if it was."""

    stack: str
    lines: tuple[str, ...]
    because: str


def whys(finding: Mapping[str, Any], own: object = None) -> list[Why]:
    """Return a finding's causes, the most probable first; ``own`` is the flow that it is told of, and goes unnamed."""
    causes = [finding["cause"], *(finding.get("other_causes") or ())] if finding.get("cause") else []
    return [
        Why(
            _LABELS.get(str(cause.get("confidence")), "Possible cause"),
            str(cause.get("confidence")),
            inert(str(cause.get("message", "")), _LONGEST),
            str(cause.get("who") or ""),
            inert(str(cause.get("fix") or ""), _LONGEST),
            tuple(inert(str(flow), 80) for flow in cause.get("flows") or () if flow != own),
        )
        for cause in causes
    ]


def fix_of(violation: str, finding: Mapping[str, Any]) -> tuple[str, str]:
    """Return who can mend a finding, and in general words what to change.

    Empty words where a cause that is likely says what to do: it speaks of this very case.
    """
    cause = finding.get("cause") or {}
    fix = finding.get("fix") or {}
    known = CATALOGUE.get(violation)
    who = str(fix.get("who") or "") or (known.owner.value if known is not None else "")
    if cause.get("fix") and cause.get("confidence") != "low":
        return who, ""
    return who, str(fix.get("text") or "") or (known.fix if known is not None else "")


def hows(finding: Mapping[str, Any]) -> list[How]:
    """Return a finding's snippets: those for a stack that was recognised, or all where none was."""
    snippets: Sequence[Mapping[str, Any]] = (finding.get("fix") or {}).get("snippets") or ()
    recognised = [snippet for snippet in snippets if snippet.get("because")]
    return [
        How(
            inert(str(snippet["stack"]), 80),
            tuple(inert(line, 400) for line in str(snippet["text"]).splitlines()[:200]),
            inert(str(snippet.get("because") or ""), 300),
        )
        for snippet in recognised or snippets
    ]


def steps(flow: Mapping[str, Any]) -> list[str]:
    """Return all that stands in a flow's way, in the order in which the browser meets it; none where it is one thing.

    What comes after it is done and was never seen, such as the request behind a preflight that fails, comes last.
    """
    way = flow.get("way") or {}
    told = [
        f"({step['who']}) {inert(str(step['text']), _LONGEST)}"
        for step in way.get("steps") or ()
        if step.get("severity") in _STOPS
    ]
    for ahead in way.get("ahead") or ():
        lines = ", ".join(inert(str(line), 300) for line in ahead.get("headers") or ())
        what = f"answer with {lines}" if lines else inert(str(ahead.get("text") or ""), _LONGEST)
        told.append(f"then {inert(str(ahead['method']), 40)} {inert(str(ahead['url']), 200)}, not sent so far: {what}")
    return told if len(told) > 1 else []
