"""Every snippet that can be run is run: the fault is there without it, and gone with it, in real browsers.

The addon judges the faulty servers' answers and writes the snippets; they are put, as they are, into the configuration
or the program of the same server, and the browsers come again.
"""

from __future__ import annotations

import os

import pytest

from cors_addon.diagnosis.fixes.stack_signatures import NAMES
from tests.browser.run import BROWSERS, missing
from tests.stacks.cases import CASES, PAGE, Case
from tests.stacks.run import STACKS, Run, host_of, run_all
from tests.stacks.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(600)]

STOPS = ("blocked", "conditional")
LEAST_CURED = 6
LEAST_STACKS = 8
# What a stack answers to a case of its own making may hide what it is: an error page without any header, for one.
LEAST_NAMED = len(CASES) - 2


@pytest.fixture(scope="module")
def run() -> Run:
    browsers = [browser for browser in BROWSERS if missing(browser) is None]
    if "chromium" not in browsers:
        why = missing("chromium") or ""
        if os.environ.get("CI"):
            pytest.fail(f"{why}, and this is CI")
        pytest.skip(why)
    return run_all(browsers)


def here(run: Run, stack: Stack) -> None:
    if stack.key in run.missing:
        pytest.skip(run.missing[stack.key])


def cured(run: Run, stack: Stack) -> set[str]:
    """The findings that every browser's visit had before, and none has any more."""
    found: set[str] = set()
    for case in CASES:
        host = host_of(stack, case)
        for browser in run.versions:
            found |= run.faulty.findings(browser, host, *STOPS) - run.cured.findings(browser, host)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.key)
def test_the_snippet_cures(run: Run, stack: Stack, case: Case) -> None:
    here(run, stack)
    host = host_of(stack, case)
    for browser, version in run.versions.items():
        assert run.faulty.results[browser, host]["ok"] is False, version
        assert case.found <= run.faulty.findings(browser, host, *STOPS), version
    assert host in run.snippets, f"nothing was written for {sorted(run.named[host])}"
    for browser, version in run.versions.items():
        snippet = f"{version}\n{run.snippets[host]}"
        assert run.cured.results[browser, host]["ok"] is True, snippet
        assert {flow["outcome"] for flow in run.cured.flows[browser, host]} == {"allowed"}, snippet
        assert run.cured.findings(browser, host, *STOPS) == set(), snippet
        assert not case.found & run.cured.findings(browser, host), snippet


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.key)
def test_the_snippet_allows_the_page_and_nobody_else(run: Run, stack: Stack, case: Case) -> None:
    here(run, stack)
    host = host_of(stack, case)
    for (asked, who), answer in run.answers.items():
        if asked != host:
            continue
        lines = answer["lines"]
        allowed = [value for name, value in lines if name == "access-control-allow-origin"]
        varies = {part.strip().lower() for name, value in lines if name == "vary" for part in value.split(",")}
        if "stranger" in who:
            assert allowed == [], (who, lines)
            continue
        assert allowed == [PAGE], (who, lines)
        # Responses to OPTIONS are not cached: https://www.rfc-editor.org/rfc/rfc9110#section-9.3.7
        assert "origin" in varies or "preflight" in who, (who, lines)
        credentials = [value for name, value in lines if name == "access-control-allow-credentials"]
        assert credentials == (["true"] if case.credentials else []), (who, lines)
        if "preflight" in who:
            assert 200 <= answer["status"] <= 299, (who, answer)
            methods = [value for name, value in lines if name == "access-control-allow-methods"]
            assert methods == [case.method], (who, lines)


@pytest.mark.parametrize("stack", [stack for stack in STACKS if stack.is_told], ids=lambda stack: stack.key)
def test_the_stack_is_recognised_from_what_it_really_sends(run: Run, stack: Stack) -> None:
    here(run, stack)
    named = [case.name for case in CASES if NAMES[stack.key] in run.named[host_of(stack, case)]]
    assert len(named) >= LEAST_NAMED, named


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.key)
def test_each_stack_cures_at_least_six_findings(run: Run, stack: Stack) -> None:
    here(run, stack)
    found = cured(run, stack)
    print(
        f"{NAMES[stack.key]}: {len(found)} findings cured in {' and '.join(run.versions)}: {', '.join(sorted(found))}"
    )
    assert len(found) >= LEAST_CURED


def test_there_are_at_least_eight_stacks(run: Run) -> None:
    for key, why in run.missing.items():
        print(f"{NAMES[key]}: not run: {why}")
    assert len(STACKS) >= LEAST_STACKS
    assert len(STACKS) - len(run.missing) >= LEAST_STACKS or run.missing
