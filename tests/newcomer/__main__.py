"""A newcomer's hour: a page on :5173, a FastAPI server on :8000 with one mistake after the other, and the addon's word.

Each mistake is fixed by doing exactly what the diagnosis says, with mitmweb running all the time, and a real Chromium
says whether the page works then. Run by hand: ``python -m tests.newcomer [MISTAKE…]``. Exit status 1 if a fix fails.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cors_addon.report.diagnosis_text import lines_of
from tests.browser.oracle import Chromium
from tests.mitm.process import Mitmproxy, free_port, listening

PAGE_PORT, API_PORT = 5173, 8000
PAGE, API = f"http://localhost:{PAGE_PORT}", f"http://localhost:{API_PORT}"

APP = """
from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware

app = FastAPI()
{cors}

@app.get("/items")
def items():
    return []

@app.post("/items")
async def add(request: Request):
    return await request.json()

@app.post("/login")
def login(response: Response):
    response.set_cookie("session", "1")
    return {{}}

@app.get("/export")
def export():
    return Response("a,b", headers={{"Content-Disposition": 'attachment; filename="items.csv"', "X-Total-Count": "2"}})

@app.get("/boom")
def boom():
    raise ValueError("boom")

{end}
"""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What the server does wrong, in arguments of its middleware, and what the page does, in arguments of fetch().

    ``middleware`` is ``None`` where there is none. ``reads`` is a response header that the page needs; ``status`` what
    the page then gets.
    """

    name: str
    middleware: str | None
    path: str
    init: Mapping[str, Any]
    reads: str = ""
    status: int = 200


JSON = {"method": "POST", "headers": {"content-type": "application/json"}, "body": "{}"}
MISTAKES = (
    Mistake("no-cors", None, "/items", {}),
    Mistake("json-405", None, "/items", JSON),
    Mistake("other-origin", 'allow_origins=["http://localhost:3000"]', "/items", {}),
    Mistake("slash", f'allow_origins=["{PAGE}/"]', "/items", {}),
    Mistake("methods", f'allow_origins=["{PAGE}"], allow_credentials=True', "/items", JSON),
    Mistake(
        "trace-id",
        f'allow_origins=["{PAGE}"], allow_methods=["GET", "POST"]',
        "/items",
        {**JSON, "headers": {**JSON["headers"], "x-trace-id": "1"}},  # type: ignore[dict-item]
    ),
    Mistake("login", 'allow_origins=["*"]', "/login", {"method": "POST", "credentials": "include"}),
    Mistake("download", f'allow_origins=["{PAGE}"]', "/export", {}, reads="content-disposition"),
    Mistake("crash", f'allow_origins=["{PAGE}"]', "/boom", {}, status=500),
)

DOCUMENT = """<!doctype html><meta charset="utf-8"><title>newcomer</title><script>
fetch(%(url)s, %(init)s).then(
  (response) => ({status: response.status, reads: response.headers.get(%(reads)s || "none")}),
  (error) => ({error: String(error)}),
).then((told) => { window.told = JSON.stringify(told); });
</script>"""


class _Page(http.server.BaseHTTPRequestHandler):
    document = b""

    def do_GET(self) -> None:
        found = self.path == "/"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(self.document if found else b"")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def page_server() -> Iterator[None]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PAGE_PORT), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def api_server(cors: str, end: str) -> Iterator[str]:
    """Serve the application with one text in place of its middleware, and one at its end; gives the source."""
    with tempfile.TemporaryDirectory() as folder:
        source = APP.format(cors=cors, end=end)
        Path(folder, "main.py").write_text(source)
        command = [sys.executable, "-W", "ignore", "-m", "uvicorn", "main:app", "--port", str(API_PORT)]
        with open(Path(folder, "log"), "w+") as log:
            running = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
            try:
                _await_port(running, log)
                yield source
            finally:
                running.terminate()
                running.wait(10)


def _await_port(running: subprocess.Popen[bytes], log: Any) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{API}/items", timeout=1).close()
            return
        if running.poll() is not None:
            break
        time.sleep(0.1)
    log.seek(0)
    raise RuntimeError(f"uvicorn does not serve:\n{log.read()}")


