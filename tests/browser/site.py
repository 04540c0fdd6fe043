"""Every host of the tests in one: from a request to the answer its case wants, and the documents that run the cases."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.browser.cases.case import Case, Endpoint, Load, Page
from tests.browser.server import Answer, Seen

RUNNER = (Path(__file__).resolve().parent / "runner.js").read_text()
# Makes again every request of a case that its frame makes.
SERVICE_WORKER = """
addEventListener('fetch', (event) => {
  if (new URL(event.request.url).pathname.startsWith('/c/')) event.respondWith(fetch(event.request));
});
"""
# What still goes on when the cases are done gets a moment to end.
TOUR = """<script>
const poll = setInterval(() => {
  if (window.casesDone === undefined) return;
  clearInterval(poll);
  setTimeout(() => { location.href = %s; }, 1000);
}, 100);
</script>"""
AT_ONCE = 6
DONE = "window.casesDone ?? null"


class Site:
    """The route of the origin server. `pages` are the documents to open, each with the cases that it runs."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.pages: dict[Page, list[Case]] = {}
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self._asked: Counter[tuple[str, str, bool]] = Counter()
        self.driven = threading.Event()
        self.tours = 0
        self.endless = False
        for case in cases:
            self.pages.setdefault(case.page, []).append(case)
            for leaf, endpoint in case.serve.items():
                self._endpoints[case.name, leaf] = endpoint

    def start(self) -> None:
        """Forget what was asked: the next browser begins with the first answers."""
        self._asked.clear()

    def tour(self) -> str:
        """The URL of the first page of a tour: each leads to the next when it is done, and the last sets `driven`."""
        return self.url(next(iter(self.pages))) + "/tour"

    def url(self, page: Page) -> str:
        return f"{page.origin}/page/{list(self.pages).index(page)}"

    def __call__(self, seen: Seen) -> Answer:
        _, *parts = urlsplit(seen.target).path.split("/")
        match parts:
            case ["c", name, leaf]:
                return self._answer(name, leaf, seen)
            case ["page", number]:
                page = list(self.pages)[int(number)]
                return document(self._page(page), page.headers)
            case ["page", number, "tour"]:
                pages = list(self.pages)
                following = pages[int(number) + 1 : int(number) + 2]
                then = f"{self.url(following[0])}/tour" if following else f"{pages[0].origin}/driven"
                page = pages[int(number)]
                return document(self._page(page) + TOUR % json.dumps(then), page.headers)
            case ["driven"]:
                self.driven.set()
                self.tours += 1
                again = f"<script>location.href = {json.dumps(self.tour())}</script>" if self.endless else ""
                return document(again)
            case ["frame"] | ["serviced", "frame"]:
                return document(f"<!doctype html><body><script>{RUNNER}\nserveParent();</script>")
            case ["worker.js"]:
                return Answer(200, (("Content-Type", "text/javascript"),), f"{RUNNER}\nserveOwner();".encode())
            case ["service.js"]:
                return Answer(200, (("Content-Type", "text/javascript"),), SERVICE_WORKER.encode())
            case _:
                return Answer(404)

    def _answer(self, name: str, leaf: str, seen: Seen) -> Answer:
        endpoint = self._endpoints.get((name, leaf))
        if endpoint is None:
            return Answer(404)
        answers = endpoint.preflight if seen.is_preflight else endpoint.actual
        if not answers:
            return Answer(404)
        key = (name, leaf, seen.is_preflight)
        answer = answers[min(self._asked[key], len(answers) - 1)]
        self._asked[key] += 1
        headers = tuple((header, value.replace("<case>", name)) for header, value in answer.headers)
        return Answer(answer.status, headers, answer.body.replace(b"<case>", name.encode()), answer.fault)

    def _page(self, page: Page) -> str:
        cases = [
            {"name": case.name, "loads": [_as_told(case, load) for load in case.loads]} for case in self.pages[page]
        ]
        data_frame = "data:text/html," + quote(f"<body><script>{RUNNER}\nserveParent();</script>")
        told = json.dumps(cases).replace("</", "<\\/")
        return (
            f'<!doctype html><meta charset="utf-8"><body>'
            f'<script type="text/plain" id="data-frame">{data_frame}</script>'
            f"<script>{RUNNER}\nrunAll({told}, {AT_ONCE})"
            ".then((results) => { window.casesDone = JSON.stringify(results); });</script>"
        )


def _as_told(case: Case, load: Load) -> dict[str, object]:
    # A silent case is waited for in vain; for the others a busy machine may need longer than anybody would wait.
    patience = 8_000 if case.silent else 30_000
    told = {"how": load.how, "url": load.url, "where": load.where, "patience": patience, **load.options}
    filled: dict[str, object] = json.loads(json.dumps(told).replace("<case>", case.name))
    return filled


def document(text: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return Answer(200, (("Content-Type", "text/html; charset=utf-8"), *headers), text.encode())
