"""Marionette, Firefox's own remote protocol: https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html"""

import asyncio
import json
from typing import Any


class MarionetteError(Exception):
    """Firefox refused a command."""


class Marionette:
    """Messages are ``LENGTH:JSON``; a command is [0, number, name, parameters], its answer [1, number, error, result].

    One command at a time; ``call`` raises ``MarionetteError``, or ``OSError`` where Firefox has ended.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, port: int) -> "Marionette":
        """Connect, and take the server's greeting."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        marionette = cls(reader, writer)
        await marionette._receive()
        return marionette

    async def call(self, name: str, **params: Any) -> Any:
        """Send a command; return its result."""
        async with self._turn:
            self._number += 1
            message = json.dumps([0, self._number, name, params]).encode()
            self._writer.write(b"%d:%s" % (len(message), message))
            while True:
                _, number, error, result = await self._receive()
                if number == self._number:
                    break
        if error:
            raise MarionetteError(f"{error.get('error')}: {error.get('message')}")
        return result

    async def _receive(self) -> Any:
        try:
            size = await self._reader.readuntil(b":")
            return json.loads(await self._reader.readexactly(int(size[:-1])))
        except (asyncio.IncompleteReadError, ValueError) as error:
            raise ConnectionError("Firefox closed the connection") from error

    def close(self) -> None:
        self._writer.close()
