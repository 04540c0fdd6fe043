"""Injection before real browsers: each page makes its loads with injection off, on, and off again.

One proxy a browser, and one life of each page: the switch is thrown in between by `cors.inject`. What is blocked must
succeed, what no header cures stays blocked and is listed with its reason, and what a rule simulates must fail by
exactly that name. Switched off, everything is at once as it was.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from cors_addon.catalogue import CATALOGUE
from cors_addon.catalogue.violation import Severity
from cors_addon.rules.simulations import SIMULATED
from tests.browser.cases.case import Case
from tests.browser.injected import CURED, CURES, INCURABLE, NEVER, SHAPED, STAY_BLOCKED
from tests.browser.observed import Hop, Outcome
from tests.browser.phased import PhasedSite
from tests.browser.proxy import Proxy
from tests.browser.run import BROWSERS, missing
from tests.browser.server import Server
from tests.browser.simulated import RULES, SIMULATIONS, Simulation
from tests.browser.site import DONE

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(600)]

# Never asked for by a browser of today, or decided before anything is sent.
NOT_A_SERVERS = {
    *("private-network-access", "local-network-access"),
    # Of recordings without a response; and of pages over https alone, which no rule chooses.
    *("blocked-response-not-saved", "redirect-mixed-content"),
}


@dataclass(slots=True)
class Phased:
    """What one browser did: how each load ended in each phase, the browser's own names, and the addon's report."""

    browser: str
    version: str = ""
    ended: dict[str, list[bool]] = field(default_factory=dict)
    names: defaultdict[str, list[Hop]] = field(default_factory=lambda: defaultdict(list))
    report: dict[str, Any] = field(default_factory=dict)
    output: str = ""

    def flows(self, case: str) -> list[dict[str, Any]]:
        return [flow for flow in self.report["flows"] if f"/c/{case}/" in flow["url"]]


def _run(browser: str, folder: Path) -> Phased:
    run = Phased(browser)
    rules = folder / "rules.yaml"
    # By way of JSON, since a rule file holds no aliases for what stands there twice.
    rules.write_text(yaml.safe_dump(json.loads(json.dumps({"version": 1, "rules": [*RULES, *CURES]})), sort_keys=False))
    proxies: list[Proxy] = []
    cases = [*(case for _, case in (*CURED, *NEVER)), *(each.case for each in SIMULATIONS)]
    if browser != "webkit":
        cases += SHAPED  # a third engine would show nothing new, and takes a minute for it
    site = PhasedSite(cases, lambda state: proxies[0].command("cors.inject", state))
    with Server(site) as server, Proxy(server, options=[f"cors_rules={rules}"], folder=folder) as proxy:
        proxies.append(proxy)
        with BROWSERS[browser](proxy) as driver:
            run.version = driver.version
            for page in site.pages:
                visit = driver.visit(site.url(page), DONE)
                assert visit.result is not None, f"{site.url(page)} did not finish"
                for phase in json.loads(visit.result):
                    for name, results in phase.items():
                        run.ended.setdefault(name, []).append(all(result["ok"] for result in results))
                for hop in visit.hops:
                    parts = hop.url.split("/")
                    if parts[3:4] == ["c"]:
                        run.names[parts[4]].append(hop)
        assert proxy.stop() == 0
        run.report = json.loads(proxy.report.read_text())
        run.output = proxy.output
    return run


@pytest.fixture(scope="module", params=list(BROWSERS))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Phased:
    browser = str(request.param)
    if why := missing(browser):
        if os.environ.get("CI"):
            pytest.fail(f"{why}, and this is CI")
        pytest.skip(why)
    return _run(browser, tmp_path_factory.mktemp(browser))


def is_untold(run: Phased, violation: str) -> bool:
    """Say whether the addon leaves a violation open.

    Firefox decides on opaque responses by their body, which the addon does not read; WebKit does not block them at all.
    A redirect to itself is followed, hop by hop, and whether a later request for the same URL is the next hop cannot be
    told.
    """
    return violation == "redirect-too-many" or (run.browser != "chromium" and violation == "orb-blocked")


def findings_of(flow: dict[str, Any]) -> set[str]:
    return {finding["id"] for finding in flow["findings"]}


# --- cured ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("violation", "case"), CURED, ids=[case.name for _, case in CURED])
def test_what_headers_can_cure_is_blocked_succeeds_and_is_blocked_again(
    run: Phased, violation: str, case: Case
) -> None:
    assert run.ended[case.name] == [False, True, False], run.names[case.name]
    flows = run.flows(case.name)
    assert any(violation in findings_of(flow) for flow in flows), "the server's own fault is told"
    delivered = [flow["delivered"]["outcome"] for flow in flows if "delivered" in flow]
    assert delivered, "and so is what was delivered"
    assert set(delivered) <= {"allowed", "not-cors"}


def stays_blocked(case: Case) -> str | None:
    """Return why no rule helps a case of the browsers' table, None where one does."""
    return next((why for glob, why in STAY_BLOCKED.items() if fnmatchcase(case.name, glob)), None)


