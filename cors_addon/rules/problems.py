"""Collects the problems of a rule file while it is decoded, each with its place."""

from typing import Final

from .document import Document
from .errors import Level, Related, RuleFileProblem, Span
from .nodes import Node, Scalar
from .value_error import Complaint

MOST_PROBLEMS: Final = 200


class Problems:
    """The problems found so far, up to a number that nobody reads. ``document`` gives their excerpts."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.found: list[RuleFileProblem] = list(document.problems)

    def error(
        self,
        code: str,
        at: Node | Span,
        path: str,
        message: str,
        why: str,
        remedy: str,
        related: tuple[Related, ...] = (),
        level: Level = Level.ERROR,
    ) -> None:
        """Note an error at a node or span; ``path`` is its place in the document."""
        if self.full:
            return
        span = at if isinstance(at, Span) else at.span
        source = self.document.source(span)
        self.found.append(RuleFileProblem(code, level, message, why, remedy, path, span, source, related))

    def warn(
        self,
        code: str,
        at: Node | Span,
        path: str,
        message: str,
        why: str,
        remedy: str,
        related: tuple[Related, ...] = (),
    ) -> None:
        """Note a warning at a node or span."""
        self.error(code, at, path, message, why, remedy, related, Level.WARNING)

    def complain(self, complaint: Complaint, node: Scalar, path: str) -> None:
        """Note what is wrong with a value, at the part of it that is wrong where that can be told."""
        span = node.span
        if node.exact:
            begin = span.column + (0 if node.plain else 1)
            end = len(node.text) if complaint.end is None else complaint.end
            span = Span(span.line, begin + complaint.begin, span.line, begin + max(end, complaint.begin + 1))
            if not node.text:
                span = node.span
        self.error(complaint.code, span, path, complaint.message, complaint.why, complaint.remedy)

    def related(self, at: Node | Span, label: str) -> Related:
        """Point at a second place."""
        span = at if isinstance(at, Span) else at.span
        return Related(span, label, self.document.source(span))

    def sorted(self) -> tuple[RuleFileProblem, ...]:
        """Return all problems in the order of the file."""
        return tuple(sorted(self.found, key=lambda problem: (problem.span, problem.code)))

    @property
    def full(self) -> bool:
        """No further problem is noted; the first ones have to be fixed anyway."""
        return len(self.found) >= MOST_PROBLEMS
