"""The browsers are the oracle: the addon's verdict on every flow is held against the browser's own.

Each browser runs the whole table once, through a real mitmdump with the addon in it; then every case is a test. Without
the browser the tests are skipped with the reason, and fail where CI is set.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

import pytest
from mitmproxy import http

from cors_addon.catalogue import CATALOGUE
from cors_addon.catalogue.violation import Severity
from tests.browser.agreement import ASSUMED_IN, Agreement, agreement, browsers_word, said
from tests.browser.cases import CASES
from tests.browser.cases.case import Case
from tests.browser.compare import row, table
from tests.browser.matrix import LEAST, Told, matrix, of_run
from tests.browser.observed import Outcome
from tests.browser.run import BROWSERS, Judged, Run, missing, run_cases

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(600)]

# Verdicts that hang on what nothing on the wire tells; more of them would mean unused evidence. WebKit carries requests
# with credentials and without on one connection, which tells most in the others.
MOST_OPEN = {"chromium": 0.09, "firefox": 0.09, "webkit": 0.14}
# On a loaded machine a browser may tell of a frame's request too late: what differs is asked again, if it is little.
ASKED_AGAIN = 25
TIMES_ASKED_AGAIN = 2

# Cases in which WebKitGTK makes no request that the proxy can see, as it was seen to do.
NOT_ASKED_BY_WEBKIT = {
    "audio-*": "Debian's package loads no audio without plugins",
    "stream-body": "it does not stream request bodies",
    "websocket-http*": "no flow of it is seen",
    "pair-https-to-local-*": "to it http://localhost is mixed content on an https page",
    "referrer-downgrade-form": "to it a form to http is mixed content on an https page",
}

# One case for each violation that a server can cause and that has a name in Chromium or Firefox.
CAUSED_BY = {
    "allow-origin-missing": "acao-http-missing",
    "allow-origin-multiple": "acao-http-two-different",
    "allow-origin-invalid": "acao-http-no-scheme",
    "allow-origin-mismatch": "acao-http-other-host",
    "allow-origin-wildcard-with-credentials": "jar-https-include-any",
    "allow-credentials-not-true": "jar-https-include-title",
    "preflight-status-not-ok": "preflight-500-shared",
    "preflight-redirect": "preflight-302-location-shared",
    "allow-methods-invalid": "acam-http-spaces-between",
    "allow-headers-invalid": "acah-http-spaces-between",
    "method-not-allowed": "acam-http-other",
    "method-wildcard-with-credentials": "acam-http-star-include",
    "header-not-allowed": "acah-http-other",
    "header-wildcard-with-credentials": "acah-http-star-include",
    "redirect-url-credentials": "redirect-to-user-info",
    "redirect-scheme": "redirect-to-ftp",
    "redirect-too-many": "redirect-too-many",
    "redirect-mixed-content": "redirect-mixed-other",
    "mode-same-origin": "redirect-https-same-origin-mode",
    "network-error": "dead-get",
    "corp-not-same-origin": "corp-https-cross-img-same-origin",
    "corp-not-same-site": "corp-https-cross-img-same-site",
    "orb-blocked": "type-https-img-application-json-nosniff",
    "nosniff-mime": "type-https-script-image-gif-nosniff",
}
NOT_CAUSED_HERE = {
    "blocked-response-not-saved": "told of recordings that hold no response, and the proxy has one",
    "private-network-access": "asked only by versions of Chromium that are gone",
    "corp-coep": "told only where all pages of an origin ask alike, and here they do not; tests/verdict holds it",
}

# What each browser did with the table, for the comparison of the columns at the end.
TOLD: dict[str, list[Told]] = {}


@pytest.fixture(scope="module", params=list(BROWSERS))
def run(request: pytest.FixtureRequest) -> Run:
    browser = str(request.param)
    if why := missing(browser):
        if os.environ.get("CI"):
            pytest.fail(f"{why}, and this is CI")
        pytest.skip(why)
    found = run_cases(browser, [case for case in CASES if why_not_asked(browser, case) is None])
    for _ in range(TIMES_ASKED_AGAIN):
        doubtful = _doubtful(found)
        if not 0 < len(doubtful) <= ASKED_AGAIN:
            break
        again = run_cases(browser, [case for case in CASES if case.name in doubtful])
        found.judged[:] = [one for one in found.judged if one.case not in doubtful] + again.judged
        found.flows[:] = [flow for flow in found.flows if case_of(flow.request.path) not in doubtful] + again.flows
        found.unmatched[:] = [hop for hop in found.unmatched if case_of(urlsplit(hop.url).path) not in doubtful]
        found.unmatched += again.unmatched
        found.results |= again.results
    TOLD[browser] = of_run(found)
    return found


def why_not_asked(browser: str, case: Case) -> str | None:
    """Return why a case shows nothing in a browser, None where it does."""
    if browser != "webkit":
        return None
    return next((why for glob, why in NOT_ASKED_BY_WEBKIT.items() if fnmatchcase(case.name, glob)), None)


def cases_of(run: Run) -> list[Case]:
    return [case for case in CASES if why_not_asked(run.browser, case) is None]


def _doubtful(run: Run) -> set[str]:
    """The cases that differ, or of which something is missing."""
    names = {one.case for one in run.judged if differs(run, one)}
    names |= {case_of(urlsplit(hop.url).path) for hop in run.unmatched}
    told = {one.case for one in run.judged}
    names |= {case.name for case in cases_of(run) if case.name not in told and case.serve and not case.silent}
    names |= {case_of(flow.request.path) for flow in lost(run)}
    names |= late(run) | {case.name for case in cases_of(run) if case.name not in run.results}
    return {name for name in names if name is not None}


def differs(run: Run, judged: Judged) -> bool:
    found = agreement(judged, run.browser)
    return found is Agreement.DIFFER or (found is Agreement.ASSUMED and judged.case not in ASSUMED_IN)


def case_of(path: str) -> str | None:
    parts = path.split("/")
    return parts[2] if len(parts) > 3 and parts[1] == "c" else None


def lost(run: Run) -> list[http.HTTPFlow]:
    """The flows of cases that no word of the browser is about."""
    accounted = {one.flow.id for one in run.judged}
    return [flow for flow in run.flows if case_of(flow.request.path) and flow.id not in accounted]


def late(run: Run) -> set[str]:
    """The cases of which a page did not hear in time, those left out that it may never hear of."""
    found = {name for name, results in run.results.items() for result in results if result.get("late")}
    return found - {case.name for case in CASES if case.silent}


def of_case(run: Run, name: str) -> list[Judged]:
    return [judged for judged in run.judged if judged.case == name]


def told(run: Run, judged: list[Judged]) -> str:
    return f"{run.version}\n{table(row(one, run.browser) for one in judged)}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_agreement(run: Run, case: Case) -> None:
    if why := why_not_asked(run.browser, case):
        pytest.skip(why)
    judged = of_case(run, case.name)
    assert not any(differs(run, one) for one in judged), f"{case.why}\n{told(run, judged)}"
    assert judged or not case.serve or case.silent, f"{case.name}: {run.version} made no request at all"


def test_every_flow_of_a_case_is_accounted_for(run: Run) -> None:
    assert not [flow.request.url for flow in lost(run)]
    assert not run.unmatched


def test_every_page_finished(run: Run) -> None:
    """A page may hear too late of an end on a busy machine; the browser's word on the flow is what counts then."""
    assert set(run.results) == {case.name for case in cases_of(run)}
    assert not late(run) - {one.case for one in run.judged if one.hop.outcome is not Outcome.PENDING}


