"""One proxy, every stack, every browser: first with the faults, then with the snippets that were written for them.

The tests send every request over plain HTTP, and let browsers send a part of them; `python -m tests.stacks` lets them
send all.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cors_addon.diagnosis.fixes.required_headers import Need
from cors_addon.diagnosis.fixes.snippets import snippet_text
from cors_addon.diagnosis.fixes.stack_signatures import NAMES
from tests.browser.proxy import Proxy
from tests.browser.run import BROWSERS
from tests.browser.server import Answer, Seen, Server
from tests.stacks.cases import COOKIE, PAGE, App, Case
from tests.stacks.clouds import CLOUDS
from tests.stacks.frameworks import FRAMEWORKS
from tests.stacks.gateways import GATEWAYS
from tests.stacks.plain import PLAIN, Plain
from tests.stacks.stack import Stack

STACKS: tuple[Stack, ...] = (*GATEWAYS, *FRAMEWORKS, *CLOUDS)
DONE = "window.casesDone ?? null"
AT_ONCE = 6
REPORT_SECONDS = 60
RUNNER = """<!doctype html><meta charset="utf-8"><title>stacks</title><script>
const loads = %(loads)s, results = {};
async function one([host, several]) {
  for (const load of several) {
    try {
      const response = await fetch(load.url, load.init);
      results[host] = {ok: true, status: response.status};
    } catch (error) {
      results[host] = {ok: false, error: String(error)};
    }
  }
}
async function work() {
  for (let next; (next = loads.shift()) !== undefined;) await one(next);
}
Promise.all(Array.from({length: %(at_once)d}, work)).then(() => { window.casesDone = JSON.stringify(results); });
</script>"""

Flow = dict[str, Any]


def host_of(stack: Stack, case: Case) -> str:
    return f"{case.name}.{stack.key}.stacks.test"


@dataclass(slots=True)
class Phase:
    """What came of one visit to all servers: by browser and host, the flows' verdicts and what the page got."""

    flows: dict[tuple[str, str], list[Flow]] = field(default_factory=lambda: defaultdict(list))
    results: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def findings(self, browser: str, host: str, *severities: str) -> set[str]:
        found = (finding for flow in self.flows[browser, host] for finding in flow["findings"])
        return {finding["id"] for finding in found if not severities or finding["severity"] in severities}


@dataclass(slots=True)
class Run:
    """``missing`` are the stacks that cannot run here, each with the reason; ``versions`` the clients that ran, and
    ``visited`` the hosts that each of them visited.
    """

    missing: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    visited: dict[str, set[str]] = field(default_factory=dict)
    faulty: Phase = field(default_factory=Phase)
    cured: Phase = field(default_factory=Phase)
    snippets: dict[str, str] = field(default_factory=dict)
    named: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    answers: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)


def _stopping(flow: Flow) -> list[Flow]:
    return [finding for finding in flow["findings"] if finding["severity"] in ("blocked", "conditional")]


def snippet_of(stack: Stack, flows: Sequence[Flow]) -> tuple[str | None, set[str]]:
    """What the addon writes for a flow that is stopped, a preflight first; and all stacks that it writes for.

    Where the answer does not tell the stack, the snippet is that which would have been written, had it.
    """
    stopped = [flow for flow in flows if _stopping(flow)]
    for flow in sorted(stopped, key=lambda flow: flow["stage"] != "preflight")[:1]:
        written = {one["stack"]: one["text"] for each in _stopping(flow) for one in each["fix"]["snippets"]}
        if NAMES[stack.key] in written:
            return written[NAMES[stack.key]], set(written)
        needs = flow["way"]["needs"]
        need = Need(
            needs["origin"],
            needs["method"],
            tuple(
                dict.fromkeys([*(flow["method"] for flow in flows if flow["outcome"] == "allowed"), needs["method"]])
            ),
            tuple(needs["headers"]),
            needs["credentials"],
            flow["stage"] == "preflight",
            answered=True,
        )
        return snippet_text(stack.key, need), set(written)
    return None, set()


@contextlib.contextmanager
def _serving(stacks: Sequence[Stack], snippets: Mapping[str, str] | None) -> Iterator[dict[str, int]]:
    """Start the stacks beside each other."""
    with contextlib.ExitStack() as keep:

        def start(stack: Stack) -> Mapping[str, int]:
            apps = []
            for case in stack.cases:
                host = host_of(stack, case)
                if snippets is None:
                    apps.append(App(host, case))
                elif host in snippets:
                    apps.append(App(host, case, snippets[host]))
            folder = Path(keep.enter_context(tempfile.TemporaryDirectory(prefix=f"stack-{stack.key}-")))
            return keep.enter_context(stack.start(apps, folder))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            ports: dict[str, int] = {}
            for told in pool.map(start, stacks):
                ports |= told
        yield ports


def _page(hosts: Mapping[str, Case]) -> Answer:
    loads = [[host, case.loads(host)] for host, case in hosts.items()]
    text = RUNNER % {"loads": json.dumps(loads).replace("</", "<\\/"), "at_once": AT_ONCE}
    lines = (("Content-Type", "text/html; charset=utf-8"), ("Set-Cookie", COOKIE), ("Cache-Control", "no-store"))
    return Answer(200, lines, text.encode())


