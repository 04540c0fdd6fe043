"""The table once more, in a browser that the addon itself starts and listens to: what is told decides every verdict."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.browser.cases.case import Case
from tests.browser.proxy import Proxy
from tests.browser.server import Server
from tests.browser.site import Site

PATIENCE = 600  # seconds for all pages: only a failure takes that long
LAST_WORDS = 6  # seconds for what the browser tells late


@dataclass(frozen=True, slots=True)
class Listened:
    """The report of a run, and what mitmdump printed."""

    report: dict[str, Any]
    output: str

    def entries(self) -> list[dict[str, Any]]:
        """The verdicts on requests of cases."""
        return [each for each in self.report["flows"] if urlsplit(each["url"]).path.startswith("/c/")]

    def told(self) -> list[dict[str, Any]]:
        return [each for each in self.entries() if "told" in each]


def listened_run(browser: str, cases: Sequence[Case]) -> Listened:
    site = Site(cases)
    with Server(site) as server:
        options = [f"cors_start_browser={browser} --headless {site.tour()}", "termlog_verbosity=info"]
        with Proxy(server, options=options) as proxy:
            done = site.driven.wait(PATIENCE)
            time.sleep(LAST_WORDS)
            proxy.stop()
            assert done, f"the tour did not end:\n{proxy.output[-4000:]}"
            return Listened(json.loads(proxy.report.read_text()), proxy.output)
