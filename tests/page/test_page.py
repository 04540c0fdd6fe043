"""The live page within mitmproxy: routes, headers, tokens, switches, and that its flows stay out of everything else."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from mitmproxy import exceptions, http
from mitmproxy.addons import view
from mitmproxy.proxy import mode_specs
from mitmproxy.proxy.layers.http import _hooks

from cors_addon.diagnosis.stepwise import Steps
from cors_addon.mitm.page_flows import request_of
from cors_addon.page.messages import PageResponse
from tests.mitm.support import Proxy, cors_get, logged, make_flow, preflight, proxy

HTTP, HTTPS = "http://cors.addon/", "https://cors.addon/"
REVERSE = "reverse:http://api.test"
OPENED = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
SCRIPT = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "same-origin", "Sec-Fetch-Dest": "empty"}
RULES = """
version: 1
rules:
  - name: local SPA
    hosts: [api.test]
    allow_origins: ["http://app.test"]
  - name: second
    enabled: false
    hosts: [other.test]
    allow_origins: ["http://app.test"]
"""


class Browser:
    """Asks for the live page through every addon, as the proxy would have it done."""

    def __init__(self, through: Proxy, mode: str = "regular") -> None:
        self.through = through
        self.mode = mode_specs.ProxyMode.parse(mode)
        self.client = ("127.0.0.1", 50_000)
        self.last: http.HTTPFlow | None = None

    def flow(
        self,
        url: str = HTTP,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        live: bool = True,
    ) -> http.HTTPFlow:
        flow = make_flow(method=method, url=url, live=live)
        # As of a person's navigation; with a User-Agent of its own, a test says all there is.
        given = {"Upgrade-Insecure-Requests": "1", "Accept": "text/html"} if "User-Agent" not in (headers or {}) else {}
        for name, value in {**given, **(headers or {})}.items():
            flow.request.headers[name] = value
        flow.client_conn.proxy_mode = self.mode
        flow.client_conn.peername = self.client
        flow.client_conn.tls = url.startswith("https:")
        flow.request.raw_content = body
        return flow

    def ask(self, *given: Any, **named: Any) -> http.Response | None:
        """Send what ``flow`` makes of the same; return the response."""
        self.last = flow = self.flow(*given, **named)
        addons = self.through.context.master.addons
        run = self.through.context.master.event_loop.run_until_complete
        for hook in (_hooks.HttpRequestHeadersHook, _hooks.HttpRequestHook):
            run(addons.handle_lifecycle(hook(flow)))
        if flow.response is not None:
            for answered in (_hooks.HttpResponseHeadersHook, _hooks.HttpResponseHook):
                run(addons.handle_lifecycle(answered(flow)))
        return flow.response

    def answering(self, flow: http.HTTPFlow, patience: float = float("inf")) -> Steps[PageResponse]:
        """Have the page answer in steps, as the event loop takes them."""
        return self.through.addon.page.page.answer(request_of(flow, "cors.addon"), patience)

    def open(self, url: str = HTTP, headers: Mapping[str, str] | None = None) -> str:
        response = self.ask(url, headers=headers)
        assert response is not None
        assert response.status_code == 200, response.text
        return response.text or ""

    def token(self) -> str:
        found = re.search(r'data-token="([^"]+)"', self.open())
        assert found is not None
        return found[1]

    def post(self, path: str, token: str | None = None, base: str = HTTP, **form: str) -> http.Response:
        """Send one of the page's own forms."""
        body = urlencode({"token": self.token() if token is None else token, **form}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": base.rstrip("/")}
        response = self.ask(base + path, "POST", headers, body)
        assert response is not None
        return response

    def data(self, since: int = 0) -> Any:
        response = self.ask(f"{HTTP}data?since={since}", headers={"X-Cors-Page": self.token()})
        assert response is not None
        assert response.status_code == 200
        return json.loads(response.text or "")


@contextmanager
def browser(mode: str = "regular", **options: Any) -> Iterator[Browser]:
    # At its start mitmproxy tells an addon of every option.
    with proxy(**{"cors_page": "cors.addon", **options}) as through:
        yield Browser(through, mode)


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "cors.yaml"
    path.write_text(RULES, encoding="utf-8")
    return str(path)


# --- where it answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [HTTP, HTTPS, "http://CORS.addon/", "http://cors.addon:80/", "https://cors.addon:443/"])
@pytest.mark.parametrize("mode", ["regular", "upstream:http://proxy.test:3128", "socks5"])
def test_it_answers_through_the_proxy(url: str, mode: str) -> None:
    with browser(mode) as page:
        assert "<h1>CORS" in page.open(url)


def test_it_answers_to_a_host_of_the_users_choice_and_to_no_other() -> None:
    with browser(cors_page="Live.Local.test") as page:
        assert "<h1>CORS" in page.open("http://live.local.test/")
        assert page.ask(HTTP) is None


def test_without_a_host_it_answers_nowhere() -> None:
    with browser(cors_page="") as page:
        assert page.ask(HTTP) is None


@pytest.mark.parametrize("path", ["", "+cors", "+cors/", "+cors/data?since=0"])
def test_it_has_no_address_in_the_site_behind_a_reverse_proxy(path: str) -> None:
    with browser(REVERSE) as page:
        assert page.ask(f"http://api.test/{path}", headers=OPENED) is None
        assert page.ask("http://cors.addon/", headers=OPENED) is None, "there the name is the server's"


@pytest.mark.parametrize("url", ["http://cors.addon:8080/", "https://cors.addon:8443/data"])
def test_at_another_port_it_says_where_it_is(url: str) -> None:
    with browser() as page:
        response = page.ask(url)
        assert response is not None
        assert response.status_code == 421
        assert f"The live page is at {url.split(':')[0]}://cors.addon/ and at no other name or port." in (
            response.text or ""
        )


def connect(host: str, port: int = 443) -> http.HTTPFlow:
    flow = make_flow(url=f"https://{host}:{port}/", method="CONNECT")
    flow.request.authority = f"{host}:{port}"
    return flow


def test_a_tunnel_to_it_is_opened_without_asking_a_server() -> None:
    with browser() as page:
        to_page, to_other = connect("cors.addon"), connect("api.test")
        for flow in (to_page, to_other):
            page.through.context.master.event_loop.run_until_complete(
                page.through.context.master.addons.handle_lifecycle(_hooks.HttpConnectHook(flow))
            )
        assert to_page.response is not None
        assert to_page.response.status_code == 200
        assert not to_page.response.headers
        assert to_other.response is None


ROUTES = [
    ("GET", "data", 403),
    ("GET", "nothing", 404),
    ("GET", "data/", 404),
    ("GET", "/cors.addon/", 404),
    ("GET", "favicon.ico", 404),
    ("POST", "", 405),
    ("HEAD", "", 405),
    ("OPTIONS", "", 405),
    ("OPTIONS", "injection", 405),
    ("GET", "injection", 405),
    ("GET", "rules?name=second&state=on", 405),
    ("PUT", "rules", 405),
    ("DELETE", "clear", 405),
    ("POST", "data", 405),
    ("POST", "nothing", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), ROUTES, ids=[f"{row[0]} {row[1]}" for row in ROUTES])
def test_no_other_route_does_anything(method: str, path: str, status: int) -> None:
    with browser() as page:
        response = page.ask(HTTP + path, method)
        assert response is not None
        assert response.status_code == status


def test_what_another_addon_has_answered_stays() -> None:
    with browser() as page:
        flow = make_flow(url=HTTP, response=None)
        flow.response = http.Response.make(407)
        with pytest.raises(exceptions.AddonHalt):
            page.through.addon.page.request(flow)
        assert flow.response.status_code == 407


def test_a_fault_of_its_own_is_a_500_and_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with browser() as page:
        monkeypatch.setattr(page.through.addon.page.page, "answer", lambda *given: 1 / 0)
        response = page.ask(HTTP)
        assert response is not None
        assert response.status_code == 500
        assert any("ZeroDivisionError" in line for line in logged(caplog, logging.WARNING))


# --- its flows are kept out of everything ---------------------------------------------------------------------


class Later:
    """An addon after this one, like mitmproxy's own that list, save and change flows."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        self.seen.append(flow.request.url)

    def response(self, flow: http.HTTPFlow) -> None:
        self.seen.append(flow.request.url)
        assert flow.response is not None
        flow.response.headers["Access-Control-Allow-Origin"] = "*"


def test_no_later_addon_sees_its_flows_or_opens_it() -> None:
    with browser() as page:
        later, lists = Later(), view.View()
        lists.name = "later-view"  # type: ignore[attr-defined]
        page.through.context.master.addons.add(later, lists)
        for url, headers in ((HTTP, {}), (HTTP, {"Origin": "http://evil.test"}), (HTTP + "data", {})):
            response = page.ask(url, headers=headers)
            assert response is not None
            assert not [name for name in response.headers if name.lower().startswith("access-control-")]
        assert later.seen == []
        assert len(lists) == 0
        page.ask("http://api.test/items")
        assert later.seen == ["http://api.test/items"]


def test_its_flows_are_not_judged_and_not_injected_into(rules: str) -> None:
    with browser(cors_rules=rules, cors_inject=True, cors_page="api.test") as page:
        page.ask("http://api.test/data", headers={"Origin": "http://app.test"})
        page.ask("http://api.test/", "OPTIONS", {"Origin": "http://app.test", "Access-Control-Request-Method": "PUT"})
        assert page.last is not None
        assert not [key for key in page.last.metadata if str(key).startswith("cors")]
        assert page.last.marked == page.last.comment == ""
        assert page.through.addon.reporting.report().flows == ()
        assert page.through.addon.kept.judged == 0


def test_saved_flows_of_it_are_not_judged_and_not_answered_again() -> None:
    with browser() as page:
        saved = cors_get(url=HTTP, live=False)
        before = saved.response
        page.through.send(saved)
        assert saved.response is before
        assert page.through.addon.reporting.report().flows == ()
        assert page.ask(HTTP, live=False) is None


def test_what_is_streamed_is_answered_too() -> None:
    with browser() as page:
        flow = make_flow(url=HTTP)
        flow.request.stream = True
        with pytest.raises(exceptions.AddonHalt):
            page.through.addon.page.requestheaders(flow)
        assert not flow.request.stream


def test_a_flow_that_breaks_off_is_kept_out_too() -> None:
    with browser() as page, pytest.raises(exceptions.AddonHalt):
        page.through.addon.page.error(make_flow(url=HTTP))


# --- headers --------------------------------------------------------------------------------------------------

EVERYWHERE = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
ANSWERS = [
    ("the document", "GET", "", {}),
    ("what is not there", "GET", "nothing", {}),
    ("another method", "PUT", "", {}),
    ("a refusal of the document", "GET", "", {"Origin": "http://evil.test"}),
    ("a refusal of data", "GET", "data", {}),
    ("a refusal of a change", "POST", "injection", {"Origin": "http://evil.test"}),
    ("a preflight", "OPTIONS", "data", {"Origin": "http://evil.test", "Access-Control-Request-Method": "GET"}),
]


@pytest.mark.parametrize(("method", "path", "headers"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_every_answer_is_closed_to_other_origins(method: str, path: str, headers: dict[str, str]) -> None:
    with browser() as page:
        response = page.ask(HTTP + path, method, headers)
        assert response is not None
        assert {name: response.headers.get(name) for name in EVERYWHERE} == EVERYWHERE
        policy = response.headers["content-security-policy"]
        for directive in ("default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert directive in policy
        assert not [name for name in response.headers if name.startswith(("access-control-", "timing-allow-"))]
        assert "set-cookie" not in response.headers


def test_the_policy_lets_in_the_pages_own_script_and_style_and_nothing_else() -> None:
    with browser() as page:
        html = page.open()
        assert page.last is not None
        assert page.last.response is not None
        policy = page.last.response.headers["content-security-policy"]
    directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    for element, directive in (("script", "script-src"), ("style", "style-src")):
        (inside,) = re.findall(f"<{element}>(.*?)</{element}>", html, re.DOTALL)
        hashed = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert directives[directive] == f"'sha256-{hashed}'"
    assert directives["connect-src"] == directives["form-action"] == "'self'"
    assert "unsafe" not in policy
    assert "//" not in re.sub(r"xmlns='[^']*'", "", re.sub(r"(?s)<script>.*</script>|<style>.*</style>", "", html))


def test_an_opener_is_cut_off_where_browsers_let_it() -> None:
    with browser() as page:
        page.open(HTTPS)
        assert page.last is not None
        assert page.last.response is not None
        assert page.last.response.headers["cross-origin-opener-policy"] == "same-origin"
        page.open(HTTP)
        assert page.last.response is not None
        assert "cross-origin-opener-policy" not in page.last.response.headers, "browsers complain over plain http"


# --- switches -------------------------------------------------------------------------------------------------


def test_injection_is_switched(rules: str) -> None:
    with browser(cors_rules=rules) as page:
        injection = page.through.addon.injection
        done = page.post("injection", state="on")
        assert (done.status_code, done.headers["location"]) == (303, "/")
        assert injection.is_on
        assert page.through.context.options.cors_inject
        assert "Switches itself off in" in page.open()
        page.post("injection", state="on")
        assert injection.is_on
        page.post("injection", state="off")
        assert not injection.is_on


def test_a_rule_is_switched_and_only_that(rules: str) -> None:
    with browser(cors_rules=rules) as page:
        for state in ("on", "on"):
            page.post("rules", name="second", state=state)
            assert [rule.enabled for rule in page.through.addon.injection.rules.rules] == [True, True]
        page.post("rules", name="local SPA", state="off")
        assert [rule.enabled for rule in page.through.addon.injection.rules.rules] == [False, True]


def test_everything_is_forgotten() -> None:
    with browser() as page:
        page.through.send(cors_get())
        assert page.data()["title"] == "1 blocked · CORS"
        page.post("clear")
        assert page.through.addon.kept.verdicts == {}
        assert page.data()["title"] == "CORS"


def test_a_script_gets_the_new_state_back(rules: str) -> None:
    with browser(cors_rules=rules) as page:
        headers = {
            "X-Cors-Page": page.token(),
            "Origin": "http://cors.addon",
            "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
        }
        response = page.ask(f"{HTTP}injection?since=0", "POST", headers, b"state=on&token=none")
        assert response is not None
        assert response.headers["content-type"] == "application/json"
        assert 'aria-checked="true"' in json.loads(response.text or "")["regions"]["injection"]


WRONG = [
    ("nothing to inject by", "injection", {"state": "on"}, "No rule is loaded. Add one with"),
    ("no state", "injection", {}, "state has to be on or off"),
    ("another state", "injection", {"state": "toggle"}, "state has to be on or off"),
    ("a host that no page has asked", "probe", {"name": "http://else.test"}, "cors.probe needs a flow"),
    ("no such rule", "rules", {"state": "on", "name": "<b>third</b>"}, "there is no rule"),
]


@pytest.mark.parametrize(("path", "form", "told"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_cannot_be_done_is_said(path: str, form: dict[str, str], told: str) -> None:
    with browser() as page:
        response = page.post(path, **form)
        assert response.status_code == 409
        assert told in (response.text or "")
        assert "<b>" not in (response.text or "")
        headers = {"X-Cors-Page": page.token(), "Content-Type": "application/x-www-form-urlencoded"}
        by_script = page.ask(HTTP + path, "POST", headers, urlencode(form).encode())
        assert by_script is not None
        assert by_script.status_code == 409
        assert told in json.loads(by_script.text or "")["error"]


# --- others are refused ---------------------------------------------------------------------------------------

FORM = "application/x-www-form-urlencoded"
ATTACKS: list[tuple[str, str, dict[str, str], str]] = [
    ("without a token", HTTP, {"Content-Type": FORM, "Origin": "http://cors.addon"}, "state=on"),
    ("with an empty token", HTTP, {"Content-Type": FORM, "Origin": "http://cors.addon"}, "state=on&token="),
    ("with a guess", HTTP, {"Content-Type": FORM, "Origin": "http://cors.addon"}, "state=on&token=abc"),
    (
        "with two tokens",
        HTTP,
        {"Content-Type": FORM, "Origin": "http://cors.addon"},
        "state=on&token=TOKEN&token=TOKEN",
    ),
    ("from another origin, even with the token", HTTP, {"Content-Type": FORM, "Origin": "http://evil.test"}, "OK"),
    ("from an opaque origin", HTTP, {"Content-Type": FORM, "Origin": "null"}, "OK"),
    ("from the https twin", HTTP, {"Content-Type": FORM, "Origin": "https://cors.addon"}, "OK"),
    ("from the http twin", HTTPS, {"Content-Type": FORM, "Origin": "http://cors.addon"}, "OK"),
    (
        "from another site, without an Origin",
        HTTPS,
        {
            "Content-Type": FORM,
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
        },
        "OK",
    ),
    (
        "as plain text, which needs no preflight",
        HTTP,
        {"Content-Type": "text/plain", "Origin": "http://cors.addon"},
        "OK",
    ),
    ("in parts", HTTP, {"Content-Type": "multipart/form-data; boundary=x", "Origin": "http://cors.addon"}, "OK"),
    ("without a type", HTTP, {"Origin": "http://cors.addon"}, "OK"),
    ("by another name in Host", HTTP, {"Content-Type": FORM, "Origin": "http://cors.addon", "Host": "evil.test"}, "OK"),
    ("in more fields than the page has", HTTP, {"Content-Type": FORM}, "OK&" + "a=1&" * 50),
    ("in a long form", HTTP, {"Content-Type": FORM}, "OK&a=" + "x" * 20_000),
    ("in bytes that are no text", HTTP, {"Content-Type": FORM}, "OK&a=\udcff"),
    ("with a header for a token that is none", HTTP, {"Content-Type": FORM, "X-Cors-Page": "abc"}, "OK"),
]


@pytest.mark.parametrize(("base", "headers", "body"), [row[1:] for row in ATTACKS], ids=[row[0] for row in ATTACKS])
def test_nobody_else_switches_anything(rules: str, base: str, headers: dict[str, str], body: str) -> None:
    with browser(cors_rules=rules) as page:
        token = page.token()
        sent = body.replace("OK", f"state=on&token={token}").replace("TOKEN", token).encode("utf-8", "surrogateescape")
        # A token in the query would end up in histories and logs, so it does not count there.
        response = page.ask(f"{base}injection?token={token}", "POST", headers, sent)
        assert response is not None
        assert response.status_code in (403, 421)
        assert not page.through.addon.injection.is_on
        assert not page.through.context.options.cors_inject


def test_the_same_form_switches_where_it_is_the_pages_own(rules: str) -> None:
    with browser(cors_rules=rules) as page:
        headers = {"Content-Type": FORM, "Origin": "http://cors.addon"}
        page.ask(HTTP + "injection", "POST", headers, f"state=on&token={page.token()}".encode())
        assert page.through.addon.injection.is_on


OTHERS = ["192.0.2.254", "192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7", "10.0.0.1", "", "fe80::1%eth0"]


@pytest.mark.parametrize("client", OTHERS)
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "data"), ("POST", "injection"), ("POST", "clear"), ("POST", "unblock"), ("POST", "undo")],
)
def test_other_machines_read_and_switch_nothing(rules: str, client: str, method: str, path: str) -> None:
    with browser(cors_rules=rules) as page:
        headers = {"X-Cors-Page": page.token(), "Origin": "http://cors.addon", "Content-Type": FORM}
        page.through.send(cors_get())
        page.client = (client, 50_000)
        response = page.ask(HTTP + path, method, headers, b"state=on")
        assert response is not None
        assert response.status_code == 403
        assert "this machine only" in (response.text or "")
        assert "api.test" not in (response.text or "")
        assert not page.through.addon.injection.is_on
        assert page.through.addon.kept.judged == 1


def test_machines_that_the_user_lists_may_open_it(caplog: pytest.LogCaptureFixture) -> None:
    with browser(cors_page_clients=["192.0.2.0/28", "2001:db8::7"]) as page:
        for client in ("127.0.0.1", "::1", "192.0.2.7", "::ffff:192.0.2.7", "2001:db8::7"):
            page.client = (client, 50_000)
            assert "<h1>CORS" in page.open()
        page.client = ("192.0.2.16", 50_000)
        for _ in range(2):
            response = page.ask()
            assert response is not None
            assert response.status_code == 403
            assert "--set cors_page_clients=192.0.2.16" in (response.text or "")
        (line,) = [line for line in logged(caplog, logging.WARNING) if "another machine" in line]
        assert "192.0.2.16" in line


def test_a_document_that_nobody_navigates_to_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    with browser() as page:
        monkeypatch.setattr(page.through.addon.page.page, "_screen", lambda: 1 / 0)
        response = page.ask(HTTP, headers={"User-Agent": "Mozilla/5.0", "Accept": "*/*"})
        assert response is not None
        assert response.status_code == 403


def test_documents_in_quick_succession_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with browser() as page:
        page.open()
        screen = page.through.addon.page.page._screen()
        made: list[str] = []
        monkeypatch.setattr(screen, "document", lambda wanted, still: made.append(wanted) or "<h1>CORS")
        for at in range(20):
            page.through.send(cors_get(url=f"http://api.test/{at}"))
            page.open()
        assert len(made) <= 2, "once in a second"


def test_a_refused_change_is_logged_once_for_each_origin(caplog: pytest.LogCaptureFixture) -> None:
    with browser() as page:
        for origin in ("http://evil.test", "http://evil.test", "http://bad.test\x1b[31m"):
            page.ask(HTTP + "clear", "POST", {"Origin": origin})
        lines = [line for line in logged(caplog, logging.WARNING) if "the live page refused" in line]
        assert len(lines) == 2
        assert "asked for by http://evil.test: Another origin asks" in lines[0]
        assert "\x1b" not in "".join(lines)


# --- what it shows --------------------------------------------------------------------------------------------


def test_what_is_blocked_is_there_with_its_cure() -> None:
    with browser() as page:
        page.through.send(cors_get())
        html = page.open()
        assert "<title>1 blocked · CORS</title>" in html
        assert "Access-Control-Allow-Origin: http://app.test" in html
        assert "<summary>Unblock</summary>" in html


def test_unblock_writes_the_rule_and_undo_takes_it_back(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    with browser(cors_rules=str(rules)) as page:
        blocked = page.through.send(cors_get())
        assert str(rules) in page.open()
        assert page.post("unblock", name=blocked.id).status_code == 303
        assert "app.test calls api.test" in rules.read_text()
        assert page.through.addon.injection.is_on
        update = page.data()
        assert "app.test calls api.test" in update["regions"]["rules"]
        assert page.post("undo").status_code == 303
        assert not rules.exists()
        refused = page.post("undo")
        assert refused.status_code == 409
        assert "No rule was written in this session" in (refused.text or "")


def test_without_a_rule_file_the_rule_is_kept_in_memory_and_shown() -> None:
    with browser() as page:
        blocked = page.through.send(cors_get())
        assert page.post("unblock", name=blocked.id).status_code == 303
        shown = page.data()["regions"]["rules"]
        assert "In memory until mitmproxy ends" in shown
        assert "allow_origins: [&quot;http://app.test&quot;]" in shown


def test_the_change_of_the_rules_is_shown_before_it_is_made(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    with browser(cors_rules=str(rules)) as page:
        blocked = page.through.send(cors_get())
        html = page.open()
        assert "+  - name: &quot;app.test calls api.test&quot;" in html
        seen = re.search(r'name="seen" value="(\w+)"', html)
        assert seen is not None
        rules.write_text("version: 1\nrules:\n  - {name: x, hosts: [b.test], allow_origins: ['http://b.test']}\n")
        page.through.addon.commands.rules_reload()
        refused = page.post("unblock", name=blocked.id, seen=seen[1])
        assert refused.status_code == 409
        assert "The rules have changed since." in (refused.text or "")
        widened = page.data()["lists"]["blocked"][0][1]
        assert "@@ -2,2 +2,7 @@" in widened
        seen = re.search(r'name="seen" value="(\w+)"', widened)
        assert seen is not None
        assert page.post("unblock", name=blocked.id, seen=seen[1]).status_code == 303
        assert "app.test calls api.test" in rules.read_text()


def test_verify_says_why_it_does_not_ask_and_a_rule_is_taken_out_by_a_button(tmp_path: Path) -> None:
    with browser(cors_rules=str(tmp_path / "rules.yaml")) as page:
        blocked = page.through.send(cors_get(at=1000.0))
        assert "Verify: send this request again" in page.open()
        refused = page.post("verify", name=blocked.id)
        assert refused.status_code == 409
        assert "api.test is in no rule&#x27;s hosts" in (refused.text or "")
        page.post("unblock", name=blocked.id)
        page.through.send(cors_get("Access-Control-Allow-Origin: http://app.test", at=1001.0))
        assert "Fixed on the server" in page.data()["regions"]["fixed"]
        (rule,) = page.through.addon.injection.rules.rules
        assert page.post("remove", name=rule.name).status_code == 303
        assert page.through.addon.injection.rules.rules == ()
        assert not (tmp_path / "rules.yaml").exists()
        assert page.post("undo").status_code == 303
        assert (tmp_path / "rules.yaml").exists()


def test_the_only_rule_of_the_users_own_file_is_switched_off(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("version: 1\nrules:\n  - {name: x, hosts: [api.test], allow_origins: ['http://app.test']}\n")
    before = rules.read_bytes()
    with browser(cors_rules=str(rules)) as page:
        assert page.post("remove", name="x").status_code == 303
        assert not page.through.addon.injection.rules.rules[0].enabled
        assert rules.read_bytes() == before


def test_a_flow_that_is_forgotten_is_not_unblocked() -> None:
    with browser() as page:
        response = page.post("unblock", name="gone")
        assert response.status_code == 409
        assert "This flow is forgotten. Send the request again." in (response.text or "")


def test_it_passes_once_the_server_is_mended() -> None:
    with browser() as page:
        page.through.send(cors_get())
        page.through.send(cors_get("Access-Control-Allow-Origin: *", at=1001.0))
        update = page.data()
        assert update["lists"]["blocked"] == []
        assert "allow-origin-missing" in update["regions"]["passed"]
        assert "have passed since" in update["regions"]["blocked-note"]


def test_a_preflight_stands_under_the_method_that_it_asks_for() -> None:
    with browser() as page:
        page.through.send(preflight("Access-Control-Allow-Origin: *", asks="PATCH"))
        ((_, html),) = page.data()["lists"]["blocked"]
        assert '<span class="method"><bdi>PATCH</bdi></span>' in html


def test_an_idle_page_is_answered_without_a_body() -> None:
    with browser() as page:
        page.through.send(cors_get())
        version = page.data()["version"]
        idle = page.ask(f"{HTTP}data?since={version}", headers={"X-Cors-Page": page.token()})
        assert idle is not None
        assert (idle.status_code, idle.raw_content) == (204, b"")
        assert "content-type" not in idle.headers
        assert "content-length" not in idle.headers


def test_only_what_changed_is_sent() -> None:
    with browser() as page:
        page.through.send(cors_get())
        before = page.data()
        page.through.send(cors_get(url="http://other.test/x"))
        update = page.data(before["version"])
        (new, html), (old, nothing) = update["lists"]["blocked"]
        assert (old, nothing) == (before["lists"]["blocked"][0][0], None)
        assert html.startswith(f'<li class="card blocked" id="{new}"')
        assert "blocked-count" in update["regions"]
        assert "rules" not in update["regions"]


def test_a_page_opened_in_between_is_told_of_the_way_back(rules: str) -> None:
    with browser(cors_rules=rules) as page:
        page.post("rules", name="second", state="on")
        page.data()
        page.post("rules", name="second", state="off")
        opened = re.findall(r'data-version="(\d+)"', page.open())
        page.post("rules", name="second", state="on")
        assert 'aria-label="Rule second"' in page.data(int(opened[0]))["regions"]["rules"]


def test_a_switch_thrown_elsewhere_shows(rules: str) -> None:
    with browser(cors_rules=rules) as page:
        version = page.data()["version"]
        page.through.context.options.update(cors_inject=True)
        assert 'aria-checked="true"' in page.data(version)["regions"]["injection"]


@pytest.mark.parametrize("since", ["", "x", "-1", "9" * 40, "1e3", "%D9%A3", "%00"])
def test_a_version_that_is_none_gets_everything(since: str) -> None:
    with browser() as page:
        page.through.send(cors_get())
        response = page.ask(f"{HTTP}data?since={since}", headers={"X-Cors-Page": page.token()})
        assert response is not None
        assert json.loads(response.text or "")["lists"]["blocked"][0][1] is not None


def test_data_is_inert_where_somebody_takes_it_for_a_page() -> None:
    with browser() as page:
        page.through.send(cors_get("Access-Control-Allow-Origin: </script><b>&"))
        response = page.ask(HTTP + "data", headers={"X-Cors-Page": page.token()})
        assert response is not None
        assert not set(response.text or "") & set("<>&")
        assert response.headers["content-type"] == "application/json"


def test_without_scripts_the_filter_and_the_refresh_work() -> None:
    with browser() as page:
        page.through.send(cors_get(), cors_get(url="http://other.test/x"))
        assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in page.open()
        html = page.open(f"{HTTP}?q=OTHER.test+missing")
        assert html.count('<li class="card') == 1
        assert 'value="OTHER.test missing"' in html
        assert "http-equiv" not in html, "a refresh would lose what is being read"
        assert "http-equiv" not in page.open(f"{HTTP}?still")
        assert page.open(f"{HTTP}?q=").count('<li class="card') == 2


@pytest.mark.parametrize(
    "query", ["q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "q=%E2%80%AE%00%ff", "q=" + "x" * 5000, "%"]
)
def test_a_filter_from_the_address_is_inert(query: str) -> None:
    with browser() as page:
        html = page.open(f"{HTTP}?{query}")
        assert html.count("<script>") == 1
        assert "\u202e" not in html
        assert "\0" not in html


@pytest.mark.parametrize("name", ["Cookie", "Authorization", "Proxy-Authorization"])
def test_secrets_of_requests_never_show(name: str) -> None:
    with browser() as page:
        asked = make_flow("Origin: http://app.test", f"{name}: SECRET=SECRET", url="http://api.test/x?token=SECRET")
        asked.response = cors_get("Set-Cookie: SECRET=SECRET").response
        page.through.send(asked)
        assert "SECRET" not in page.open()
        assert "SECRET" not in json.dumps(page.data())


# --- options and start ----------------------------------------------------------------------------------------


def test_a_host_that_is_none_is_refused_while_running() -> None:
    with browser() as page:
        with pytest.raises(exceptions.OptionsError, match=r"cors_page=http://x/: is a URL; write only its host: x"):
            page.through.context.options.update(cors_page="http://x/")
        assert "<h1>CORS" in page.open(), "the page stays where it was"


def test_the_start_says_where_it_is_and_says_it_again_when_it_moves(caplog: pytest.LogCaptureFixture) -> None:
    with browser() as page:
        page.through.context.options.add_option("connection_strategy", str, "eager", "")  # mitmproxy's own
        page.through.addon.page.running()
        assert "CORS: the live page is at http://cors.addon/ through the proxy" in logged(caplog)
        page.through.context.options.update(cors_page="live.test")
        assert "CORS: the live page is at http://live.test/ through the proxy" in logged(caplog)
        caplog.clear()
        page.through.context.options.update(cors_mark=False)
        page.through.context.options.update(cors_page="")
        assert not [line for line in logged(caplog) if "live page" in line]


def test_without_a_proxy_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with browser(server=False) as page:
        page.through.addon.page.running()
        assert not [line for line in logged(caplog) if "live page" in line]


def test_two_starts_have_two_tokens() -> None:
    with browser() as first, browser() as second:
        assert first.token() != second.token()
