"""The live page's HTML: what it tells, and that nothing from the wire is more than text in it."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.catalogue import CATALOGUE
from cors_addon.catalogue.violation import Severity, Stage
from cors_addon.page import cards, html_text, panels
from cors_addon.page.ledger import Card, Ledger, Section
from cors_addon.report.entries import diagnosis_entries, flow_entry
from cors_addon.rules.decode import read_rules
from cors_addon.rules.model import Rule
from cors_addon.verdict.model import CredentialsView, Delivered, HeaderLine, Outcome, Verdict
from tests.page.support import API, APP, MISSING, finding, verdict

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


def listed(of: Verdict, section: Section = Section.BLOCKED) -> tuple[Card, dict[str, Any]]:
    ledger = Ledger(lambda _: None, 10)
    ledger.touch(of.id)
    ledger.sync({of.id: of})
    (made,) = ledger.listed(section)
    ids = set(made.ids)
    (diagnosis,) = [each for each in diagnosis_entries(of) if ids == {*each["findings"], *each["conditions"]}]
    return made, diagnosis


def card(of: Verdict, section: Section = Section.BLOCKED) -> str:
    made, diagnosis = listed(of, section)
    rule = cards.rule_sentence(flow_entry(of))
    return cards.card_html(made, diagnosis, False, "", of.notes, rule)


def test_a_card_says_what_why_and_what_to_send() -> None:
    said = Reader(card(verdict("0123456789", finding(MISSING, needed=f"Access-Control-Allow-Origin: {APP}")))).text
    for expected in (
        "Blocked GET api.test/items",
        "it is allow-origin-missing",
        f"from {APP}",
        f"Request GET {API} Origin: {APP}",
        "Response No response Access-Control-Allow-Origin: not sent",
        "✕ Chromium: blocked MissingAllowOriginHeader",
        "✓ Firefox: allowed",
        CATALOGUE[MISSING].explanation.replace("`", "").split(".")[0],
        "Credentials: not included: nothing shows any",
        "Copy as Markdown",
    ):
        assert expected in said


def test_a_request_is_one_story_and_what_hangs_on_credentials_is_said_as_such() -> None:
    lines = (HeaderLine("request", "Access-Control-Request-Headers", "x-a,x-b"),)
    of = verdict(
        "a",
        finding("header-not-allowed", message="x-a", evidence=lines, needed="Access-Control-Allow-Headers: x-a, x-b"),
        finding("header-not-allowed", message="x-b", evidence=lines, needed="Access-Control-Allow-Headers: x-a, x-b"),
        finding("allow-credentials-not-true", Severity.CONDITIONAL, message="no true", needed="A: true"),
        stage=Stage.PREFLIGHT,
    )
    said = Reader(card(of)).text
    assert said.count("Access-Control-Request-Headers: x-a,x-b") == 2, "once in the card, and once in the ticket"
    assert "With credentials, this fails too: allow-credentials-not-true." in said
    assert "no true" not in said


def test_causes_headers_and_snippets_are_there_once() -> None:
    made, diagnosis = listed(verdict("a", MISSING))
    diagnosis = {
        **diagnosis,
        "causes": [
            {"id": "x", "confidence": "certain", "message": "nginx <add_header> without always", "evidence": []},
            {"id": "y", "confidence": "possible", "message": "A proxy removes the header", "evidence": []},
        ],
        "plan": [
            {
                "who": "gateway",
                "where": "In nginx",
                "text": "Add `always`",
                "send": [{"to": "GET", "status": "any", "headers": ["Access-Control-Allow-Origin: *"]}],
                "snippet": {"stack": "nginx", "text": "add_header A b always;\n}"},
            }
        ],
    }
    html = cards.card_html(made, diagnosis, True)
    said = Reader(html[: html.index('<div class="ticket">')] + "</div></details></li>").text
    assert "Why nginx <add_header> without always. certain Or A proxy removes the header. possible" in said
    assert "Fix In nginx: Add always." in said
    assert "Write, for nginx add_header A b always; }" in said
    assert said.count("Access-Control-Allow-Origin: *") == 1


RULED = [
    (Delivered("r", Outcome.BLOCKED), "Rule r changed this response; as delivered it is blocked."),
    (Delivered("r", None), "Rule r broke it off."),
    (Delivered("r", Outcome.ALLOWED, dry_run=True), "Rule r would make it allowed (dry run)."),
    (Delivered("r", None, dry_run=True), "Rule r would break it off (dry run)."),
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
    assert "Credentials: included: a cookie is sent; so does flow g." in Reader(card(of)).text


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        ((), "Credentials: not included: nothing shows any."),
        ((("not-include", "it is silent", "f", False),), "Credentials: assumed not included: it is silent."),
    ],
)
def test_credentials_that_are_assumed_are_told(evidence: tuple[tuple[str, str, str, bool], ...], told: str) -> None:
    of = replace(verdict("a", MISSING), credentials=CredentialsView("not-include", True, evidence=evidence))
    assert told in Reader(card(of)).text


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
            assert (attributes["href"] or "").startswith(("https://", "#cors-"))
    assert not set(html) & set(INVISIBLE)
    assert len(html) < 60_000


@pytest.mark.parametrize("value", [row[1] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_what_the_wire_says_is_text_in_a_card(value: str) -> None:
    html = card(hostile(value))
    assert_inert(html, value)
    shape = [(name, sorted(attributes)) for name, attributes in Reader(html).elements]
    harmless = [(name, sorted(attributes)) for name, attributes in Reader(card(hostile("word"))).elements]
    assert [each for each in shape if each[0] != "code"] == [each for each in harmless if each[0] != "code"]


@pytest.mark.parametrize("value", [row[1] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_and_in_every_other_part(value: str) -> None:
    made, diagnosis = listed(replace(hostile(value), delivered=Delivered(value, Outcome.ALLOWED)), Section.OWED)
    rule = list_of_rules("plain")[0]
    for html in (
        panels.owed([(made, diagnosis)], 0),
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
        "No rule is loaded. Unblock on a card writes the first one into memory; --set cors_rules=FILE names a file.",
    ),
    (
        "a file without good rules",
        False,
        None,
        False,
        "/x.yaml",
        "No rule is loaded. Unblock on a card writes the first one into /x.yaml.",
    ),
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


def test_what_servers_still_have_to_send_is_listed() -> None:
    of = verdict(
        "a", MISSING, method="PUT", url="https://api.test/items/7", delivered=Delivered("SPA", Outcome.ALLOWED)
    )
    made, diagnosis = listed(of, Section.OWED)
    said = Reader(panels.owed([(made, diagnosis)], 1)).text
    assert "PUT api.test/items/{id} it is allow-origin-missing. Rule SPA, 1 request, cors-" in said
    assert "1 more are not shown" in said
    assert "Nothing: no rule was needed so far." in Reader(panels.owed([], 0)).text


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 0 min"), (7199, "1 h 59 min")],
)
def test_durations_read_as_people_say_them(seconds: float, told: str) -> None:
    assert html_text.duration(seconds) == told