class Mitmweb:
    """The commands of a running mitmweb, as its command bar gives them."""

    def __init__(self, port: int) -> None:
        self._at = f"http://127.0.0.1:{port}"

    def call(self, command: str, *arguments: str) -> Any:
        """Run a command; raises ``RuntimeError`` with its sentence."""
        xsrf = "00" * 16
        headers = {
            "Authorization": "Bearer secret",
            "Content-Type": "application/json",
            "Cookie": f"_mitmproxy_xsrf={xsrf}",
            "X-XSRFToken": xsrf,
        }
        body = json.dumps({"arguments": list(arguments)}).encode()
        request = urllib.request.Request(f"{self._at}/commands/{command}", body, headers)
        answer = json.loads(urllib.request.urlopen(request).read())
        if "error" in answer:
            raise RuntimeError(f"{command}: {answer['error']}")
        return answer["value"]


def diagnoses(web: Mitmweb, folder: Path) -> list[dict[str, Any]]:
    path = folder / "now.json"
    web.call("cors.report", str(path))
    found: list[dict[str, Any]] = json.loads(path.read_text())["diagnoses"]
    return found


def unblocked(mistake: Mistake, web: Mitmweb, visit: Callable[[], bool], folder: Path) -> bool:
    """Take the short ways, a ticket and a rule that is taken back; say whether both do what they are for."""
    ticket = folder / "ticket.md"
    print(f"--- cors.ticket: {web.call('cors.ticket', mistake.path, str(ticket))}")
    has_curl = "curl" in ticket.read_text()
    print(f"--- cors.rules.add: {web.call('cors.rules.add', mistake.path)[-2:]}")
    works = visit()
    web.call("cors.rules.undo")
    web.call("cors.inject", "off")
    print(f"--- with the rule: {'works' if works else 'fails'}; ticket with curl: {has_curl}", flush=True)
    return works and has_curl


def run(mistake: Mistake, web: Mitmweb, browser: Chromium, folder: Path) -> bool:
    print(f"\n{'=' * 20} {mistake.name}: {mistake.middleware or 'no middleware'}\n", flush=True)
    web.call("cors.clear")
    middleware = mistake.middleware
    cors = "" if middleware is None else f"app.add_middleware(CORSMiddleware, {middleware})"
    _Page.document = (
        DOCUMENT
        % {
            "url": json.dumps(f"{API}{mistake.path}"),
            "init": json.dumps(mistake.init),
            "reads": json.dumps(mistake.reads),
        }
    ).encode()
    end, short = "", True

    def visit() -> bool:
        told = json.loads(str(browser.visit(f"{PAGE}/", until="window.told ?? null", seconds=60).result))
        print(f"the page gets: {told}", flush=True)
        return told.get("status") == mistake.status and bool(not mistake.reads or told["reads"])

    works = False
    for attempt in range(3):
        with api_server(cors, end):
            works = visit()
            if works:
                break
            found = diagnoses(web, folder)
            if not attempt and found[0]["severity"] in ("blocked", "conditional"):
                short = unblocked(mistake, web, visit, folder)
        for diagnosis in found[: 2 if attempt else None]:
            print("\n".join(lines_of(diagnosis, most=100)), end="\n\n", flush=True)
        snippets = [step["snippet"]["text"] for each in found for step in each["plan"] if step["snippet"]]
        exposed = [
            line.partition(": ")[2]
            for each in found
            for step in each["plan"]
            for entry in step["send"]
            for line in entry["headers"]
            if line.startswith("Access-Control-Expose-Headers: ")
        ]
        if not snippets and exposed and middleware is not None:
            # The header that is to be sent, in the words of the middleware that is there.
            cors = f"app.add_middleware(CORSMiddleware, {middleware}, expose_headers={exposed[0].split(', ')})"
            continue
        if not snippets:
            print("nothing to paste")
            break
        end = snippets[0]
        if "remove all other code" in end or "Remove" in end:
            cors = ""
        print(f"--- round {attempt + 1}: pasted{' in place of the middleware' if not cors else ''}")
    print(f"{'WORKS' if works else 'FAILS'}  {mistake.name}", flush=True)
    return works and short


def main() -> int:
    wanted = sys.argv[1:]
    port = free_port()
    options = ["web_open_browser=false", f"web_port={port}", "web_host=127.0.0.1", "web_password=secret"]
    with contextlib.ExitStack() as keep:
        folder = Path(keep.enter_context(tempfile.TemporaryDirectory(prefix="newcomer-")))
        proxy = keep.enter_context(Mitmproxy(folder, *listening(), tool="mitmweb", options=options))
        proxy.wait_for(r"Web server listening at")
        web = Mitmweb(port)
        keep.enter_context(page_server())
        browser = keep.enter_context(Chromium(proxy))
        chosen = [each for each in MISTAKES if not wanted or each.name in wanted]
        worked = [run(each, web, browser, folder) for each in chosen]
        print(proxy.output)
    return 0 if all(worked) else 1


if __name__ == "__main__":
    sys.exit(main())
