"""Every snippet that can be run is run: the fault is there without it, and gone with it.

The addon judges the faulty servers and writes the snippets. They are put, as they are, into the configuration or the
program of the same server. Then the clients come again: plain HTTP for every case, browsers for a part of them.
`python -m tests.stacks` lets browsers visit all.
"""

from __future__ import annotations

import os

import pytest

from cors_addon.diagnosis.fixes.stack_signatures import NAMES
from tests.browser.run import BROWSERS, missing
from tests.stacks.cases import Case
from tests.stacks.checks import allows_nobody_else, cured, cures
from tests.stacks.run import STACKS, Run, host_of, run_all
from tests.stacks.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(600)]

LEAST_CURED = 6
LEAST_STACKS = 18
EACH = [pytest.param(stack, case, id=f"{stack.key}-{case.name}") for stack in STACKS for case in stack.cases]
NAMED = 2
"""Cases of a stack whose responses may hide what it is: an error page without any header, for one."""


@pytest.fixture(scope="module")
def run() -> Run:
    browsers = [browser for browser in BROWSERS if missing(browser) is None]
    if "chromium" not in browsers and os.environ.get("CI"):
        pytest.fail(f"{missing('chromium')}, and this is CI")
    return run_all(browsers)


def here(run: Run, stack: Stack) -> None:
    if stack.key in run.missing:
        pytest.skip(run.missing[stack.key])


@pytest.mark.parametrize(("stack", "case"), EACH)
def test_the_snippet_cures(run: Run, stack: Stack, case: Case) -> None:
    here(run, stack)
    cures(run, stack, case)


@pytest.mark.parametrize(("stack", "case"), EACH)
def test_the_snippet_allows_the_page_and_nobody_else(run: Run, stack: Stack, case: Case) -> None:
    here(run, stack)
    allows_nobody_else(run, stack, case)


@pytest.mark.parametrize("stack", [stack for stack in STACKS if stack.is_told], ids=lambda stack: stack.key)
def test_the_stack_is_recognised_from_what_it_really_sends(run: Run, stack: Stack) -> None:
    here(run, stack)
    named = [case.name for case in stack.cases if NAMES[stack.key] in run.named[host_of(stack, case)]]
    assert len(named) >= len(stack.cases) - NAMED, named


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.key)
def test_each_stack_cures_at_least_six_findings(run: Run, stack: Stack) -> None:
    here(run, stack)
    found = cured(run, stack)
    print(f"{NAMES[stack.key]}: {len(found)} findings cured in {len(run.versions)} clients: {', '.join(sorted(found))}")
    assert len(found) >= LEAST_CURED


def test_there_are_at_least_eighteen_stacks(run: Run) -> None:
    for key, why in run.missing.items():
        print(f"{NAMES[key]}: not run: {why}")
    assert len(STACKS) >= LEAST_STACKS
    assert len(STACKS) - len(run.missing) >= LEAST_STACKS or run.missing
