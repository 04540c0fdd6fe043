"""The browsers are the oracle: the addon's verdict on every flow is held against the browser's own.

Each browser runs the whole table once, through a real mitmdump with the addon in it; then every case is a test. Without
the browser the tests are skipped with the reason, and fail where CI is set.
"""

from __future__ import annotations

import os

import pytest

from cors_addon.catalogue import CATALOGUE
from cors_addon.catalogue.violation import Severity
from tests.browser.agreement import Agreement, agreement, browsers_word, said
from tests.browser.cases import CASES
from tests.browser.cases.case import Case
from tests.browser.compare import row, table
from tests.browser.observed import Outcome
from tests.browser.run import BROWSERS, Judged, Run, missing, run_cases

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(600)]

# Verdicts that hang on what nothing on the wire tells; more of them would mean unused evidence.
MOST_OPEN = 0.09
# On a loaded machine a browser may tell of a frame's request too late: what differs is asked once more, if it is
# little.
ASKED_AGAIN = 25

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
    "mode-same-origin": "redirect-https-same-origin-mode",
    "network-error": "dead-get",
    "corp-not-same-origin": "corp-https-cross-img-same-origin",
    "corp-not-same-site": "corp-https-cross-img-same-site",
    "orb-blocked": "type-https-img-application-json-nosniff",
    "nosniff-mime": "type-https-script-image-gif-nosniff",
}
NOT_CAUSED_HERE = {
    "private-network-access": "asked only by versions of Chromium that are gone",
    "corp-coep": "told only where all pages of an origin ask alike, and here they do not; tests/verdict holds it",
}


@pytest.fixture(scope="module", params=list(BROWSERS))
def run(request: pytest.FixtureRequest) -> Run:
    browser = str(request.param)
    if why := missing(browser):
        if os.environ.get("CI"):
            pytest.fail(f"{why}, and this is CI")
        pytest.skip(why)
    found = run_cases(browser, CASES)
    differ = {one.case for one in found.judged if agreement(one, browser) is Agreement.DIFFER}
    differ |= {case.name for case in CASES if not of_case(found, case.name) and case.serve and not case.silent}
    if 0 < len(differ) <= ASKED_AGAIN:
        again = run_cases(browser, [case for case in CASES if case.name in differ])
        found.judged[:] = [one for one in found.judged if one.case not in differ] + again.judged
        found.flows[:] = [flow for flow in found.flows if not _is_of(flow.request.path, differ)] + again.flows
        found.unmatched[:] = again.unmatched
    return found


def _is_of(path: str, cases: set[str]) -> bool:
    parts = path.split("/")
    return len(parts) > 2 and parts[1] == "c" and parts[2] in cases


def of_case(run: Run, name: str) -> list[Judged]:
    return [judged for judged in run.judged if judged.case == name]


def told(run: Run, judged: list[Judged]) -> str:
    return f"{run.version}\n{table(row(one, run.browser) for one in judged)}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_agreement(run: Run, case: Case) -> None:
    judged = of_case(run, case.name)
    differ = [one for one in judged if agreement(one, run.browser) is Agreement.DIFFER]
    assert not differ, f"{case.why}\n{told(run, judged)}"
    assert judged or not case.serve or case.silent, f"{case.name}: {run.version} made no request at all"


def test_every_flow_of_a_case_is_accounted_for(run: Run) -> None:
    accounted = {one.flow.id for one in run.judged}
    lost = [flow.request.url for flow in run.flows if "/c/" in flow.request.path and flow.id not in accounted]
    assert not lost
    assert not run.unmatched


def test_every_page_finished(run: Run) -> None:
    """A page may hear too late of an end on a busy machine; the browser's word on the flow is what counts then."""
    assert set(run.results) == {case.name for case in CASES}
    late = {name for name, results in run.results.items() for result in results if result.get("late")}
    judged = {one.case for one in run.judged if one.hop.outcome is not Outcome.PENDING}
    assert not late - judged - {case.name for case in CASES if case.silent}


def test_few_verdicts_stay_open(run: Run) -> None:
    opened = [one for one in run.judged if agreement(one, run.browser) is Agreement.OPEN]
    assert len(opened) <= MOST_OPEN * len(run.judged), told(run, opened)


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
    # Opaque response blocking is known well enough in Chromium alone.
    assert found or (run.browser, violation) == ("firefox", "orb-blocked"), told(run, judged)
    for one in found:
        if one.hop.outcome is Outcome.CORS:
            assert said(one.report, run.browser).error == one.hop.name, browsers_word(one.hop)
