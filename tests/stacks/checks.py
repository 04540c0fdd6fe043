"""What has to hold of a stack with its snippet, for the tests and for the run by hand."""

from __future__ import annotations

from tests.stacks.cases import PAGE, Case
from tests.stacks.plain import SAFELISTED
from tests.stacks.run import Run, host_of
from tests.stacks.stack import Stack

STOPS = ("blocked", "conditional")


def cures(run: Run, stack: Stack, case: Case) -> None:
    """The fault is there without the snippet, and gone with it, for every client that visited."""
    host = host_of(stack, case)
    clients = {client: version for client, version in run.versions.items() if host in run.visited[client]}
    for client, version in clients.items():
        assert run.faulty.results[client, host]["ok"] is False, version
        found = run.faulty.findings(client, host, *STOPS)
        assert case.found <= found, (version, sorted(found))
    assert host in run.snippets, f"nothing was written for {sorted(run.named[host])}"
    for client, version in clients.items():
        flows = [(flow["outcome"], flow["findings"]) for flow in run.cured.flows[client, host]]
        snippet = f"{version}\n{run.snippets[host]}\n{flows}"
        assert run.cured.results[client, host]["ok"] is True, snippet
        assert {outcome for outcome, _ in flows} == {"allowed"}, snippet
        assert run.cured.findings(client, host, *STOPS) == set(), snippet
        assert not case.found & run.cured.findings(client, host), snippet


def allows_nobody_else(run: Run, stack: Stack, case: Case) -> None:
    """The page is allowed by its name, with credentials where it needs them, and another page is not."""
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
        is_preflight = "preflight" in who
        # The emulator of S3 answers preflights with `*`, where S3 names the page.
        assert allowed == ["*" if is_preflight and stack.key == "s3" else PAGE], (who, lines)
        # Responses to OPTIONS are not cached: https://www.rfc-editor.org/rfc/rfc9110#section-9.3.7
        assert "origin" in varies or is_preflight, (who, lines)
        credentials = [value for name, value in lines if name == "access-control-allow-credentials"]
        if not stack.grants_credentials:
            assert credentials == (["true"] if case.credentials else []), (who, lines)
        if is_preflight:
            assert 200 <= answer["status"] <= 299, (who, answer)
            listed = [value for name, value in lines if name == "access-control-allow-methods"]
            methods = {one.strip() for value in listed for one in value.split(",")}
            assert case.method in methods, (who, lines)
            assert methods <= {case.method, *SAFELISTED}, (who, lines)


def cured(run: Run, stack: Stack) -> set[str]:
    """The findings that every client's visit had before, and none has any more."""
    found: set[str] = set()
    for case in stack.cases:
        host = host_of(stack, case)
        for client in run.versions:
            if host in run.visited[client]:
                found |= run.faulty.findings(client, host, *STOPS) - run.cured.findings(client, host)
    return found