def test_few_verdicts_stay_open(run: Run) -> None:
    told_of = [one for one in run.judged if one.hop.outcome is not Outcome.PENDING]
    opened = [one for one in told_of if agreement(one, run.browser) is Agreement.OPEN]
    assert len(opened) <= MOST_OPEN[run.browser] * len(run.judged), told(run, opened)


def test_the_table_of_causes_is_complete() -> None:
    causes = {
        violation.id
        for violation in CATALOGUE.values()
        if violation.severity is Severity.BLOCKED and (violation.id not in NOT_CAUSED_HERE)
    }
    assert causes == set(CAUSED_BY)


@pytest.mark.parametrize("violation", CAUSED_BY)
def test_each_violation_is_found_and_named_as_the_browser_names_it(run: Run, violation: str) -> None:
    judged = of_case(run, CAUSED_BY[violation])
    refused = [one for one in judged if one.hop.outcome in (Outcome.CORS, Outcome.FAILED) or one.hop.target]
    found = [one for one in refused if one.report and any(found["id"] == violation for found in one.report["findings"])]
    # Opaque response blocking is known well enough in Chromium alone, and WebKit has none.
    assert found or (run.browser != "chromium" and violation == "orb-blocked"), told(run, judged)
    for one in found:
        if one.hop.outcome is Outcome.CORS:
            assert said(one.report, run.browser).error == one.hop.name, browsers_word(one.hop)


def test_the_columns_of_the_other_browsers() -> None:
    """Every browser's column on every browser's flows, against what that browser did: see `matrix`."""
    if len(TOLD) < 2:
        pytest.skip("one browser alone has run the table")
    fields = matrix(TOLD)
    print(*fields, sep="\n")
    for one in fields:
        assert one.agreement >= LEAST, f"{one}\n" + "\n".join(one.differences)
        assert one.counted["agree"] > 1000, str(one)
        # A word that a busy machine's browser gave late is asked for again for its own column alone.
        assert len(one.unexplained) <= 2, f"{one}\n" + "\n".join(one.unexplained)
