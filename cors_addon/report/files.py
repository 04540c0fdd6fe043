"""Writing a report whole or not at all."""

import os
import tempfile
from pathlib import Path

from .formats import RENDERERS
from .model import Report


def write(report: Report, path: Path) -> None:
    """Render by the path's ending and put the file in place in one step.

    Raises ``OSError``, and ``KeyError`` for an ending that no renderer has.
    A reader sees the old file or the new one, never half of either, whatever kills the process.
    """
    text = RENDERERS[path.suffix.lower()](report)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
