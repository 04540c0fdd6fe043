"""What a user expects to be found: findings not to hear of, and findings that are known already."""

from dataclasses import dataclass, field, replace

from ..verdict.model import Finding, Verdict
from .baseline import Baseline
from .grouping import group_key, target_of
from .ignore import Ignore, Ignores


@dataclass(frozen=True, slots=True)
class Expected:
    """What is ignored, and what a baseline holds."""

    ignores: Ignores = field(default_factory=Ignores)
    baseline: Baseline = field(default_factory=Baseline)

    def __bool__(self) -> bool:
        return bool(self.ignores.values or self.baseline.keys)

    def apply(self, verdict: Verdict) -> Verdict:
        """Return the verdict without what is ignored, and with what is known marked so."""
        if not self and not any(finding.known for finding in verdict.findings):
            return verdict
        host, _ = target_of(verdict.url)
        findings = tuple(
            self._told(verdict, finding) for finding in verdict.findings if self.ignores.find(finding.id, host) is None
        )
        return verdict if findings == verdict.findings else verdict.with_findings(findings)

    def ignored(self, verdict: Verdict) -> list[tuple[Finding, Ignore]]:
        """Return the findings that ``apply`` leaves out, each with what leaves it out."""
        if not self.ignores or not verdict.findings:
            return []
        host, _ = target_of(verdict.url)
        found = [(finding, self.ignores.find(finding.id, host)) for finding in verdict.findings]
        return [(finding, ignore) for finding, ignore in found if ignore is not None]

    def _told(self, verdict: Verdict, finding: Finding) -> Finding:
        known = self.baseline.knows(group_key(finding.id, verdict.method, verdict.url, verdict.origin))
        return finding if known == finding.known else replace(finding, known=known)
