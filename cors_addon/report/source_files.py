"""Which file of the project a source URL is: development servers serve sources by their path."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

_PREFIXES: Final = ("/@fs/", "/static/", "/assets/")
"""What a server may put before the path of a source."""

_LAYER: Final = re.compile(r"^/\([a-z-]+\)/")
"""What Next.js puts before a module's path: the bundle that the module is in."""

_FOLDERS: Final = ("", "src", "public", "static", "app")
"""Where below the project a server may have its root."""


def source_file(url: str, root: Path | None = None) -> str:
    """Return the path of a source below the working directory, with ``/``; empty where it is none of its files."""
    place = (root or Path.cwd()).resolve()
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "webpack", "webpack-internal", "file"):
        return ""
    path = _LAYER.sub("/", unquote(parts.path)).replace("/./", "/")
    paths = [path, *(path.removeprefix(prefix) for prefix in _PREFIXES if path.startswith(prefix))]
    for each in paths:
        if "\0" in each or "\\" in each or not each.strip("/."):
            continue
        candidates = [
            Path(each if each.startswith("/") else f"/{each}"),
            *(place / folder / each.lstrip("/") for folder in _FOLDERS),
        ]
        for candidate in candidates:
            try:
                found = candidate.resolve()
                if found.is_relative_to(place) and found.is_file():
                    return found.relative_to(place).as_posix()
            except (OSError, ValueError):
                continue
    return ""


def source_location(site: Mapping[str, Any] | None, root: Path | None = None) -> dict[str, Any] | None:
    """Return a call site as a location of SARIF, ``None`` where it is in no file of the project."""
    path = source_file(str(site["url"]), root) if site else ""
    if not site or not path:
        return None
    region = {
        name: value for name, value in (("startLine", site.get("line")), ("startColumn", site.get("column"))) if value
    }
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(path), "uriBaseId": "%SRCROOT%"}}
    if "startLine" in region:
        physical["region"] = region
    return {"physicalLocation": physical}
