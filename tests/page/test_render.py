"""The live page's HTML: what it tells, and that nothing from the wire is more than text in it."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.catalogue import CATALOGUE
from cors_addon.catalogue.violation import FixOwner, Severity, Stage
from cors_addon.page import cards, html_text, panels
from cors_addon.page.ledger import Debt, Ledger, Section
from cors_addon.report.model import build
from cors_addon.rules.decode import read_rules
from cors_addon.rules.model import Rule
from cors_addon.verdict.model import CredentialsView, Delivered, HeaderLine, Outcome, Verdict
from tests.page.support import API, APP, MISSING, finding, verdict
from tests.report.cures import CAUSES, SNIPPETS

VOID = {"input", "meta", "link", "br"}
INLINE = {"code", "b", "em", "small", "bdi", "time", "a", "span"}


class Reader(HTMLParser):
    """Reads HTML strictly: every element is closed in order. Collects elements, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self._break(tag)

    def _break(self, tag: str) -> None:
        if tag not in INLINE:
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError("nothing writes comments")

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def card(of: Verdict, section: Section = Section.BLOCKED, **others: Any) -> str:
    ledger = Ledger(lambda _: None, 10)
    ledger.touch(of.id)
    ledger.sync({of.id: of})
    (made,) = ledger.listed(section)
    (plain,) = build([of]).flows
    return cards.card_html(made, plain, is_open=False, **others)


def test_a_card_tells_what_why_and_what_to_send() -> None:
    told = Reader(card(verdict("0123456789", finding(MISSING, needed=f"Access-Control-Allow-Origin: {APP}")))).text
    for expected in (
        "Blocked GET api.test/items",
        "it is allow-origin-missing",
        f"from {APP}",
        f"The browser asked Origin: {APP}",
        "The server answered Access-Control-Allow-Origin: not sent",
        f"The response has to say Access-Control-Allow-Origin: {APP}",
        "In general",
        "(on the server)",
        "✕ Chromium: blocked MissingAllowOriginHeader (counts here)",
        "✓ Firefox: allowed",
        "flow 01234567",
        CATALOGUE[MISSING].explanation.replace("`", "").split(".")[0],
        "Credentials: taken as not included",
    ):
        assert expected in told


def test_every_finding_of_the_request_is_there_in_order_and_equal_evidence_once() -> None:
    lines = (HeaderLine("request", "Access-Control-Request-Headers", "x-a,x-b"),)
    of = verdict(
        "a",
        finding("header-not-allowed", message="x-a", evidence=lines, needed="Access-Control-Allow-Headers: x-a, x-b"),
        finding("header-not-allowed", message="x-b", evidence=lines, needed="Access-Control-Allow-Headers: x-a, x-b"),
        finding("allow-credentials-not-true", Severity.CONDITIONAL, message="no true", needed="A: true"),
        stage=Stage.PREFLIGHT,
    )
    told = Reader(card(of)).text
    assert told.count("The browser asked Access-Control-Request-Headers") == 1
    assert "2 more things are wrong" in told
    assert told.index("x-a") < told.index("Then: x-b") < told.index("And if credentials are included: no true")
    assert "The answer to the preflight (OPTIONS) has to say Access-Control-Allow-Headers: x-a, x-b A: true" in told
    assert told.count(CATALOGUE["header-not-allowed"].fix.replace("`", "")[:40]) == 1


def test_cause_and_snippets_are_shown_where_there_are_any() -> None:
    of = verdict("a", MISSING)
    ledger = Ledger(lambda _: None, 10)
    ledger.touch("a")
    ledger.sync({"a": of})
    (made,) = ledger.listed(Section.BLOCKED)
    (plain,) = build([of]).flows
    plain["findings"][0].update(CAUSES)
    plain["findings"][0]["fix"]["snippets"] = SNIPPETS
    told = Reader(cards.card_html(made, plain, is_open=True, suggestion=["- name: x", "  hosts: [a]"])).text
    assert "Cause nginx <add_header> without always What to do Add always. (at the gateway)" in told
    assert "Or else: possible cause A proxy takes it out For nginx" in told
    assert "For nginx (Server: <nginx>) add_header A b always; }" in told
    assert "For Express" not in told, "the stack is known"
    assert "A rule that lets it pass for now, to paste into the rule file: - name: x hosts: [a]" in told


