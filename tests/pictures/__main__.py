"""Make the pictures anew: python -m tests.pictures (it needs Chromium; look at what it made before you commit it)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.oracle import program
from tests.capture.captures import flow_file
from tests.mitm.process import ROOT, free_port
from tests.pictures.sample import HERE, SELECTED, flows, stamped, stamps

SIZE = {"width": 1280, "height": 720}
PASSWORD = "pictures"


def mitmweb(browser: Browser, port: int) -> bytes:
    page = browser.new_page(viewport=SIZE)
    page.goto(f"http://127.0.0.1:{port}/?token={PASSWORD}#/flows")
    page.get_by_text(f"/{SELECTED}").first.click()
    page.get_by_role("link", name="Response").click()
    page.locator("pre", has_text="BLOCKED").first.wait_for()
    page.mouse.move(0, SIZE["height"] - 1)
    return page.screenshot()


def live_page(browser: Browser, port: int) -> bytes:
    page = browser.new_page(viewport=SIZE, proxy={"server": f"http://127.0.0.1:{port}"})
    page.goto("http://cors.addon/")
    page.locator(".card summary", has_text=SELECTED).first.click()
    page.locator(".card", has_text=SELECTED).first.scroll_into_view_if_needed()
    return page.screenshot()


def main() -> int:
    proxy_port, web_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "sample.mitm"
        saved.write_bytes(flow_file(flows()))
        options = [
            f"confdir={folder}/conf",
            "web_open_browser=false",
            "termlog_verbosity=error",
            f"web_password={PASSWORD}",
            f"rfile={saved}",
        ]
        options += [f"web_columns={column}" for column in ("method", "path", "status", "comment")]
        command = [Path(sys.executable).with_name("mitmweb"), "-s", ROOT / "cors_addon" / "addon.py", "-q"]
        command += ["--listen-host", "127.0.0.1", "-p", str(proxy_port), "--web-port", str(web_port)]
        command += [word for option in options for word in ("--set", option)]
        running = subprocess.Popen(command)
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{web_port}/?token={PASSWORD}", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.1)
            time.sleep(2)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
                made = {"mitmweb": mitmweb(browser, web_port), "live-page": live_page(browser, proxy_port)}
                browser.close()
        finally:
            running.terminate()
            running.wait()
    for name, stamp in stamps().items():
        (HERE / f"{name}.png").write_bytes(stamped(made[name], stamp))
        print(HERE / f"{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
