"""What makes two findings one group."""

import functools
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from ..verdict.redact import HIDDEN, redact

_LONGEST_PATH: Final = 2_000
_LONGEST_WORD: Final = 400
_SHORT: Final = 300
_IDS: Final = (
    re.compile(HIDDEN),
    re.compile(r"[0-9]+"),
    re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"),
    re.compile(r"[0-9a-fA-F]{16,}"),
    re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[0-9A-Za-z_-]{20,}"),
)
_SHORT_URL: Final = 500
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


class GroupKey(NamedTuple):
    """Violation id, the page's origin, the target's host with its port, method, and path template."""

    id: str
    origin: str
    host: str
    method: str
    path: str


def plain_text(text: str) -> str:
    """Return a text without secrets, and without lone surrogates, which no encoding can carry."""
    return _short(text) if len(text) <= _SHORT else _plain(text)


def _plain(text: str) -> str:
    text = redact(text)
    if not text.isascii() and _SURROGATE.search(text):
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text


# Most texts of a report come again and again. Long ones are not kept: a hostile capture would fill the memory.
_short = functools.lru_cache(4096)(_plain)


def path_template(path: str) -> str:
    """Fold a path's numbers and ids into ``{id}``, so that one endpoint is one group."""
    return "/".join("{id}" if any(shape.fullmatch(part) for shape in _IDS) else part for part in path.split("/"))


def group_key(finding_id: str, method: str, url: str, origin: str | None) -> GroupKey:
    """Return a finding's key: repeats share it, from one run to the next."""
    host, path = target_of(url)
    page = plain_text((origin or "")[:_LONGEST_WORD])
    return GroupKey(finding_id, page, host, plain_text(method[:_LONGEST_WORD]), path)


def target_of(url: str) -> tuple[str, str]:
    """Return a URL's host, with its port as written and without user info, and its path template."""
    return _known_target(url) if len(url) <= _SHORT_URL else _target(url)


def _target(url: str) -> tuple[str, str]:
    url = url[: 2 * _LONGEST_PATH]
    try:
        parts = urlsplit(url)
        host, path = parts.netloc.rpartition("@")[2], parts.path
    except ValueError:
        host, path = "", url.partition("?")[0].partition("#")[0]
    return plain_text(host), path_template(plain_text(path[:_LONGEST_PATH]))


_known_target = functools.lru_cache(8192)(_target)


def key_of_group(group: Mapping[str, Any]) -> GroupKey | None:
    """Read the key of a report's group; ``None`` where a part is missing."""
    parts = [group.get(name) for name in GroupKey._fields]
    return GroupKey(*map(str, parts)) if all(isinstance(part, str) for part in parts) else None
