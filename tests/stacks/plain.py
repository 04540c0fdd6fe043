"""A client that sends what a browser sends, over plain HTTP, and decides by a check of its own what a page gets."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from tests.stacks.cases import COOKIE, PAGE, Case

PLAIN = "plain"
AT_ONCE = 8
SAFELISTED = ("GET", "HEAD", "POST")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


class Plain:
    """Visits servers through the proxy as browsers' drivers do."""

    version = "plain HTTP"

    def __init__(self, port: int, cases: Mapping[str, Case]) -> None:
        self._port = port
        self._cases = cases

    def visit(self, _url: str, _done: str) -> SimpleNamespace:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = pool.map(self._one, self._cases)
        return SimpleNamespace(result=json.dumps(dict(zip(self._cases, results, strict=True))))

    def _one(self, host: str) -> dict[str, object]:
        case = self._cases[host]
        ok = False
        for load in case.loads(host):
            ok = self._fetch(str(load["url"]), load["init"], case.credentials)
        return {"ok": ok}

    def _fetch(self, url: str, init: Any, credentials: bool) -> bool:
        method, headers = init.get("method", "GET"), init.get("headers", {})
        if method not in SAFELISTED or headers:
            asks = {"Access-Control-Request-Method": method}
            if headers:
                asks["Access-Control-Request-Headers"] = ",".join(sorted(headers))
            status, answer = self._send("OPTIONS", url, asks)
            if not 200 <= status <= 299 or not _allows(answer, credentials):
                return False
            if method not in SAFELISTED and not _lists(answer, "methods", method, credentials):
                return False
            if not all(_lists(answer, "headers", name, credentials) for name in headers):
                return False
        cookie = {"Cookie": COOKIE.partition(";")[0]} if credentials else {}
        return _allows(self._send(method, url, {**headers, **cookie})[1], credentials)

    def _send(self, method: str, url: str, headers: Mapping[str, str]) -> tuple[int, list[tuple[str, str]]]:
        fetched = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "empty"}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            lines = {"Origin": PAGE, "Referer": f"{PAGE}/", "User-Agent": AGENT, **fetched, **headers}
            connection.request(method, url, headers=lines)
            response = connection.getresponse()
            response.read()
            return response.status, [(name.lower(), value) for name, value in response.getheaders()]
        finally:
            connection.close()


def _of(answer: list[tuple[str, str]], name: str) -> list[str]:
    return [value for each, value in answer if each == f"access-control-allow-{name}"]


def _allows(answer: list[tuple[str, str]], credentials: bool) -> bool:
    if credentials:
        return _of(answer, "origin") == [PAGE] and _of(answer, "credentials") == ["true"]
    return _of(answer, "origin") in ([PAGE], ["*"])


def _lists(answer: list[tuple[str, str]], name: str, wanted: str, credentials: bool) -> bool:
    listed = [one.strip() for value in _of(answer, name) for one in value.split(",")]
    if name == "headers":
        listed = [one.lower() for one in listed]
    return wanted in listed or ("*" in listed and not credentials and wanted != "authorization")
