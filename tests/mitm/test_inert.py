"""Whatever the wire says, mitmproxy shows it everywhere as a text, on its line, of a bearable length."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from mitmproxy import http
from mitmproxy.io import FlowWriter

from cors_addon.__main__ import main
from cors_addon.mitm.contentview import text_for
from cors_addon.report.formats import FORMATS
from cors_addon.rules.decode import read_rules
from tests.mitm.support import APP, Proxy, logged, make_flow, make_response, proxy
from tests.page.test_page import browser
from tests.report.test_inert import CHECKS, HOSTILE

LONGEST_LINE = 4_000
RULES = "version: 1\nrules:\n"


def raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def flows(text: str) -> list[http.HTTPFlow]:
    """Return flows that hold a text wherever a message can, as mitmproxy reads them from the wire or from a file."""
    value = raw(text)
    allow = (b"Access-Control-Allow-Origin", APP.encode())
    asks = f"Origin: {APP}"
    at = iter(range(1_000, 2_000, 10))

    def made(
        *asked: str | tuple[bytes, bytes],
        answer: tuple[tuple[bytes, bytes], ...] = (),
        status: int = 200,
        method: str | bytes = "GET",
    ) -> http.HTTPFlow:
        return make_flow(*asked, method=method, response=make_response(status, *answer), at=float(next(at)))

    path = made(asks)
    path.request.data.path = b"/" + value + b"?" + value
    host = made(asks)
    host.request.data.host = value.decode("utf-8", "replace")
    host.request.data.headers = http.Headers([*host.request.headers.fields, (b"Host", value)])
    preflight = (b"Access-Control-Request-Method", b"PUT")
    return [
        made(asks, answer=((b"Access-Control-Allow-Origin", value),)),
        made(asks, answer=((b"Access-Control-Allow-Origin", value), allow)),
        made(asks, "Cookie: a=b", answer=(allow, (b"Access-Control-Allow-Credentials", value))),
        made(asks, answer=(allow, (b"X-" + value, value), (b"Access-Control-Expose-Headers", value))),
        path,
        host,
        made((b"Origin", value)),
        made((b"Origin", b"https://" + value + b".test")),
        made(asks, method=value),
        made(asks, answer=(allow, (b"Location", b"https://" + value + b"@b.test/" + value)), status=302),
        made(asks, answer=((b"Server", value), (b"X-Powered-By", value), (b"Via", value)), status=502),
        made(asks, preflight, answer=(allow, (b"Access-Control-Allow-Methods", value)), status=204, method="OPTIONS"),
        made(
            asks,
            preflight,
            (b"Access-Control-Request-Headers", value),
            answer=(allow, (b"Access-Control-Allow-Methods", b"PUT"), (b"Access-Control-Allow-Headers", value)),
            status=204,
            method="OPTIONS",
        ),
        made(asks, (b"Access-Control-Request-Method", value), answer=(allow,), status=204, method="OPTIONS"),
        made(asks, preflight, answer=(allow, (b"Access-Control-Max-Age", value)), status=204, method="OPTIONS"),
    ]


def assert_inert(line: str, where: str) -> None:
    unseen = sorted({char for char in line if not char.isprintable()})
    assert not unseen, f"{where} holds {unseen} as they are"
    assert len(line) <= LONGEST_LINE, f"{where} has a line of {len(line)} characters"


class Elements(HTMLParser):
    """The elements of a page, each with the names of its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found |= {(tag, name) for name, _ in attributes} | {(tag, "")}


def shown(running: Proxy, sent: list[http.HTTPFlow]) -> Iterator[tuple[str, str]]:
    """Yield every text that mitmproxy's front ends get to show, with the place where they show it."""
    for flow in sent:
        yield from (("comment", line) for line in flow.comment.split("\n"))
        yield "mark", flow.marked
        yield from (("CORS view", line) for line in text_for(flow).split("\n"))
        for key in ("cors.outcome", "cors.findings", "cors.rule"):
            yield key, flow.metadata.get(key, "")
    commands = running.addon.commands
    for rows, where in (
        (commands.explain(sent), "cors.explain"),
        (commands.status(), "cors.status"),
        (commands.rules_suggest(sent), "cors.rules.suggest"),
    ):
        yield from ((where, cell) for row in rows for cell in row)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_inert_wherever_mitmproxy_shows_them(text: str, caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        sent = flows(text)
        for flow in sent:
            running.send(flow)
        judged = [flow for flow in sent if "cors" in flow.metadata]
        assert len(judged) >= 10, "the text came into verdicts"
        for where, line in shown(running, judged):
            assert_inert(line, where)
    assert not [line for line in logged(caplog) if "a fault of its own" in line]
    told = logged(caplog)
    assert len(told) > 10
    for line in told:
        assert_inert(line, "the log")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_suggested_rule_is_a_rule_and_nothing_else(text: str) -> None:
    with proxy() as running:
        sent = flows(text)
        for flow in sent:
            running.send(flow)
        rows = running.addon.commands.rules_suggest(sent)
    source = RULES + "\n".join(row[0] for row in rows[1:])
    reading = read_rules(source.encode())
    assert reading.rules is not None, reading.problems
    known = {
        "name",
        "hosts",
        "paths",
        "methods",
        "allow_origins",
        "allow_credentials",
        "allow_headers",
        "allow_methods",
    }
    for rule in yaml.safe_load(source)["rules"]:
        assert set(rule) <= known
        assert all(isinstance(value, (str, bool, list)) for value in rule.values())


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_make_no_element_of_the_live_page(text: str) -> None:
    pages = []
    for content in (text, "harmless"):
        with browser() as page:
            for flow in flows(content):
                page.through.send(flow)
            pages.append(page.open())
    hostile, harmless = pages
    assert Elements(hostile).found <= Elements(harmless).found
    assert not [char for char in hostile if char != "\n" and not char.isprintable()]
    assert len(hostile) < 2_000_000


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_captures_are_inert_in_every_format_of_check(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = tmp_path / "hostile.mitm"
    with capture.open("wb") as file:
        writer = FlowWriter(file)
        for flow in flows(text):
            flow.live = False
            writer.add(flow)
    for name in FORMATS:
        assert main(["check", str(capture), "--format", name]) == 1
        printed, told = capsys.readouterr()
        assert not {char for char in printed + told if char != "\n" and not char.isprintable()}, name
        CHECKS[name](printed)
