"""From what a request needs to the text of a snippet: templates, and what may stand in them.

What comes from the wire goes into configuration and program text, so it is held to a few harmless characters: letters,
digits, dots, hyphens, underscores, and in an origin colons, slashes and brackets. None of them ends a string or begins
an expression in any of these languages. A request with anything else gets no snippet.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from ..required_headers import MAX_AGE_SECONDS, Need

Writer = Callable[[Need], str | None]

_ORIGIN: Final = re.compile(
    r"[a-z][a-z0-9+.-]{0,30}://(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9._-]{0,252}))(?::[0-9]{1,5})?"
)
_METHOD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_DEVELOPING: Final = "is on a developer's own machine: do not allow it on a public server"
_MOST_ORIGINS: Final = 20
_MOST_METHODS: Final = 12
_MOST_NAMES: Final = 40
SAFELISTED_METHODS: Final = ("GET", "HEAD", "POST")
COMMON_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"})


def safe(need: Need) -> Need | None:
    """Return the need if all of it may stand in program text, ``None`` where it may not.

    A name to expose that may not is left out: the request works without.
    """
    if len(need.also) > _MOST_ORIGINS or not all(map(_ORIGIN.fullmatch, (need.origin, *need.also))):
        return None
    if len(need.methods) > _MOST_METHODS or not all(map(_METHOD.fullmatch, need.methods)):
        return None
    if len(need.header_names) > _MOST_NAMES or not all(map(_NAME.fullmatch, need.header_names)):
        return None
    exposed = tuple(name for name in need.exposed if _NAME.fullmatch(name))[:_MOST_NAMES]
    return need if exposed == need.exposed else replace(need, exposed=exposed)


@dataclass(frozen=True, slots=True)
class Template:
    """A snippet with ``%name%`` places. A line that holds a place for which there is nothing to say is left out.

    ``only`` are the methods that the stack knows, ``None`` for any; a request with another gets no snippet, and
    neither does one with credentials where the stack cannot allow any. ``wildcard`` says whether ``*`` may stand in its
    list of origins; where not, a server that allows every page gets no snippet, which would allow a few in its place.
    """

    text: str
    only: frozenset[str] | None = None
    credentials: bool = True
    wildcard: bool = False

    def __call__(self, need: Need) -> str | None:
        if "*" in need.origins and not self.wildcard:
            return None
        if self.only is not None and not self.only.issuperset(need.methods):
            return None
        if need.credentials and not self.credentials:
            return None
        return fill(self.text, need)


_PLACE: Final = re.compile(r"%([a-z-]+)%")
_EACH: Final = "%each%"


def fill(template: str, need: Need) -> str:
    """Fill a template's places in, and drop the lines of those that are empty.

    Lines in a row that begin with ``%each%`` come once for each origin.
    """
    values = _values(need)
    filled: list[str] = []
    for repeated, group in groupby(template.strip("\n").split("\n"), lambda line: line.startswith(_EACH)):
        lines = [line.removeprefix(_EACH) for line in group]
        for origin in need.origins if repeated else need.origins[:1]:
            filled += _filled(lines, {**values, "origin": origin})
    return "\n".join(filled) + "\n"


def _filled(lines: Iterable[str], values: Mapping[str, str | None]) -> Iterator[str]:
    for line in lines:
        if all(values[name] is not None for name in _PLACE.findall(line)):
            yield _PLACE.sub(lambda match: values[match[1]] or "", line).rstrip()


def _values(need: Need) -> dict[str, str | None]:
    names, methods, exposed = need.header_names, need.methods, need.exposed

    def when(condition: bool) -> str | None:
        return "" if condition else None

    def listed(values: tuple[str, ...]) -> str | None:
        return ", ".join(values) or None

    def quoted(values: tuple[str, ...], quote: str = '"') -> str | None:
        return ", ".join(f"{quote}{value}{quote}" for value in values) or None

    return {
        "origins-quoted": quoted(need.origins),
        "origins-single": quoted(need.origins, "'"),
        "origins-spaced": " ".join(f'"{origin}"' for origin in need.origins),
        "max-age": str(MAX_AGE_SECONDS),
        "methods": listed(methods),
        "methods-quoted": quoted(methods),
        "methods-and-safelisted": quoted(tuple(dict.fromkeys((*methods, *SAFELISTED_METHODS)))),
        "methods-words": " ".join(methods) or None,
        "methods-single": quoted(methods, "'"),
        "methods-ruby": listed(tuple(f":{method.lower()}" for method in methods)),
        "methods-rust": listed(tuple(f"Method::{method}" for method in methods)),
        "methods-xml": "".join(f'<add method="{method}" />' for method in methods) or None,
        "headers": listed(names),
        "headers-quoted": quoted(names),
        "headers-or-none": ",".join(names),
        "exposed-or-none": ",".join(exposed),
        "headers-single": quoted(names, "'"),
        "headers-rust": listed(tuple(f'HeaderName::from_static("{name.lower()}")' for name in names)),
        "exposed-rust": listed(tuple(f'HeaderName::from_static("{name.lower()}")' for name in exposed)),
        "headers-xml": "".join(f'<add header="{name}" />' for name in names) or None,
        "headers-json": json.dumps(list(names)),
        "methods-json": json.dumps(list(methods)),
        "headers-or-accept": quoted(names or ("Accept",)),
        "exposed": listed(exposed),
        "exposed-quoted": quoted(exposed),
        "exposed-single": quoted(exposed, "'"),
        "exposed-json": json.dumps(list(exposed)),
        "exposed-xml": "".join(f'<add header="{name}" />' for name in exposed) or None,
        "readable": quoted(tuple(dict.fromkeys((*names, *exposed)))),
        "credentials": when(need.credentials),
        "credentials-bool": "true" if need.credentials else "false",
        "no-credentials": when(not need.credentials),
        "preflight": when(need.preflight),
        "no-preflight": when(not need.preflight),
        "names": when(bool(names)),
        "answered": when(need.answered),
        "method": need.method,
        "developing": f"{need.origins[0]} {_DEVELOPING}" if need.developing else None,
    }
