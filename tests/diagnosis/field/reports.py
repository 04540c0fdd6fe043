"""Public reports of failures, rebuilt as transcripts, and what has to be said of each.

The files of ``tests/field_reports`` are written like the corpus of causes, with two comments more:

    # 2 outcome: blocked            what becomes of the exchange
    # 2 says: OLLAMA_ORIGINS        words that the plan has to hold
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from tests.diagnosis.causes.corpus import Case, case

FOLDER = Path(__file__).resolve().parents[2] / "field_reports"


@dataclass
class Report(Case):
    """A session, with the outcome of each exchange that has findings, and what its plan says."""

    outcomes: dict[str, str] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)


def _reports() -> list[Report]:
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        for part in re.split(r"(?m)^=== ", path.read_text(encoding="utf-8"))[1:]:
            title, _, body = part.partition("\n")
            plain = case(f"{path.stem}: {title}", body)
            outcomes = dict(re.findall(r"(?m)^# (\S+) outcome: (\S+)$", body))
            says = dict(re.findall(r"(?m)^# (\S+) says: (.+)$", body))
            found.append(Report(plain.name, plain.exchanges, plain.expected, outcomes, says))
    return found


REPORTS = _reports()
