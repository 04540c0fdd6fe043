"""A browser that the addon starts, with an extension in it that blocks a request: the report says so."""

from __future__ import annotations

import json
import stat
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.browser.oracle import program
from tests.browser.server import Answer, Seen
from tests.browser.test_started import HTML, LATE, started_by, until

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(600)]

PAGE = b"""<!doctype html><script>
async function go() {
  await fetch('http://api.test/advert').catch(() => 0);
  await fetch('/done');
}
addEventListener('load', () => setTimeout(go, 2000));
</script>"""

RULES = [{"id": 1, "action": {"type": "block"}, "condition": {"urlFilter": "/advert"}}]
FOR_CHROMIUM = {
    "manifest.json": {
        "manifest_version": 3,
        "name": "blocker",
        "version": "1",
        "permissions": ["declarativeNetRequest"],
        "declarative_net_request": {"rule_resources": [{"id": "one", "enabled": True, "path": "rules.json"}]},
    },
    "rules.json": RULES,
}
FOR_FIREFOX = {
    "manifest.json": {
        "manifest_version": 2,
        "name": "blocker",
        "version": "1",
        "permissions": ["webRequest", "webRequestBlocking", "http://*/*"],
        "background": {"scripts": ["background.js"]},
        "browser_specific_settings": {"gecko": {"id": "blocker@example.test"}},
    },
}
BACKGROUND = """\
browser.webRequest.onBeforeRequest.addListener(
  () => ({cancel: true}), {urls: ['http://api.test/advert*']}, ['blocking']);
"""
WRAPPER = """\
#!{python}
import os, shutil, sys
words = sys.argv[1:]
if {gecko!r}:
    profile = words[words.index("--profile") + 1]
    os.makedirs(os.path.join(profile, "extensions"), exist_ok=True)
    shutil.copy({extension!r}, os.path.join(profile, "extensions", "blocker@example.test.xpi"))
    with open(os.path.join(profile, "user.js"), "a", encoding="utf-8") as file:
        file.write('user_pref("xpinstall.signatures.required", false);user_pref("extensions.autoDisableScopes", 0);')
else:
    words.insert(0, "--load-extension=" + {extension!r})
os.execv({program!r}, [{program!r}, *words])
"""


def wrapped(folder: Path, browser: str) -> str:
    """Write a program that starts a browser with the extension, as a user of one would have it."""
    files: dict[str, Any] = FOR_CHROMIUM if browser == "chromium" else FOR_FIREFOX
    made = folder / "extension"
    made.mkdir()
    for name, content in files.items():
        (made / name).write_text(json.dumps(content), encoding="utf-8")
    extension = made
    if browser == "firefox":
        (made / "background.js").write_text(BACKGROUND, encoding="utf-8")
        extension = folder / "blocker.xpi"
        with zipfile.ZipFile(extension, "w") as archive:
            for each in made.iterdir():
                archive.write(each, each.name)
    wrapper = folder / browser
    wrapper.write_text(
        WRAPPER.format(
            python=sys.executable, gecko=browser == "firefox", extension=str(extension), program=program(browser)
        )
    )
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    return str(wrapper)


def route(seen: Seen) -> Answer:
    return Answer(200, HTML, PAGE) if seen.target == "/" else Answer(200, (("Access-Control-Allow-Origin", "*"),), b"x")


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_an_extension_that_blocks_is_named(browser: str, tmp_path: Path) -> None:
    command = f"{browser} --headless --browser-command {wrapped(tmp_path, browser)} http://app.test/"
    with started_by(browser, command, route) as (proxy, _):
        assert proxy.server is not None
        asked = proxy.server.seen
        until(lambda: any(each.target == "/done" for each in asked), "the page's end")
        assert not any(each.target == "/advert" for each in asked)
        time.sleep(LATE)
        proxy.stop()
        made = json.loads(proxy.report.read_text())
    (entry,) = [each for each in made["unsent"] if each["url"].endswith("/advert")]
    assert entry["reason"] == "extension"
    assert "extension" in entry["help"]
    assert entry["initiator"]["url"] == "http://app.test/"
