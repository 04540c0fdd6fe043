import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from cors_addon.report.baseline import Baseline
from cors_addon.report.grouping import key_of_group
from cors_addon.report.html import render
from cors_addon.report.html_parts import code, link, prose, verbatim, wire
from cors_addon.report.ignore import parse_all
from cors_addon.report.model import Report, build, merge
from cors_addon.verdict.model import Delivered, Outcome
from tests.report.samples import APP, exchange, get, mixed, preflight, report_of, verdicts

VOID = {"meta", "br", "input", "link", "img", "hr"}


class Page(HTMLParser):
    """A page as a parser sees it: elements that are closed as they were opened, ids, links, and text."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.source = render(report)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[str] = []
        self.policy = ""
        self.feed(self.source)
        self.close()
        assert self.open == []
        self.text = " ".join(re.sub(r"<(style|script)>.*?</\1>|<[^>]*>", " ", self.source, flags=re.DOTALL).split())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        if (name := given.get("id")) is not None:
            self.ids.append(name)
        if (target := given.get("href")) is not None:
            self.links.append(target)
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(tag)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_one_file_that_loads_nothing() -> None:
    page = Page(mixed())
    assert not re.search(
        r"<(link|img|iframe|object|embed|base)\b|\b(src|srcset|action|background)=|@import|url\(", page.source
    )
    assert page.policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in page.policy
    assert page.source.count("<script") == page.source.count("<style") == 1


def test_links_lead_within_the_page_or_to_a_standard() -> None:
    page = Page(mixed())
    assert page.links
    assert len(set(page.ids)) == len(page.ids)
    for target in page.links:
        assert target.startswith("https://") or target.removeprefix("#") in page.ids


def test_headings_skip_no_level() -> None:
    levels = [int(heading[1]) for heading in Page(mixed()).headings]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_card_says_what_is_wrong_where_and_what_to_change() -> None:
    page = Page(mixed())
    card = page.source[page.source.index('<article class="block blocked" id="b1"') :]
    card = card[: card.index("</article>")]
    text = " ".join(re.sub(r"<[^>]*>", " ", card).split())
    assert text.startswith(
        "blocked No Access-Control-Allow-Origin in the response to https://app.test"
        " GET https://api.test/items/{id} from https://app.test , 3 requests. allow-origin-missing"
    )
    for told in (
        "Fix On the server api.test: Add these response headers.",
        "Send to GET, errors included Access-Control-Allow-Origin: https://app.test Vary: Origin",
        "Chromium: blocked MissingAllowOriginHeader",
        "Firefox: blocked CORSMissingAllowOrigin",
        "WebKit: blocked",
        "Request Origin: https://app.test",
        "Response 200 Access-Control-Allow-Origin: (not sent)",
        "curl -i https://api.test/items/1 -H &#x27;Origin: https://app.test&#x27;",
        "Flow ids: 1 , 2 , 5",
    ):
        assert told in text


def test_what_blocks_comes_before_flows_and_browsers() -> None:
    text = Page(mixed()).text
    order = [
        "2 faults block responses of 2 hosts.",
        "What to change",
        "Browser by browser",
        "Flows",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_browsers_are_counted_side_by_side() -> None:
    text = Page(mixed()).text
    assert "Browser allowed blocked Chromium 2 4 Firefox 2 4 WebKit 2 4 the standard 2 4" in text


def test_every_flow_leads_to_its_cards() -> None:
    page = Page(mixed())
    rows = page.source[page.source.index('id="flows"') :]
    assert rows.count("<tr") == 1 + len(mixed().flows)
    assert rows.count('href="#b1"') == 3


def test_endpoints_that_need_different_things_are_two_cards() -> None:
    allow = f"Access-Control-Allow-Origin: {APP}"
    page = Page(
        build(
            verdicts(
                preflight("https://api.test/a", allow, "Access-Control-Allow-Methods: GET")
                + preflight("https://api.test/b", allow, "Access-Control-Allow-Methods: GET", method="DELETE")
            )
        )
    )
    assert page.source.count('<article class="block blocked"') == 2
    assert "Access-Control-Allow-Methods: GET, DELETE" in page.text
    assert "Access-Control-Allow-Methods: GET, PUT" in page.text


def test_a_conditional_diagnosis_says_what_it_hangs_on() -> None:
    text = Page(
        build(
            verdicts(
                get("https://api.test/c", "Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: TRUE")
            )
        )
    ).text
    assert "Credentials decide: open: the server sends Access-Control-Allow-Credentials" in text


def test_known_ignored_and_unread_are_said() -> None:
    keys = [key_of_group(group) for group in mixed().groups if group["host"] == "api.test"]
    known = Baseline(frozenset(key for key in keys if key is not None))
    report = mixed(baseline=known, ignores=parse_all(["method-not-allowed # in other hands"]))
    captures = [{"path": "a.mitm", "kind": "", "flows": 0, "problem": "it is empty", "note": ""}]
    text = Page(merge([report], captures)).text
    assert "Nothing new is blocked." in text
    assert "blocked known No Access-Control-Allow-Origin" in text
    assert "Ignored method-not-allowed at other.test : in other hands" in text
    assert "a.mitm : it is empty" in text


def test_what_servers_owe_is_listed() -> None:
    (verdict,) = verdicts(get())
    (answered,) = verdicts(get("https://never.test/", status=0))
    other = Delivered("other", Outcome.ALLOWED)
    text = Page(
        build(
            [
                verdict.with_delivered(Delivered("local SPA", Outcome.ALLOWED)),
                replace(answered, outcome=Outcome.UNKNOWN, findings=(), status=None, id="2").with_delivered(other),
            ]
        )
    ).text
    assert "Still to fix on the server" in text
    told = "GET https://api.test/items No Access-Control-Allow-Origin in the response to https://app.test"
    assert re.search(rf"{re.escape(told)} cors-[0-9a-f]{{7}} local SPA 1 ", text)
    assert "One change for each server" in text
    assert (
        "Send to every other request, errors included Access-Control-Allow-Origin: https://app.test Vary: Origin"
        in text
    )
    assert "Rule &quot;other&quot; answered, and the server was not asked" in text
    assert "allowed as delivered by rule local SPA" in text


def test_causes_and_snippets_are_shown_where_there_are_any() -> None:
    report = mixed()
    step = {**report.diagnoses[0]["plan"][0], "where": "In nginx", "text": "Add `always`"}
    step["snippet"] = {"stack": "nginx", "text": "add_header A b always;\n}"}
    causes = [
        {"id": "x", "confidence": "certain", "message": "nginx <add_header> without always", "evidence": []},
        {"id": "y", "confidence": "possible", "message": "A proxy removes the header", "evidence": []},
    ]
    changed = {**report.diagnoses[0], "plan": [step], "causes": causes}
    page = Page(replace(report, diagnoses=(changed, *report.diagnoses[1:])))
    assert "Why nginx &lt;add_header&gt; without always. certain Or A proxy removes the header. possible" in page.text
    assert "Fix In nginx: Add always ." in page.text
    assert "Write, for nginx add_header A b always; }" in page.text


@pytest.mark.once
def test_a_long_list_has_its_contents_and_its_end() -> None:
    report = report_of(*(exchange([], id=f"f{n}", url=f"https://h{n}.test/") for n in range(320)))
    page = Page(report)
    assert page.source.count("<article") == 300
    assert "And 20 more, which the JSON report holds." in page.text
    assert {f"b{n}" for n in range(1, 301)} <= set(page.ids)
    many = report_of(*(exchange([], id=f"f{n}") for n in range(1_010)))
    assert "The first 1,000 of 1,010; the JSON report holds all." in Page(many).text


def test_an_empty_report_is_a_page() -> None:
    page = Page(build([]))
    assert "Nothing was found." in page.text
    assert "<article" not in page.source


@pytest.mark.parametrize(
    ("shown", "html"),
    [
        (wire("<a href='x'>\"&"), '<span class="wire">&lt;a href=&#x27;x&#x27;&gt;&quot;&amp;</span>'),
        (wire("a\x1b[31m\u202eb\0"), '<span class="wire">a\\x1b[31m\\u202eb\\x00</span>'),
        (code("a" * 9, 4), '<code class="wire">aa...a</code>'),
        (prose("Send `A: b` & <go>"), "Send <code>A: b</code> &amp; &lt;go&gt;"),
        (verbatim("a\n<b>\x07"), '<pre><code class="wire">a\n&lt;b&gt;\\x07</code></pre>'),
        (link("id", "javascript:alert(1)"), '<code class="wire">id</code>'),
        (
            link("id", 'https://a.test/"'),
            '<a href="https://a.test/&quot;" rel="noreferrer"><code class="wire">id</code></a>',
        ),
    ],
)
def test_pieces(shown: str, html: str) -> None:
    assert shown == html