RULED = [
    (Delivered("r", Outcome.BLOCKED), "Rule r changed this response, and as delivered it is blocked."),
    (Delivered("r", None), "Rule r broke it off."),
    (Delivered("r", Outcome.ALLOWED, dry_run=True), "Rule r would make it allowed, and is a dry run."),
    (Delivered("r", None, dry_run=True), "Rule r would break it off, and is a dry run."),
]


@pytest.mark.parametrize(("delivered", "told"), RULED, ids=[row[1] for row in RULED])
def test_what_a_rule_did_is_told(delivered: Delivered, told: str) -> None:
    assert told in Reader(card(verdict("a", MISSING, delivered=delivered))).text


def test_evidence_for_credentials_is_told() -> None:
    view = CredentialsView(
        "include",
        False,
        evidence=(("include", "a cookie is sent", "f", True), ("include", "so does flow g", "g", False)),
    )
    of = replace(verdict("a", MISSING), credentials=view)
    assert "Credentials: include; a cookie is sent; perhaps: so does flow g." in Reader(card(of)).text


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        ((), "Credentials: taken as not included, since nothing speaks for them."),
        ((("not-include", "it is silent", "f", False),), "Credentials: taken as not included; perhaps: it is silent."),
    ],
)
def test_credentials_that_are_assumed_are_told(evidence: tuple[tuple[str, str, str, bool], ...], told: str) -> None:
    of = replace(verdict("a", MISSING), credentials=CredentialsView("not-include", True, evidence=evidence))
    assert told in Reader(card(of)).text


def test_each_owner_of_a_fix_has_words() -> None:
    assert cards._WHO.keys() == {owner.value for owner in FixOwner}


# --- what the wire can say ------------------------------------------------------------------------------------

HOSTILE = [
    ("script", "<script>alert(1)</script>"),
    ("an end of script", "</script><script>alert(1)//"),
    ("an element with a handler", '"><img src=x onerror=alert(1)>'),
    ("an attribute", "' onmouseover='alert(1)' x='"),
    ("an attribute without quotes", " autofocus onfocus=alert(1) "),
    ("style", "</style><style>*{display:none}"),
    ("a style's text", "expression(alert(1));}*{background:url(//evil.test)"),
    ("a comment", "<!--"),
    ("an end of comment and CDATA", "--> ]]> <![CDATA["),
    ("entities", "&lt;script&gt; &#60;b&#62; &amp;lt;"),
    ("a template's placeholder", "{{token}} {{js}} ${token}"),
    ("JSON", '","x":"</script>\\u003cscript\\u003e'),
    ("lines", "a\r\nSet-Cookie: b\r\n\r\n<b>"),
    ("a terminal's escapes", "\x1b]0;x\x07\x1b[31m"),
    ("right to left", "\u202eabc\u2066def\u200f"),
    ("letters from right to left", "אבג دهو"),
    ("nothing to see", "\u200b\ufeff\u00ad"),
    ("a null byte", "a\0b"),
    ("a lone surrogate", "a\ud800b"),
    ("a line separator", "a\u2028b\u2029c"),
    ("backticks with markup", "`<b>`` `"),
    ("a hundred kilobytes", "<b>" + "x" * 100_000),
]
INVISIBLE = "\x00\x07\x1b\r\u202e\u2066\u200f\u200b\ufeff\u00ad\u2028\u2029\ud800"


def hostile(value: str) -> Verdict:
    """Put a value wherever the wire can put one."""
    lines = (HeaderLine("request", value, value), HeaderLine("response", value, value))
    found = finding(MISSING, message=f"it says {value}", needed=f"X: {value}", evidence=lines)
    return verdict(
        value,
        found,
        url=f"https://api.test/{value}?{value}#{value}",
        method=value,
        origin=value,
        delivered=Delivered(value, Outcome.BLOCKED),
        notes=[value],
    )


