"""The change of the rules that lets a card's request pass: found out in steps, and shown on the card."""

from collections.abc import Sequence
from typing import Final

from ..diagnosis.stepwise import Steps
from ..verdict.model import Verdict
from .html_text import block, text
from .ledger import Card, Ledger
from .panels import button
from .services import Services, digest

_LABEL: Final = "Write this change and switch injection on"


class Suggestions:
    """Keeps what each card shows; ``token`` is what its button sends.

    ``found`` has, by the card's id, what was found out: of which rules and verdict, and the change's lines.
    """

    def __init__(self, ledger: Ledger, services: Services, token: str) -> None:
        self._ledger = ledger
        self._services = services
        self._token = token
        self._rules: object = None
        self.found: dict[str, tuple[object, Verdict, Sequence[str]]] = {}

    def look(self) -> bool:
        """Say whether the rules are other ones since the last look, and so may be each change of them."""
        before, self._rules = self._rules, self._services.suggest_state()
        return before != self._rules

    def has(self, card: Card) -> bool:
        """Say whether the change is known that lets a card's newest request pass."""
        rules, verdict, _ = self.found.get(card.id, (None, None, ()))
        return rules == self._rules and verdict is self._ledger.example(card)

    def find(self, card: Card) -> Steps[bool]:
        """Find it out; say whether it is another one than the card shows."""
        rules, verdict = self._rules, self._ledger.example(card)
        lines = yield from self._services.suggest(self._services.explain(verdict))
        _, _, before = self.found.get(card.id, (None, None, ()))
        self.found[card.id] = rules, verdict, lines
        return lines != before

    def html(self, card: Card) -> str:
        """Return the change, and the button that makes it; nothing where none is known.

        It is of an earlier request of the card, where the newest one's change is not found out yet.
        """
        rules, verdict, lines = self.found.get(card.id, (None, None, ()))
        if verdict is None or rules != self._rules or not lines:
            return ""
        where = text(self._services.place(), 200)
        return (
            f'<details class="unblock"><summary>Unblock</summary>{block(chr(10).join(lines))}'
            f'<p class="meta">The change of the rules in {where}.</p>'
            f"{button('unblock', self._token, _LABEL, verdict.id, seen=digest(lines))}</details>"
        )
