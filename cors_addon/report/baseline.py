"""What is known already: the groups of an earlier report, so that a build fails for new findings only."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..regular_file import read_regular_file
from .grouping import GroupKey, group_key, key_of_group
from .json_lines import entries

_SCHEMA: Final = "cors-addon/report/"
_READABLE: Final = ("1",)
_LARGEST: Final = 256 << 20


class BaselineError(ValueError):
    """A file that is no baseline; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The groups that are known: none where the file ``is_missing``, as before the first report is kept.

    ``is_given`` says that the user named one.
    """

    keys: frozenset[GroupKey] = frozenset()
    is_missing: bool = False
    is_given: bool = False

    def knows(self, key: GroupKey) -> bool:
        """Say whether a group was in the baseline, whatever its count and severity."""
        return key in self.keys


def read(path: Path) -> Baseline:
    """Read a JSON report, or one of JSON lines (by its ending), as a baseline.

    A file that does not exist knows nothing. Raises ``BaselineError`` for one that cannot be read or is no baseline.
    """
    try:
        content = read_regular_file(path, _LARGEST + 1)
        if len(content) > _LARGEST:
            raise BaselineError(
                f"the baseline {str(path)!r} has more than {_LARGEST >> 20} MB; keep its schema and its groups only"
            )
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        return Baseline(is_missing=True, is_given=True)
    except OSError as exc:
        raise BaselineError(f"the baseline {str(path)!r} cannot be read: {exc.strerror or exc}") from exc
    except UnicodeDecodeError as exc:
        raise BaselineError(_no_report(path, "it is not UTF-8")) from exc
    except ValueError as exc:
        raise BaselineError(f"the baseline {str(path)!r} cannot be read: {exc}") from exc
    try:
        parsed = parse_lines(text) if path.suffix.lower() == ".jsonl" else parse(json.loads(text))
        return replace(parsed, is_given=True)
    except json.JSONDecodeError as exc:
        place = f"line {exc.lineno}, column {exc.colno}"
        raise BaselineError(_no_report(path, f"it is no JSON ({exc.msg}, {place})")) from exc
    except (ValueError, RecursionError) as exc:
        raise BaselineError(_no_report(path, str(exc) or "it cannot be parsed")) from exc


def parse(data: Any) -> Baseline:
    """Take the known groups from a JSON report's data. Raises ``ValueError`` that says what is missing."""
    if not isinstance(data, Mapping) or not str(data.get("schema", "")).startswith(_SCHEMA):
        raise ValueError(f'it lacks "schema": "{_SCHEMA}{_READABLE[-1]}"')
    version = str(data["schema"]).removeprefix(_SCHEMA)
    if version not in _READABLE:
        raise ValueError(f"its schema is version {version}, and this addon reads {' and '.join(_READABLE)}")
    groups = data.get("groups")
    if not isinstance(groups, list):
        raise ValueError("it has no list of groups")
    keys = set()
    for index, group in enumerate(groups):
        key = key_of_group(group) if isinstance(group, Mapping) else None
        if key is None:
            raise ValueError(f"groups[{index}] lacks one of id, origin, host, method and path")
        keys.add(key)
    return Baseline(frozenset(keys))


def parse_lines(text: str) -> Baseline:
    """Take the known groups from the flows of a report of JSON lines. Raises ``ValueError`` that says what is wrong."""
    keys = set()
    for entry in entries(text.split("\n")).values():
        method, url, origin = (entry.get(name) for name in ("method", "url", "origin"))
        for finding in entry["findings"]:
            name = finding.get("id") if isinstance(finding, Mapping) else None
            if isinstance(name, str) and isinstance(method, str) and isinstance(url, str):
                keys.add(group_key(name, method, url, origin if isinstance(origin, str) else None))
    return Baseline(frozenset(keys))


def _no_report(path: Path, why: str) -> str:
    return (
        f"{str(path)!r} is no baseline: {why}. A baseline is a JSON report of this addon: write one with"
        " `cors-addon check CAPTURE --format json --output FILE` or with cors_report=FILE.json"
    )
