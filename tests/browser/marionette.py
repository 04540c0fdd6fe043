"""Marionette, Firefox's own remote protocol: https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html"""

from __future__ import annotations

import json
import socket
from typing import Any

from tests.browser.observed import PATIENCE, BrowserError


class Marionette:
    """Messages are `LENGTH:JSON`; a command is [0, number, name, parameters], an answer [1, number, error, result]."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 2 * PATIENCE)
        self._reader = self._socket.makefile("rb")
        self._number = 0
        self._receive()  # its greeting

    def close(self) -> None:
        self._reader.close()
        self._socket.close()

    def _receive(self) -> Any:
        size = b""
        while (byte := self._reader.read(1)) != b":":
            if not byte:
                raise BrowserError("firefox: ended unexpectedly")
            size += byte
        return json.loads(self._reader.read(int(size)))

    def __call__(self, name: str, params: dict[str, object]) -> Any:
        self._number += 1
        message = json.dumps([0, self._number, name, params]).encode()
        self._socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._receive()
        if error:
            raise BrowserError(f"firefox: {name}: {error.get('error')}: {error.get('message')}")
        return result