def assert_inert(html: str, value: str) -> None:
    """Compare with the same HTML made from a harmless word: the elements and their attributes' names are the same."""
    read = Reader(html)
    assert {name for name, _ in read.elements} <= {
        *("li", "details", "summary", "span", "h3", "h4", "div", "ul", "code", "b", "em", "small", "bdi", "time", "dl"),
        *("dt", "dd", "pre", "button", "p", "a", "form", "input", "label"),
    }
    for name, attributes in read.elements:
        assert not any(
            attribute.startswith("on") or attribute in ("style", "src", "srcdoc") for attribute in attributes
        )
        if name == "a":
            assert (attributes["href"] or "").startswith("https://")
    assert not set(html) & set(INVISIBLE)
    assert len(html) < 60_000


@pytest.mark.parametrize("value", [row[1] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_what_the_wire_says_is_text_in_a_card(value: str) -> None:
    html = card(hostile(value), suggestion=[value])
    assert_inert(html, value)
    shape = [(name, sorted(attributes)) for name, attributes in Reader(html).elements]
    harmless = [
        (name, sorted(attributes)) for name, attributes in Reader(card(hostile("word"), suggestion=["word"])).elements
    ]
    assert [each for each in shape if each[0] != "code"] == [each for each in harmless if each[0] != "code"]


@pytest.mark.parametrize("value", [row[1] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_and_in_every_other_part(value: str) -> None:
    debt = Debt(value, value, value, value, 2, 1)
    debt.findings[value] += 1
    debt.needed[value] += 1
    rule = list_of_rules("plain")[0]
    for html in (
        panels.debts([debt], 10),
        panels.injection("token", True, 5.0, [rule], value, f"{value}\n{value}"),
        panels.rules("token", [rule], value),
    ):
        assert_inert(html, value)


@given(st.text(max_size=60))
def test_any_text_is_inert(value: str) -> None:
    html = html_text.line(value) + html_text.text(value) + html_text.prose(value)
    assert not set(
        html.replace("<bdi>", "").replace("</bdi>", "").replace('<code dir="ltr">', "").replace("</code>", "")
    ) & set("<>\"'")
    assert not set(html) & set(INVISIBLE)


SECRETS = [
    ("a query parameter", f"{API}?access_token=SECRET1", "SECRET1"),
    ("a signature", f"{API}?x=1&sig=SECRET2", "SECRET2"),
    ("a user's password", "https://me:SECRET3@api.test/items", "SECRET3"),
    ("a token in the path's end", f"{API}/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.SECRET4", "SECRET4"),
]


@pytest.mark.parametrize(("url", "secret"), [row[1:] for row in SECRETS], ids=[row[0] for row in SECRETS])
def test_secrets_of_urls_are_left_out(url: str, secret: str) -> None:
    assert secret not in card(verdict("a", MISSING, url=url))


@pytest.mark.parametrize("name", ["Cookie", "Set-Cookie", "Authorization", "Proxy-Authorization", "X-Api-Key"])
def test_values_of_secret_headers_are_left_out(name: str) -> None:
    lines = (HeaderLine("request", name, "SECRET"), HeaderLine("response", name, "SECRET"))
    html = card(verdict("a", finding(MISSING, evidence=lines)))
    assert "SECRET" not in html
    assert name in html


# --- injection ------------------------------------------------------------------------------------------------


def list_of_rules(name: str = "local SPA") -> tuple[Rule, ...]:
    reading = read_rules(
        f"""
version: 1
rules:
  - name: {name!r}
    hosts: [api.test, "*.dev.test:8443"]
    allow_origins: ["http://localhost:5173"]
    allow_credentials: true
  - name: anybody
    enabled: false
    hosts: [open.test]
    allow_origins: any
    dry_run: true
  - name: chaos
    hosts: [bad.test]
    allow_origins: ["http://localhost:5173"]
    simulate: allow-origin-missing
""".encode()
    )
    assert reading.rules is not None
    return reading.rules.rules


def test_rules_are_listed_with_their_switches() -> None:
    read = Reader(panels.rules("TOKEN", list_of_rules(), "/home/me/cors.yaml"))
    assert "local SPA credentials api.test, *.dev.test:8443, called from http://localhost:5173" in read.text
    assert "anybody dry run open.test, called from any page" in read.text
    assert "chaos simulates allow-origin-missing" in read.text
    assert "/home/me/cors.yaml" in read.text
    switches = [attributes for name, attributes in read.elements if attributes.get("role") == "switch"]
    assert [(each["aria-label"], each["aria-checked"]) for each in switches] == [
        ("Rule local SPA", "true"),
        ("Rule anybody", "false"),
        ("Rule chaos", "true"),
    ]
    hidden = [attributes for name, attributes in read.elements if name == "input"]
    assert [each["value"] for each in hidden if each["name"] == "state"] == ["off", "on", "off"]
    assert {each["value"] for each in hidden if each["name"] == "token"} == {"TOKEN"}


def test_a_rules_name_goes_back_exactly_as_it_is() -> None:
    name = 'a "quoted" <b> & token=secret ' + "x" * 300
    read = Reader(panels.switch("rules", "T", "Rule", True, name))
    assert [a["value"] for _, a in read.elements if a.get("name") == "name"] == [name]


INJECTION = [
    ("off", False, None, True, "", "Responses are the servers’ own."),
    ("on, with an end", True, 7080.0, True, "", "Switches itself off in 1 h 58 min."),
    ("on, without end", True, None, True, "", "Without end: the rule file says expires: never."),
    (
        "no rule file",
        False,
        None,
        False,
        "",
        "There are no rules to inject by. Name a rule file with --set cors_rules=FILE.",
    ),
    ("a file without good rules", False, None, False, "/x.yaml", "No rules are in force from /x.yaml."),
]


@pytest.mark.parametrize(
    ("is_on", "left", "has_rules", "path", "told"), [row[1:] for row in INJECTION], ids=[row[0] for row in INJECTION]
)
def test_injection_says_how_it_stands(is_on: bool, left: float | None, has_rules: bool, path: str, told: str) -> None:
    read = Reader(panels.injection("T", is_on, left, list_of_rules() if has_rules else (), path, ""))
    assert told in read.text
    (switch,) = [attributes for name, attributes in read.elements if name == "button"]
    assert ("disabled" in switch) is (not has_rules)
    assert switch["aria-checked"] == ("true" if is_on else "false")


def test_a_broken_rule_file_is_told_with_its_lines() -> None:
    read = Reader(panels.injection("T", True, 60.0, list_of_rules(), "/x.yaml", "error: a\n  3 | <b>\n    ^"))
    assert "The rule file is broken The last good rules stay in force." in read.text
    assert "error: a\n  3 | <b>\n    ^" in "".join(read.words)


def test_debts_say_what_to_hand_over() -> None:
    known = Debt("local SPA", "api.test", "PUT", "/items/{id}", 3, 3)
    known.findings[MISSING] += 3
    known.needed["Access-Control-Allow-Origin: *"] += 3
    read = Reader(panels.debts([known, Debt("local SPA", "api.test", "OPTIONS", "/x", 1, 0)], 10))
    assert "PUT api.test/items/{id} allow-origin-missing; rule local SPA was needed 3 times" in read.text
    assert "Access-Control-Allow-Origin: *" in read.text
    assert "what the server itself would say is not known; rule local SPA was needed once" in read.text
    assert "1 more are not shown" in Reader(panels.debts([known, known], 1)).text
    assert "None: no rule was needed so far." in Reader(panels.debts([], 1)).text


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 0 min"), (7199, "1 h 59 min")],
)
def test_durations_read_as_people_say_them(seconds: float, told: str) -> None:
    assert html_text.duration(seconds) == told
