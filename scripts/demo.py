"""Show what the addon finds: a page, an API with one fault an endpoint, and a browser that goes through the proxy.

usage: python3 scripts/demo.py [--web]
  --web   use mitmweb and leave it open to look at, until Ctrl-C
"""

import argparse
import http.server
import json
import os
import socketserver
import subprocess
import sys
import threading
import time
from typing import List, NamedTuple, Optional, Tuple

# Python with -I or -P does not look beside the script by itself.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import environment

Headers = List[Tuple[str, str]]
PATIENCE = 60.0


class Answer(NamedTuple):
    """What an endpoint sends; PAGE in a value stands for the page's origin."""

    status: int
    headers: Headers


class Endpoint(NamedTuple):
    """An endpoint with its fault: the script's fetch() options, the preflight's answer, the answer itself."""

    name: str
    fetch: str
    preflight: Answer
    answer: Answer


ALLOW: Headers = [("Access-Control-Allow-Origin", "PAGE"), ("Vary", "Origin")]
GRANT = [*ALLOW, ("Access-Control-Allow-Methods", "GET, POST, PUT"), ("Access-Control-Allow-Headers", "Content-Type")]
FINE = Answer(204, GRANT)
JSON_PUT = "{method: 'PUT', headers: {'Content-Type': 'application/json'}, body: '{}'}"
ENDPOINTS = [
    Endpoint("healthy", "{}", FINE, Answer(200, ALLOW)),
    Endpoint("no-header", "{}", FINE, Answer(200, [])),
    Endpoint("gateway-error", "{}", FINE, Answer(503, [("Server", "nginx")])),
    Endpoint("trailing-slash", "{}", FINE, Answer(200, [("Access-Control-Allow-Origin", "PAGE/")])),
    Endpoint("two-layers", "{}", FINE, Answer(200, [*ALLOW, ("Access-Control-Allow-Origin", "*")])),
    Endpoint("star-and-cookie", "{credentials: 'include'}", FINE, Answer(200, [("Access-Control-Allow-Origin", "*")])),
    Endpoint("options-meets-login", JSON_PUT, Answer(401, [("WWW-Authenticate", "Bearer")]), Answer(200, ALLOW)),
    Endpoint("options-redirected", JSON_PUT, Answer(301, [*ALLOW, ("Location", "/items/")]), Answer(200, ALLOW)),
    Endpoint("method-not-listed", "{method: 'DELETE'}", FINE, Answer(200, ALLOW)),
    Endpoint(
        "header-typo",
        "{headers: {'X-Api-Version': '2'}}",
        Answer(204, [*ALLOW, ("Access-Control-Allow-Headers", "X-Api-Verison")]),
        Answer(200, ALLOW),
    ),
    Endpoint("header-not-exposed", "{}", FINE, Answer(200, [*ALLOW, ("X-Total-Count", "512")])),
]

PAGE = """<!doctype html><meta charset="utf-8"><title>A page that calls an API</title><pre id="out"></pre>
<script type="module">
const calls = [CALLS];
for (const [name, options] of calls) {
  const line = await fetch("API/" + name, options).then(r => "status " + r.status, e => String(e));
  document.getElementById("out").append(name + ": " + line + "\\n");
}
document.title = "done";
fetch("/done");
</script>"""


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Page and API in one; which of them is asked goes by the port."""

    daemon_threads = True
    page = ""
    page_origin = ""
    done: Optional[threading.Event] = None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _send(self, answer: Answer, body: bytes = b"") -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value.replace("PAGE", self.server.page_origin))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _endpoint(self) -> Optional[Endpoint]:
        return next((endpoint for endpoint in ENDPOINTS if self.path == "/" + endpoint.name), None)

    def do_OPTIONS(self) -> None:
        endpoint = self._endpoint()
        self._send(endpoint.preflight if endpoint else Answer(404, []))

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        endpoint = self._endpoint()
        if endpoint is not None:
            self._send(
                endpoint.answer._replace(headers=[*endpoint.answer.headers, ("Content-Type", "text/plain")]), b"x"
            )
        elif self.path == "/":
            self._send(Answer(200, [("Content-Type", "text/html")]), self.server.page.encode())
        else:
            self._send(Answer(204, []))
            if self.path == "/done" and self.server.done is not None:
                self.server.done.set()

    do_PUT = do_DELETE = do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


def serve() -> Tuple[str, threading.Event]:
    """Start page and API on free ports; return the page's URL, and what is set once its calls are through."""
    servers = [Server(("127.0.0.1", 0), Handler) for _ in range(2)]
    page, api = (server.server_address[1] for server in servers)
    calls = ", ".join(f"[{json.dumps(endpoint.name)}, {endpoint.fetch}]" for endpoint in ENDPOINTS)
    done = threading.Event()
    for server in servers:
        server.page_origin = f"http://localhost:{page}"
        server.page = PAGE.replace("CALLS", calls).replace("API", f"http://127.0.0.1:{api}")
        server.done = done
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://localhost:{page}/", done


def work(words: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--web", action="store_true", help="use mitmweb and leave it open")
    chosen = parser.parse_args(words)
    made = environment.ensure()
    url, done = serve()
    tool = "mitmweb" if chosen.web else "mitmdump"
    command = [made.tool("cors-addon"), "run", tool, "--browser", "--headless", url]
    command += ["--listen-host", "127.0.0.1", "-p", "0"]
    if chosen.web:
        command += ["--set", "web_port=8081"]
        for column in ("icon", "method", "path", "status", "comment"):
            command += ["--set", "web_columns=" + column]
    else:
        command += ["--flow-detail", "0", "--set", "termlog_verbosity=alert"]
    proxy = subprocess.Popen(command)
    try:
        end = time.monotonic() + PATIENCE
        while not done.wait(0.2):
            if proxy.poll() is not None:
                return 1  # What it printed above says why.
            if time.monotonic() > end:
                environment.say("cors-addon: the browser did not finish its calls within a minute; try once more.")
                return 1
        time.sleep(2)  # The browser has its last words on these calls now.
        if chosen.web:
            environment.say("cors-addon: %d endpoints were called; Ctrl-C ends mitmweb." % len(ENDPOINTS))
            return proxy.wait()
        return 0
    except KeyboardInterrupt:
        return 0
    finally:
        proxy.terminate()
        proxy.wait(20)


if __name__ == "__main__":
    environment.main(work)
