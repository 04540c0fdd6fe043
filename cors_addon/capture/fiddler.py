"""Sessions of Fiddler (``.saz``): a zip file with a request, a response and times for each exchange, as raw text.

``raw/N_c.txt`` is what the client sent, ``raw/N_s.txt`` what the server sent, ``raw/N_m.xml`` the times.
"""

import lzma
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

_SENT: Final = re.compile(r"raw/(\d{1,9})_c\.txt", re.IGNORECASE)
_HEAD: Final = 1 << 18
"""How many bytes of a message are read: heads are shorter, and bodies say nothing."""

_STATUS: Final = re.compile(r"[0-9]{1,9}")
_DAMAGED: Final = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError),
    *(ValueError, NotImplementedError, RuntimeError),
)
"""What reading a member ends in: broken data, a name that is none, a compression that nobody knows, a password."""

_TIME: Final = re.compile(r'\b(ClientBeginRequest|ServerDoneResponse)="([^"]{1,60})"')
_FRACTION: Final = re.compile(r"(\.\d{6})\d+")


def is_of_fiddler(names: Iterable[str]) -> bool:
    """Say whether the names in a zip file are those of a Fiddler session."""
    return any(_SENT.fullmatch(name) for name in names)


def entries_of_fiddler(archive: zipfile.ZipFile) -> Iterator[dict[str, Any] | None]:
    """Yield each exchange as the entry of a HAR, without bodies, in the order of its number; ``None`` if damaged."""
    names = {name.lower(): name for name in archive.namelist()}
    found = [(int(match[1]), name) for name in names.values() if (match := _SENT.fullmatch(name))]
    for _, name in sorted(found):
        try:
            entry = _entry(archive, names, name)
        except _DAMAGED:
            entry = None
        if entry is None or entry["request"]["method"] != "CONNECT":
            yield entry


def _entry(archive: zipfile.ZipFile, names: dict[str, str], name: str) -> dict[str, Any]:
    base = name[: -len("_c.txt")].lower()
    first, asked = _message(_text(archive, name))
    method, _, rest = first.partition(" ")
    url, _, version = rest.rpartition(" ")
    answer = names.get(f"{base}_s.txt")
    status, answered = _message(_text(archive, answer)) if answer else ("", [])
    times = names.get(f"{base}_m.xml")
    began = dict(_TIME.findall(_text(archive, times))) if times else {}
    code = status.split(" ")[1:2]
    return {
        "startedDateTime": _FRACTION.sub(r"\1", began.get("ClientBeginRequest", "")),
        "request": {"method": method, "url": url, "httpVersion": version, "headers": asked},
        "response": {"status": int(code[0]) if code and _STATUS.fullmatch(code[0]) else 0, "headers": answered},
    }


def _text(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as member:
        return member.read(_HEAD).decode("latin-1")


def _message(text: str) -> tuple[str, list[dict[str, str]]]:
    head = text.partition("\r\n\r\n")[0]
    first, *lines = head.split("\r\n")
    pairs = (line.partition(":") for line in lines if ":" in line)
    return first, [{"name": name, "value": value.strip(" \t")} for name, _, value in pairs]