@pytest.mark.parametrize("case", SHAPED, ids=[case.name for case in SHAPED])
def test_every_shape_of_wrong_headers(run: Phased, case: Case) -> None:
    if case.name not in run.ended:
        pytest.skip(f"not tried in {run.browser}")
    off, on, again = run.ended[case.name]
    assert off == again, "switched off, all is as it was"
    assert on or stays_blocked(case), f"{case.why}: {run.names[case.name]}"
    assert on or not off, "injection breaks nothing that worked"


def test_what_is_listed_as_staying_blocked_does(run: Phased) -> None:
    for case in SHAPED:
        if stays_blocked(case) and case.name in run.ended:
            assert not run.ended[case.name][1], case.name


# --- not curable ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("violation", "case"), NEVER, ids=[name for name, _ in NEVER])
def test_what_no_header_cures_stays_blocked(run: Phased, violation: str, case: Case) -> None:
    assert run.ended[case.name] == [False, False, False], INCURABLE[violation]
    assert is_untold(run, violation) or any(violation in findings_of(flow) for flow in run.flows(case.name))


def test_each_violation_is_either_cured_or_listed_with_the_reason() -> None:
    blocking = {violation.id for violation in CATALOGUE.values() if violation.severity is Severity.BLOCKED}
    cured = {violation for violation, _ in CURED}
    assert cured | set(INCURABLE) == blocking - NOT_A_SERVERS
    assert not cured & set(INCURABLE)
    assert {violation for violation, _ in NEVER} == set(INCURABLE)


# --- simulated -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("simulation", SIMULATIONS, ids=[each.case.name for each in SIMULATIONS])
def test_what_a_rule_simulates_fails_by_exactly_that_name(run: Phased, simulation: Simulation) -> None:
    name = simulation.case.name
    if (run.browser, simulation.violation) == ("webkit", "orb-blocked"):
        assert run.ended[name] == [True, True, True], "WebKit has no opaque response blocking"
        return
    assert run.ended[name] == [True, False, True], run.names[name]
    wanted = {"chromium": simulation.chromium, "firefox": simulation.firefox, "webkit": simulation.webkit}[run.browser]
    hops = run.names[name]
    said = {hop.name for hop in hops if hop.outcome in (Outcome.CORS, Outcome.FAILED)} | {hop.target for hop in hops}
    assert said - {None} == {wanted}
    flows = [flow for flow in run.flows(name) if "delivered" in flow and flow["delivered"]["rule"] == name]
    assert flows
    delivered = {flow["delivered"]["outcome"] for flow in flows}
    # "conditional": nothing on the wire tells that a preflight is for a request with credentials.
    assert delivered & {"blocked", "conditional"} or is_untold(run, simulation.violation)
    for flow in flows:
        assert simulation.violation not in findings_of(flow), "the server is not accused of what a rule did"


def test_every_value_of_simulate_is_tried() -> None:
    assert {each.violation for each in SIMULATIONS} == SIMULATED


def test_nothing_went_wrong_in_the_addon(run: Phased) -> None:
    assert run.report["summary"]["flows"] > (500 if run.browser == "webkit" else 1000)
    owed = {finding for debt in run.report["summary"]["debts"] for finding in debt["findings"]}
    # Answered in the proxy, preflights say nothing of the server; the repaired ones, all of them shapes, hold these.
    assert run.browser == "webkit" or {violation for violation, _ in CURED} <= owed
    assert "fault of its own" not in run.output
