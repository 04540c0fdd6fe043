"""Whatever a message holds, a report shows it and nothing happens; what is secret, no report shows."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cors_addon.report.formats import FORMATS
from cors_addon.report.ignore import Ignore, Ignores
from cors_addon.report.model import Report, merge
from cors_addon.report.terminal_lines import summary
from cors_addon.report.text_report import render as plain_render
from cors_addon.traffic.exchange import Exchange
from tests.report.samples import exchange, report_of

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": "\" onmouseover='alert(1)' x=\"",
    "image": "'><img src=x onerror=alert(1)>",
    "closing": "</pre></code></style></title></textarea></script>-->]]>",
    "entity": "&lt;&#60;&quot;&bogus;",
    "ansi": "\x1b[31mred\x1b]0;title\x07\x9b31m",
    "lines": "a\r\nSet-Cookie: x=y\r\n\r\n<html>\n\x0b\x0c\x85\u2028\u2029",
    "nul": "a\0b\x7f\x01",
    "bidi": "\u202eevil\u2066\u200f\u061c",
    "invisible": "a\u200b\u00ad\ufeff\u00a0b",
    "surrogate": "a\ud800b\udc80\udfff",
    "unassigned": "\uffff\U000e0001\ufffe",
    "yaml": "- *a: &b !!python/object {x: [1",
    "placeholders": "{0} [text](1) {{x}} ${y} %s %(z)s \\[",
    "xml": "<![CDATA[ <!ENTITY x> <?php ?>",
    "long": "a" * 100_000,
    "long and hostile": "<b>\x1b\u202e" * 20_000,
    "dots": "..." * 100,
}
PAINT = {f"\x1b[{code}m" for code in ("0", "1;31", "1;33", "33", "36", "2")}
CONTROL = "".join(map(chr, (*range(0x20), 0x7F, *range(0x80, 0xA0))))


def exchanges(text: str) -> list[Exchange]:
    """Return exchanges that hold a text wherever a message can."""
    allow = ("Access-Control-Allow-Origin", "https://app.test")
    asks = ("Access-Control-Request-Method", "PUT")
    return [
        exchange([("Access-Control-Allow-Origin", text)], id="allow-origin"),
        exchange([allow, ("Access-Control-Allow-Credentials", text)], [("Cookie", "a=b")], id="credentials"),
        exchange([allow, (f"X-{text}", text), ("Access-Control-Expose-Headers", text)], id="expose"),
        exchange([allow], id="url", url=f"https://api.test/{text}?{text}#{text}"),
        exchange([], id="host", url=f"https://{text}.test/"),
        exchange([], id="url alone", url=text),
        exchange([], id="origin", origin=text),
        exchange([], id="method", method=text),
        exchange([allow, ("Location", f"https://{text}@b.test/{text}")], id="redirect", status=302),
        exchange([allow, ("Access-Control-Allow-Methods", text)], [asks], id="methods", method="OPTIONS", status=204),
        exchange(
            [allow, ("Access-Control-Allow-Methods", "PUT"), ("Access-Control-Allow-Headers", text)],
            [asks, ("Access-Control-Request-Headers", text)],
            id="headers",
            method="OPTIONS",
            status=204,
        ),
        exchange([allow, ("Access-Control-Max-Age", text)], [asks], id="age", method="OPTIONS", status=204),
        exchange([], [("Access-Control-Request-Method", text)], id="asked", method="OPTIONS", status=204),
        exchange([], id="error", error=text or "x"),
        exchange([], id=f"id {text}"),
    ]


def report(text: str) -> Report:
    """Build a report of it all, the names of captures and the reasons to ignore included."""
    made = report_of(*exchanges(text), ignores=Ignores((Ignore("header-not-exposed", "*", text),)))
    capture = {"path": f"{text}.mitm", "kind": "flows", "flows": 1, "problem": f"broken {text}", "note": text}
    return merge([made], [capture])


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()
        self.scripts = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.add((tag, ""))
        self.scripts += tag == "script"
        for name, value in attributes:
            self.found.add((tag, name))
            if name == "href":
                assert (value or "").startswith(("#b", "#cors-", "https://fetch.spec.whatwg.org/", "https://"))


def _tags(page: str) -> _Tags:
    parser = _Tags()
    parser.feed(page)
    parser.close()
    return parser


def check_html(text: str) -> None:
    harmless, found = _tags(FORMATS["html"][1](report("harmless"))), _tags(text)
    assert found.scripts == 1
    assert found.found <= harmless.found, "no element and no attribute that a harmless text does not cause"


def check_xml(text: str) -> None:
    root = ElementTree.fromstring(text.encode())
    assert {each.tag for each in root.iter()} <= {
        *("testsuites", "testsuite", "testcase", "failure", "error", "skipped", "system-out")
    }


def check_json(text: str) -> None:
    assert text.isascii()
    json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8")


def check_lines(text: str) -> None:
    for line in text.splitlines():
        check_json(line)


def check_text(text: str) -> None:
    assert max(map(len, text.splitlines())) < 3_000


def check_markdown(text: str) -> None:
    check_text(text)
    fences = [line for line in text.splitlines() if line.startswith("```")]
    assert len(fences) % 2 == 0, "what was opened is closed"


CHECKS: dict[str, Callable[[str], None]] = {
    "html": check_html,
    "junit": check_xml,
    "json": check_json,
    "jsonl": check_lines,
    "sarif": check_json,
    "text": check_text,
    "markdown": check_markdown,
}


def check(text: str) -> None:
    """Render a text in every format, and look at each."""
    made = report(text)
    assert len(made.flows) >= 12, "the text came into the report"
    for name, (_, render) in FORMATS.items():
        shown = render(made)
        shown.encode("utf-8")
        assert not [char for char in set(shown) if char != "\n" and not char.isprintable()], name
        CHECKS[name](shown)
        if name not in ("json", "jsonl"):
            assert len(shown) < 400_000, f"{name} cuts what is long"
    lines = "\n".join(line.text for line in summary(made))
    assert not set(lines) & set(CONTROL.replace("\n", ""))
    check_text(lines)
    assert set(re.findall(r"\x1b[^m]*m?", plain_render(made, colour=True))) <= PAINT


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_inert_in_every_format(text: str) -> None:
    check(text)


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(), min_size=1, max_size=30))
def test_any_text_is_inert_in_every_format(text: str) -> None:
    check(text)


# --- secrets ------------------------------------------------------------------------------------------------------

SECRET = "Zq7-s3cr3t-v4lue"


def with_secrets() -> list[Exchange]:
    allow = ("Access-Control-Allow-Origin", "https://app.test")
    cookie, token = ("Cookie", f"sid={SECRET}"), ("Authorization", f"Bearer {SECRET}")
    asks = ("Access-Control-Request-Method", "PUT")
    return [
        exchange([allow], [cookie, token, ("X-Api-Key", SECRET)], id="request headers"),
        exchange([allow, ("Set-Cookie", f"sid={SECRET}; Path=/")], [token], id="set-cookie"),
        exchange([("Set-Cookie", f"sid={SECRET}")], [cookie], id="blocked with cookies"),
        *(
            exchange([], [cookie], id=f"parameter {name}", url=f"https://api.test/a?x=1&{name}={SECRET}")
            for name in ("token", "key", "sig", "password", "code", "session", "access_token", "X-Amz-Signature")
        ),
        exchange([], id="user info", url=f"https://user:{SECRET}@api.test/items"),
        exchange([], id="user info, no other", url=f"https://{SECRET}@api.test:99999/items"),
        exchange([], id="fragment", url=f"https://api.test/#access_token={SECRET}"),
        exchange([], id="nested", url=f"https://api.test/?next=https%3A%2F%2Fa.test%2F%3Ftoken%3D{SECRET}"),
        exchange([allow, ("Location", f"https://u:{SECRET}@b.test/?token={SECRET}")], id="redirect", status=302),
        exchange(
            [allow, ("Location", f"https://b.test/login?token={SECRET}")],
            [asks],
            id="preflight redirect",
            method="OPTIONS",
            status=302,
        ),
        exchange([allow, ("Location", f"http://u:{SECRET}@[/?code={SECRET}")], id="broken redirect", status=302),
        exchange([("Access-Control-Allow-Origin", f"https://u:{SECRET}@app.test")], id="allow-origin with user info"),
        exchange([("Access-Control-Allow-Origin", f"https://app.test/?token={SECRET}")], id="allow-origin with query"),
        exchange([], id="origin", origin=f"https://u:{SECRET}@app.test"),
        exchange([], id="error", error=f"could not reach https://u:{SECRET}@api.test/?key={SECRET}"),
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_secrets_are_in_no_format(name: str) -> None:
    made = report_of(*with_secrets())
    assert len(made.flows) == len(with_secrets())
    shown = FORMATS[name][1](made)
    assert SECRET not in shown
    assert "REDACTED" in shown or name in ("text", "junit"), "what is left out is seen to be left out"
    assert "api.test" in shown


def test_secrets_are_not_in_the_closing_summary() -> None:
    assert SECRET not in "\n".join(line.text for line in summary(report_of(*with_secrets())))