def _visit(phase: Phase, proxy: Proxy, drivers: Mapping[str, Any]) -> None:
    """Let each client send its requests; what the addon says of them is asked for after each."""
    proxy.set_option(f"steer_ports={' '.join(f'{host}:{port}' for host, port in phase.ports.items())}")
    for client, driver in drivers.items():
        proxy.command("cors.clear")
        visit = driver.visit(f"{PAGE}/{client}", DONE)
        for host, result in json.loads(visit.result or "{}").items():
            phase.results[client, host] = result
        target = proxy.folder / "phase.json"
        target.unlink(missing_ok=True)
        proxy.command("cors.report", str(target))
        deadline = time.monotonic() + REPORT_SECONDS
        while not target.exists() and time.monotonic() < deadline:
            time.sleep(0.05)  # a long report is made beside the traffic
        for flow in json.loads(target.read_text())["flows"]:
            phase.flows[client, urlsplit(flow["url"]).hostname or ""].append(flow)


def in_part(stacks: Sequence[Stack]) -> set[str]:
    """The hosts that browsers visit in the tests: two cases of each stack, others for the next stack."""
    hosts = set()
    for number, stack in enumerate(stacks):
        for step in range(2):
            case = stack.cases[(number + step * 6) % len(stack.cases)]
            hosts.add(host_of(stack, case))
    return hosts


_BY_HAND = dict.fromkeys(
    ("envoy", "caddy"),
    "its old process shares the port with the new one for a while: python -m tests.stacks runs it",
)
"""What is not visited beside other tests, where the moment of that change hangs on how busy the machine is."""


def run_all(browsers: Sequence[str], stacks: Sequence[Stack] = STACKS, whole: bool = False) -> Run:
    """Start every stack that can be started, and visit it with plain HTTP and each browser, before and after.

    Browsers visit a part of the hosts, or with `whole` all of them.
    """
    run = Run()
    usable = []
    for stack in stacks:
        why = stack.missing() or (None if whole else _BY_HAND.get(stack.key))
        if why is None:
            usable.append(stack)
        else:
            run.missing[stack.key] = why
    hosts = {host_of(stack, case): case for stack in usable for case in stack.cases}
    run.visited[PLAIN] = set(hosts)
    part = set(hosts) if whole else in_part(usable)
    page = _page({host: case for host, case in hosts.items() if host in part})

    def route(seen: Seen) -> Answer:
        return page if seen.target.strip("/") in BROWSERS else Answer(404)

    with contextlib.ExitStack() as keep:
        proxy = keep.enter_context(Proxy(keep.enter_context(Server(route))))
        drivers: dict[str, Any] = {PLAIN: Plain(proxy.port, hosts)}
        for browser in browsers:
            drivers[browser] = keep.enter_context(BROWSERS[browser](proxy))
            run.visited[browser] = part
        run.versions = {client: driver.version for client, driver in drivers.items()}
        with _serving(usable, None) as ports:
            run.faulty.ports = ports
            _visit(run.faulty, proxy, drivers)
        for stack in usable:
            for case in stack.cases:
                host = host_of(stack, case)
                snippet, named = snippet_of(stack, run.faulty.flows[PLAIN, host])
                run.named[host] = named
                if snippet is not None:
                    run.snippets[host] = snippet
        with _serving(usable, run.snippets) as ports:
            run.cured.ports = ports
            _visit(run.cured, proxy, drivers)
            for host, case in hosts.items():
                if host in ports:
                    run.answers |= _asked_directly(host, case, ports[host])
    return run


def _asked_directly(host: str, case: Case, port: int) -> dict[tuple[str, str], Mapping[str, Any]]:
    """What a server with its snippet answers to its page, and to a page that nobody listed."""
    answers: dict[tuple[str, str], Mapping[str, Any]] = {}
    for who, origin in (("page", PAGE), ("stranger", "http://evil.test")):
        answers[host, who] = ask(host, port, case.method, case.path, {"Origin": origin, **dict(case.headers)})
        if case.preflight:
            asks = {"Origin": origin, "Access-Control-Request-Method": case.method}
            if case.headers:
                asks["Access-Control-Request-Headers"] = ",".join(sorted(name for name, _ in case.headers))
            answers[host, f"preflight of {who}"] = ask(host, port, "OPTIONS", case.path, asks)
    return answers


def ask(host: str, port: int, method: str, path: str, headers: Mapping[str, str]) -> Mapping[str, Any]:
    """Ask a server, again for a while where it has not begun to answer."""
    for _ in range(40):
        try:
            return _ask(host, port, method, path, headers)
        except ConnectionError:
            time.sleep(0.25)
    return _ask(host, port, method, path, headers)


def _ask(host: str, port: int, method: str, path: str, headers: Mapping[str, str]) -> Mapping[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, headers={"Host": host, **headers})
        response = connection.getresponse()
        response.read()
        lines = [(name.lower(), value) for name, value in response.getheaders()]
        return {"status": response.status, "lines": lines}
    finally:
        connection.close()
