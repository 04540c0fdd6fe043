"""No secret that passes the proxy gets into anything that the addon writes or shows."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from mitmproxy import http
from mitmproxy.flow import Error

from cors_addon.__main__ import main
from cors_addon.mitm.contentview import text_for
from cors_addon.report.formats import SUFFIXES
from tests.capture.captures import flow_file
from tests.mitm.injecting import rule, written
from tests.mitm.support import APP, cors_get, make_flow, make_response, preflight
from tests.page.test_page import browser

SECRET = "Zq7s3cr3tv4lue"
JWT = f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI{SECRET}.c2ln{SECRET}"
ALLOW = f"Access-Control-Allow-Origin: {APP}"
HEADERS = ("Cookie", "Authorization", "Proxy-Authorization", "X-Api-Key", "X-CSRF-Token", "X-Amz-Security-Token", "Sid")


def flows() -> Iterator[http.HTTPFlow]:
    """Make flows that carry secrets wherever browsers and servers put them, blocked, allowed and redirected."""
    for status, answer in ((200, ()), (200, (ALLOW,)), (401, ()), (302, (f"Location: http://u:{SECRET}@b.test/",))):
        for name in HEADERS:
            value = f"Bearer {JWT}" if "Auth" in name else f"id={SECRET}"
            response = make_response(status, *answer, f"Set-Cookie: sid={SECRET}; Path=/", body=SECRET.encode())
            yield make_flow(f"Origin: {APP}", f"{name}: {value}", response=response)
    for url in (
        f"http://api.test/a?token={SECRET}&x=1",
        f"http://api.test/a?next={quote(f'http://b.test/?access_token={SECRET}', safe='')}",
        f"http://api.test/a#{JWT}",
        f"http://api.test/{JWT}/a",
        f"http://api.test/a?state=x&code={SECRET}",
        f"http://api.test/a?sig={SECRET}",
    ):
        yield cors_get(url=url)
        yield preflight(url=url)
        yield make_flow(f"Origin: {APP}", f"Referer: {url}", response=make_response(200))
        yield cors_get(f"Location: {url}", status=302)
        yield preflight(ALLOW, f"Location: {url}", status=302)
        yield cors_get(f"Access-Control-Allow-Origin: {url}")
        error = make_flow(f"Origin: {APP}")
        error.error = Error(f"cannot reach {url}")
        yield error
    yield cors_get(origin=f"http://u:{SECRET}@app.test")
    yield preflight(ALLOW, f"Set-Cookie: sid={SECRET}")


def hidden(text: str) -> bool:
    return SECRET not in text


@pytest.fixture(params=[False, True], ids=["judged", "injected"])
def shown(request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> dict[str, str]:
    """Return all that the addon shows of such flows, by where."""
    caplog.set_level(logging.DEBUG)
    rules = tmp_path / "rules.yaml"
    rules.write_text(written(rule(allow_credentials=True)), encoding="utf-8")
    paths = {ending: tmp_path / f"cors{ending}" for ending in SUFFIXES}
    seen: dict[str, str] = {}
    options = {"cors_report": [str(path) for path in paths.values()], "cors_rules": str(rules)}
    with browser(**options, cors_inject=bool(request.param)) as page:
        given = list(flows())
        for each in given:
            page.through.send(each)
        commands = page.through.addon.commands
        seen["comments"] = "\n".join(each.comment for each in given)
        seen["metadata"] = "\n".join(json.dumps(each.metadata) for each in given)
        seen["content view"] = "\n".join(map(text_for, given))
        seen["cors.explain"] = json.dumps(commands.explain(given))
        seen["cors.status"] = json.dumps(commands.status())
        seen["cors.rules.suggest"] = json.dumps(commands.rules_suggest(given))
        seen["live page"] = page.open()
        seen["live page's data"] = json.dumps(page.data())
    seen["log"] = "\n".join(record.getMessage() for record in caplog.records if record.name == "cors_addon")
    for ending, path in paths.items():
        seen[f"report{ending}"] = path.read_text(encoding="utf-8")
    return seen


def test_no_secret_is_shown_anywhere(shown: dict[str, str]) -> None:
    assert [where for where, text in shown.items() if not hidden(text)] == []
    assert all(len(text) > 50 for text in shown.values()), "there was something to show everywhere"


@pytest.mark.parametrize("ending", SUFFIXES)
def test_nor_by_check(ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = tmp_path / "capture.mitm"
    capture.write_bytes(flow_file(flows()))
    output = tmp_path / f"out{ending}"
    main(["check", str(capture), "--output", str(output)])
    main(["check", str(capture)])
    printed = capsys.readouterr()
    assert hidden(output.read_text(encoding="utf-8"))
    assert hidden(printed.out + printed.err)
