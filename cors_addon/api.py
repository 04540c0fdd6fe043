"""Judging saved traffic from Python: in a test suite, a notebook, or over thousands of files."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .capture.check import Task, check_entries
from .capture.check import check as check_paths
from .report import baseline as baselines
from .report import ignore as ignores
from .report.model import Report


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to fix, as the reports diagnose it.

    ``severity`` is ``blocked``, ``conditional``, ``risk``, ``advice`` or ``info``; ``requests`` counts the
    requests that show it; ``causes`` and ``steps`` are sentences, the most probable cause first. ``known`` says that
    the baseline holds it. ``plain`` is the diagnosis as in the JSON report.
    """

    severity: str
    headline: str
    method: str
    url: str
    origin: str
    requests: int
    findings: tuple[str, ...]
    causes: tuple[str, ...]
    steps: tuple[str, ...]
    known: bool
    plain: Mapping[str, Any]

    def __str__(self) -> str:
        said = [f"{self.method} {self.url} from {self.origin or 'a page'}: {self.headline}"]
        said += [f"  cause: {cause}" for cause in self.causes[:1]]
        return "\n".join([*said, *(f"  fix: {step}" for step in self.steps)])


@dataclass(frozen=True, slots=True)
class Result:
    """What browsers do with saved requests.

    ``report`` is the whole report, as plain data; ``diagnoses`` are its diagnoses, the worst first; ``problems`` say
    what could not be read, and are empty where all was.
    """

    report: Report
    diagnoses: tuple[Problem, ...]
    problems: tuple[str, ...]

    @property
    def blocked(self) -> tuple[Problem, ...]:
        """What browsers block for CORS or beside it, failed connections and what the baseline knows left out."""
        return tuple(
            each
            for each in self.diagnoses
            if each.severity == "blocked" and not each.known and "network-error" not in each.findings
        )

    @property
    def outcomes(self) -> Mapping[str, int]:
        """How many requests have which outcome."""
        outcomes: Mapping[str, int] = self.report.summary["outcomes"]
        return outcomes

    @property
    def flows(self) -> tuple[Mapping[str, Any], ...]:
        """The verdict of each request, as in the JSON report."""
        return self.report.flows

    def __str__(self) -> str:
        return "\n".join(map(str, self.diagnoses)) or "nothing to fix"


def check(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    browser: str = "auto",
    ignore: Sequence[str] = (),
    baseline: str | os.PathLike[str] | None = None,
    jobs: int = 1,
) -> Result:
    """Judge captures: HARs, Playwright traces, flow files and what else ``cors-addon check`` reads.

    ``browser`` is ``auto``, ``chromium``, ``firefox``, ``webkit`` or ``spec``. ``ignore`` takes ``id`` or ``id@host``.
    A file that cannot be read does not raise: ``problems`` says why. Raises ``ValueError`` for a wrong option.
    """
    names = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    return _result(check_paths([os.fspath(name) for name in names], _task(browser, ignore, baseline), jobs))


def judge_har(
    entries: Mapping[str, Any] | Iterable[Any],
    *,
    browser: str = "auto",
    ignore: Sequence[str] = (),
    baseline: str | os.PathLike[str] | None = None,
) -> Result:
    """Judge a HAR that was read already, or its entries: mappings as in ``log.entries``. Options: see ``check``.

    The entries are one session: what one request shows counts for the others.
    """
    found: Any = entries
    if isinstance(entries, Mapping):
        log = entries.get("log", entries)
        found = log.get("entries", [entries]) if isinstance(log, Mapping) else []
    return _result(check_entries(found, _task(browser, ignore, baseline)))


def _task(browser: str, ignore: Sequence[str], baseline: str | os.PathLike[str] | None) -> Task:
    from pathlib import Path

    known = baselines.Baseline() if baseline is None else baselines.read(Path(baseline))
    task = Task(browser, ignores.parse_all(list(ignore)), known)
    task.settings  # noqa: B018  A wrong browser is said at once.
    return task


def _result(report: Report) -> Result:
    captures = report.summary.get("captures", ())
    problems = tuple(f"{each['path']}: {each['problem']}" for each in captures if each["problem"])
    return Result(report, tuple(map(_problem, report.diagnoses)), problems)


def _problem(diagnosis: Mapping[str, Any]) -> Problem:
    return Problem(
        severity=diagnosis["severity"],
        headline=diagnosis["headline"],
        method=diagnosis["method"],
        url=diagnosis["url"],
        origin=diagnosis["origin"],
        requests=diagnosis["requests"],
        findings=tuple(diagnosis["findings"]),
        causes=tuple(cause["message"] for cause in diagnosis["causes"]),
        steps=tuple(map(_step, diagnosis["plan"])),
        known=diagnosis["known"],
        plain=diagnosis,
    )


def _step(step: Mapping[str, Any]) -> str:
    """Return what to do in one step, with the header lines to send."""
    sent = step.get("send") or ()
    lines = [f"{send['to']} {send['status']}: {line}" for send in sent for line in send.get("headers") or ()]
    return "\n    ".join([step["text"], *lines])
