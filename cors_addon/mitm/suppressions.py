"""What the user does not want to hear of, and what is known: put upon verdicts, and taken off again for reports."""

from collections.abc import Iterable, Iterator

from ..report.expected import Expected
from ..traffic.bounded_dicts import Remembered
from ..verdict.model import Verdict


class Wishes:
    """``expected`` is what holds now. Verdicts with something left out are kept in ``wholes``, ``kept`` of them."""

    def __init__(self, kept: int, expected: Expected) -> None:
        self.expected = expected
        self.wholes: Remembered[str, Verdict] = Remembered(kept)

    def apply(self, verdict: Verdict) -> Verdict:
        """Leave out what the user ignores and mark what is known."""
        return self._apply(verdict) if self.wholes or self.expected else verdict

    def _apply(self, verdict: Verdict) -> Verdict:
        shown = self.expected.apply(verdict)
        if len(shown.findings) < len(verdict.findings):
            self.wholes[verdict.id] = verdict
        else:
            self.wholes.pop(verdict.id, None)
        return shown

    def __contains__(self, flow_id: str) -> bool:
        """Say whether something of a flow's verdict is left out."""
        return flow_id in self.wholes

    def whole(self, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
        """Yield verdicts with what was left out."""
        for verdict in verdicts:
            whole = self.wholes.get(verdict.id)
            yield verdict if whole is None else whole.with_delivered(verdict.delivered)

    def changed(self, verdicts: Iterable[Verdict]) -> list[Verdict]:
        """Return those verdicts that are others under what is expected now."""
        found = []
        for before in list(verdicts):
            (whole,) = self.whole([before])
            shown = self._apply(whole)
            if shown != before:
                found.append(shown)
        return found
