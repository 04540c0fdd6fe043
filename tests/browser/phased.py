"""A page that makes each of its loads three times: with injection off, on, and off again.

The page throws the switch itself, by a request to its own server between the phases, so nothing about the page, its
connections or its caches is new in between: what is left behind would show.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from tests.browser.cases.case import Case, Page
from tests.browser.server import Answer, Seen
from tests.browser.site import AT_ONCE, Site, _as_told

# Kept by a document for as long as it lives, whatever any header says: these get a URL of their own in each phase.
KEPT_BY_DOCUMENT = ("img", "script", "style", "font", "module", "track", "audio", "worker", "eventsource")

PHASED = """
(async () => {
  const cases = %(cases)s, kept = new Set(%(kept)s), results = [];
  for (const [phase, state] of [[0, 'off'], [1, 'on'], [2, 'off']]) {
    await fetch('/switch/' + state);
    const marked = cases.map(({name, loads}) => ({name, loads: loads.map(
      (load) => kept.has(load.how) ? {...load, url: `${load.url}?phase=${phase}`} : load)}));
    results.push(await runAll(marked, %(at_once)d));
  }
  window.casesDone = JSON.stringify(results);
})();
"""


class PhasedSite(Site):
    """A site whose pages make every load in each phase; ``switch`` is called with on or off before each."""

    def __init__(self, cases: Sequence[Case], switch: Callable[[str], object]) -> None:
        super().__init__(cases)
        self._switch = switch

    def __call__(self, seen: Seen) -> Answer:
        _, *parts = urlsplit(seen.target).path.split("/")
        if parts[0] == "switch":
            self._switch(parts[1])
            return Answer(204)
        return super().__call__(seen)

    def _page(self, page: Page) -> str:
        told = [
            {"name": case.name, "loads": [_as_told(case, each) for each in case.loads]} for case in self.pages[page]
        ]
        values = {
            "cases": json.dumps(told).replace("</", "<\\/"),
            "kept": json.dumps(KEPT_BY_DOCUMENT),
            "at_once": AT_ONCE,
        }
        text = super()._page(page)
        return f"{text[: text.index('runAll([{')]}{PHASED % values}</script>"
