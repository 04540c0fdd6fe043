"""`cors.rules.suggest`: what it prints is a rule file's rule as it stands, and lets the flows through."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from mitmproxy import http
from mitmproxy.addons.view import View
from mitmproxy.flow import Error

from cors_addon.rules.decode import read_rules
from tests.mitm.injecting import NAME, Injecting, ask, call, injecting, passed
from tests.mitm.support import APP, FIREFOX, Proxy, make_flow, make_response, proxy


def suggested(running: Proxy, *flows: http.HTTPFlow) -> list[str]:
    """Run the command over flows as the user selects them; return the lines below its heading."""
    view = running.context.master.addons.get("view")
    assert isinstance(view, View)
    view.add(flows)
    heading, *rows = running.context.master.commands.call_strings("cors.rules.suggest", ["@all"])
    assert heading == ["rule"]
    return [line for (line,) in rows]


def as_file(lines: list[str]) -> str:
    return "\n".join(["version: 1", "rules:", *lines, ""])


def _cookie(subject: http.HTTPFlow) -> http.HTTPFlow:
    subject.request.headers["Cookie"] = "sid=1"
    return subject


def _picture() -> http.HTTPFlow:
    return make_flow(
        f"Referer: {APP}/page",
        "Sec-Fetch-Mode: no-cors",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Dest: image",
        response=make_response(200, "Cross-Origin-Resource-Policy: same-origin", "Content-Type: image/png"),
    )


BLOCKED: list[tuple[str, Callable[[], http.HTTPFlow]]] = [
    ("no header", call),
    ("another origin", lambda: call("Access-Control-Allow-Origin: http://other.test")),
    ("two lines", lambda: call(*["Access-Control-Allow-Origin: *"] * 2)),
    ("an error page", lambda: call(status=500)),
    ("a cookie, and everybody", lambda: _cookie(call("Access-Control-Allow-Origin: *"))),
    ("a cookie, and no header", lambda: _cookie(call())),
    ("a preflight that fails", lambda: ask(status=405)),
    ("a preflight without the method", lambda: ask("Access-Control-Allow-Origin: *", status=204)),
    ("a preflight without a header", lambda: ask("Access-Control-Allow-Origin: *", asks="GET", names="x-key")),
    ("a preflight that is redirected", lambda: ask("Location: /login", status=302)),
    ("a preflight with an odd method", lambda: ask(asks="FROB", status=405)),
    ("another port", lambda: call(url="http://api.test:8080/v1/items?x=1")),
    ("an address", lambda: call(url="http://192.0.2.7:3000/")),
    ("an IPv6 address", lambda: call(url="http://[2001:db8::1]:3000/")),
    ("a page on a port", lambda: call(origin="http://localhost:5173")),
    ("a page on https", lambda: call(origin="https://app.test")),
    ("an app's page", lambda: call(origin="capacitor://localhost")),
    ("a path with quotes", lambda: call(url="http://api.test/a%22b/'c'/#d")),
    ("Firefox", lambda: call(agent=FIREFOX)),
    ("an image under a resource policy", _picture),
]


@pytest.mark.parametrize("make", [row[1] for row in BLOCKED], ids=[row[0] for row in BLOCKED])
def test_a_suggested_rule_validates_and_unblocks(make: Callable[[], http.HTTPFlow]) -> None:
    with proxy() as running:
        subject = make()
        passed(running, subject)
        assert running.verdict(subject)["outcome"] in ("blocked", "conditional", "not-cors")
        lines = suggested(running, subject)
    reading = read_rules(as_file(lines).encode())
    assert reading.rules is not None, [problem.message for problem in reading.problems]
    assert len(reading.rules.rules) == 1
    with injecting() as fixed:
        fixed.rewrite(as_file(lines))
        assert not fixed.addon.injection.file.trouble
        again = make()
        passed(fixed, again)
        delivered = fixed.verdict(again)["delivered"]
        assert delivered["outcome"] in ("allowed", "not-cors")
        assert delivered["rule"] == reading.rules.rules[0].name


def test_the_rule_names_why_it_grants_credentials() -> None:
    with proxy() as running:
        subject = _cookie(call())
        passed(running, subject)
        (line,) = [line for line in suggested(running, subject) if "allow_credentials" in line]
        assert line.startswith("    allow_credentials: true   # because ")
        assert "ookie" in line


def test_flows_of_one_pair_are_one_rule_and_of_another_a_second() -> None:
    with proxy() as running:
        flows = [call(), call(url="http://api.test/more"), ask(status=405), call(url="http://other.test/")]
        for subject in flows:
            passed(running, subject)
        reading = read_rules(as_file(suggested(running, *flows)).encode())
        assert reading.rules is not None
        assert [[host.text for host in rule.hosts] for rule in reading.rules.rules] == [["api.test"], ["other.test"]]


def tainted(running: Proxy, *lines: str) -> http.HTTPFlow:
    """The next hop of a redirect that made its origin ``null``."""
    first = call(f"Access-Control-Allow-Origin: {APP}", "Location: http://cdn.test/a", status=302)
    passed(running, first)
    second = call(origin="null", url="http://cdn.test/a", at=1000.5)
    for line in lines:
        name, _, value = line.partition(": ")
        second.request.headers[name] = value
    second.client_conn = first.client_conn
    passed(running, second)
    return second


def test_a_tainted_hop_is_suggested_for_its_page() -> None:
    with proxy() as running:
        text = as_file(suggested(running, tainted(running, f"Referer: {APP}/")))
        assert f'allow_origins: ["{APP}"]' in text
        assert read_rules(text.encode()).rules is not None


def test_a_tainted_hop_that_does_not_show_its_page_is_named() -> None:
    with proxy() as running:
        (line,) = suggested(running, tainted(running))
        assert "its Referer does not show its page" in line
        assert "have the page call this URL at once" in line


def test_names_that_are_taken_are_not_given_again() -> None:
    with injecting() as running:
        subject = call(url="http://other.test/")
        passed(running, subject)
        first = suggested(running, subject)
        taken = first[0].partition("name: ")[2].strip('"')
        running.rewrite(running.path.read_text().replace(NAME, taken))
        assert f'  - name: "{taken} (2)"' in suggested(running)


def test_allowed_flows_need_no_rule() -> None:
    with proxy() as running:
        subject = call("Access-Control-Allow-Origin: *")
        passed(running, subject)
        assert suggested(running, subject) == ["# none of these flows is blocked, so no rule is needed"]


def test_flows_that_are_no_cors_business_need_no_rule() -> None:
    with proxy() as running:
        subject = make_flow(response=make_response(200))
        passed(running, subject)
        assert suggested(running, subject) == ["# none of these flows is blocked, so no rule is needed"]


def _failed() -> http.HTTPFlow:
    subject = make_flow(f"Origin: {APP}")
    subject.error = Error("connection refused")
    return subject


REFUSED: list[tuple[str, Callable[[], http.HTTPFlow], str]] = [
    ("a sandboxed frame", lambda: call(origin="null"), "its origin is null"),
    (
        "a redirect to a URL with a password",
        lambda: call(f"Access-Control-Allow-Origin: {APP}", "Location: http://u:p@other.test/", status=302),
        "user name and password",
    ),
    (
        "a redirect to another scheme",
        lambda: call(f"Access-Control-Allow-Origin: {APP}", "Location: ftp://other.test/", status=302),
        "away from http",
    ),
    ("a public suffix", lambda: call(url="http://github.io/"), "is a public suffix"),
    ("no server", _failed, "the server cannot be reached"),
]


@pytest.mark.parametrize(("make", "why"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_is_not_safe_or_of_no_use_is_refused_with_the_reason(make: Callable[[], http.HTTPFlow], why: str) -> None:
    with proxy() as running:
        subject = make()
        running.send(subject)
        lines = suggested(running, subject)
        assert len(lines) == 1
        assert lines[0].startswith(f"# left out: GET {subject.request.pretty_url.partition('#')[0]}")
        assert why in lines[0]


def test_values_of_strangers_do_not_break_out_of_the_rule() -> None:
    with proxy() as running:
        subject = call(origin='http://a.test"]\n  - name: evil', url="http://api.test/x")
        subject.request.headers["Origin"] = 'http://a.test"] # '
        passed(running, subject)
        lines = suggested(running, subject)
        assert all(line.startswith("#") for line in lines), lines


def test_suggestions_can_be_asked_for_while_injection_is_on() -> None:
    with injecting() as running:
        subject = call()
        passed(running, subject)
        assert isinstance(running, Injecting)
        text = as_file(suggested(running, subject))
        assert read_rules(text.encode()).rules is not None, "the server is still wrong, so its rule is still needed"
