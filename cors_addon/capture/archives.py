"""What a zip file holds that can be judged: HARs, Playwright's traces, flow files, a session of Fiddler."""

import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from .error import CaptureError
from .fiddler import is_of_fiddler

_CHUNK: Final = 1 << 17
_MOST_MEMBERS: Final = 100_000
_BY_NAME: Final = (".network", ".har", ".json", ".mitm", ".flow", ".flows")


def archive_of(raw: BinaryIO) -> zipfile.ZipFile:
    """Open a zip file. Raises ``CaptureError`` where it is none, or holds nothing to judge."""
    try:
        archive = zipfile.ZipFile(raw)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as exc:
        raise CaptureError(f"it begins as a zip file and is damaged ({exc}); save or download it again") from exc
    names = archive.namelist()
    if len(names) > _MOST_MEMBERS:
        raise CaptureError(f"it is a zip file of {len(names):,} files; unpack it and name the captures")
    if not is_of_fiddler(names) and not chosen(names):
        raise CaptureError(
            "it is a zip file without a HAR, a Playwright trace, flow files or a Fiddler session; unpack it and name"
            " the captures"
        )
    return archive


def chosen(names: list[str]) -> list[str]:
    """Return the members to judge: those of the first ending that is there at all, since a trace holds JSON too."""
    for ending in _BY_NAME:
        found = [name for name in names if name.lower().endswith(ending)]
        if found:
            return found
    return []


def pieces_of(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Yield a member, unpacked piece by piece. Raises ``zlib.error`` for broken data.

    A compression that nobody knows ends in ``NotImplementedError``, a password in ``RuntimeError``.
    """
    try:
        with archive.open(name) as member:
            while piece := member.read(_CHUNK):
                yield piece
    except (zipfile.BadZipFile, ValueError) as exc:
        raise zlib.error(str(exc)) from exc
