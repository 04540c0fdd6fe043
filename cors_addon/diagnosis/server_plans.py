"""What each server still has to send: one configuration for all that its pages ask, and nothing of it twice.

A snippet for one request refuses the next one, so a plan is the union of what was seen, with what the server grants
already. It is made of a report's own entries, and so is the same in every report and on the live page.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from ..catalogue.violation import Severity, Stage
from ..fetch.origins import OPAQUE, origin_of
from .fixes.required_headers import MAX_AGE_SECONDS, Need
from .fixes.snippets import snippet_text
from .fixes.stack_signatures import NAMES

Plain = Mapping[str, Any]

_STOPPING: Final = (Severity.BLOCKED.value, Severity.CONDITIONAL.value)
_STACKS: Final = {name: key for key, name in NAMES.items()}
_THIRD_PARTY: Final = "third-party"
_UNNAMED: Final = ("*", "")
_PAGE: Final = "(the page's own origin, where it is one of these)"
_ALLOW: Final = "Access-Control-Allow-"
_EXPOSE: Final = "Access-Control-Expose-Headers"
_REQUESTED: Final = "Access-Control-Request-"


def server_plans(diagnoses: Iterable[Plain], hosts: Iterable[Plain] = ()) -> tuple[dict[str, Any], ...]:
    """Return a plan for each server that has something to send, in the order of the diagnoses.

    ``hosts`` are the profiles of a report, which say what is granted now. A plan has ``host`` (an origin), ``origins``,
    ``methods``, ``headers``, ``credentials``, ``exposed``, ``send`` (as in a diagnosis' plan), ``snippet``, the ``ids``
    of the diagnoses that it fixes, the ``rules`` that stand in for the server now, and the number of ``requests``.
    """
    found: dict[str, _Server] = {}
    for diagnosis in diagnoses:
        host = _host_of(diagnosis)
        if host and _is_for_the_server(diagnosis):
            found.setdefault(host, _Server(host)).take(diagnosis)
    for profile in hosts:
        if profile["host"] in found:
            found[profile["host"]].grant(profile)
    return tuple(server.to_plain() for server in found.values() if server.origins)


def _host_of(diagnosis: Plain) -> str:
    origin = origin_of(diagnosis["url"])
    return "" if origin is None else origin.serialize()


def _is_for_the_server(diagnosis: Plain) -> bool:
    if diagnosis["owner"] == _THIRD_PARTY or diagnosis["known"]:
        return False
    if diagnosis.get("rule") and diagnosis["outcome"] == "unknown":
        return bool(diagnosis["stage"] == Stage.PREFLIGHT.value)
    sends = any(step["send"] for step in diagnosis["plan"])
    return bool(sends and (diagnosis["severity"] in _STOPPING or _EXPOSE in str(diagnosis["plan"])))


class _Names(dict[str, str]):
    """Names once each, whatever their letter case, as they came first."""

    def take(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in _UNNAMED:
                self.setdefault(name.lower(), name)


@dataclass
class _Server:
    """What is gathered for one server."""

    host: str
    origins: list[str] = field(default_factory=list)
    methods: dict[str, None] = field(default_factory=dict)
    names: _Names = field(default_factory=_Names)
    exposed: _Names = field(default_factory=_Names)
    credentials: bool = False
    preflight: bool = False
    allowed: set[str] = field(default_factory=set)
    answers: bool = False
    snippets: list[Plain] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    requests: int = 0

    def take(self, diagnosis: Plain) -> None:
        """Take in what one diagnosis needs."""
        self.ids.append(diagnosis["id"])
        self.requests += diagnosis["requests"]
        rule = diagnosis.get("rule", "")
        if rule and rule not in self.rules:
            self.rules.append(rule)
        self.methods[diagnosis["method"]] = None
        for place in diagnosis["places"]:
            if place["origin"] not in (*self.origins, OPAQUE, ""):
                self.origins.append(place["origin"])
        if diagnosis["stage"] == Stage.PREFLIGHT.value:
            self.preflight = True
            asked = {name.lower(): value or "" for name, value in diagnosis["asked"]}
            self.names.take(_split(asked.get(f"{_REQUESTED}Headers".lower(), "")))
        sent = {name.lower(): value for name, value in diagnosis["answered"]}
        self.allowed.add(sent.get("access-control-allow-origin") or "")
        for step in diagnosis["plan"]:
            if step["snippet"] is not None:
                self.snippets.append(step["snippet"])
            for entry in step["send"]:
                self.preflight = self.preflight or entry["to"] == "OPTIONS"
                for line in entry["headers"]:
                    name, _, value = str(line).partition(": ")
                    self._need_line(name.lower(), value)
        if rule:
            # A rule exposes every header meanwhile, and the page may read them by now.
            self.exposed.take(diagnosis["hidden"])

    def _need_line(self, name: str, value: str) -> None:
        match name:
            case "access-control-allow-credentials":
                self.credentials = True
            case "access-control-allow-methods":
                self.methods.update(dict.fromkeys(_split(value)))
            case "access-control-allow-headers":
                self.names.take(_split(value))
            case "access-control-expose-headers":
                self.exposed.take(_split(value))
            case _:
                pass

    def grant(self, profile: Plain) -> None:
        """Take in what the server grants now."""
        allowed = [row for row in profile["origins"] if row["allowed"] and row["origin"] != OPAQUE]
        self.answers = bool(allowed)
        self.origins = list(dict.fromkeys([*self.origins, *(row["origin"] for row in allowed)]))
        self.credentials = self.credentials or any(row["credentials"] for row in allowed)
        methods = profile["methods"]
        used = [*methods["granted"], *(name for name in methods["asked"] if name)]
        self.methods = {name: None for name in (*self.methods, *used) if name not in _UNNAMED}
        self.names.take((*profile["headers"]["granted"], *profile["headers"]["asked"]))
        self.exposed.take(profile["headers"]["exposed"])
        self.preflight = self.preflight or bool(profile["preflights"])

    @cached_property
    def snippet(self) -> dict[str, str] | None:
        """The one snippet of the server: for its stack, else the setting that a cause has named."""
        for written in self.snippets:
            key = _STACKS.get(written["stack"])
            text = snippet_text(key, self._need) if key is not None else None
            if text is not None:
                return {"stack": written["stack"], "text": text}
        others = {written["text"]: written for written in self.snippets if written["stack"] not in _STACKS}
        return dict(next(iter(others.values()))) if len(others) == 1 else None

    @property
    def _need(self) -> Need:
        first, *others = self.origins
        return Need(
            first,
            next(iter(self.methods)),
            tuple(self.methods),
            tuple(self.names.values()),
            self.credentials,
            self.preflight,
            tuple(self.exposed.values()),
            self.answers,
            also=tuple(others),
            any_page=self._any_page,
        )

    @property
    def _any_page(self) -> bool:
        return self.allowed == {"*"} and not self.credentials

    def _send(self) -> Iterator[dict[str, Any]]:
        origin = "*" if self._any_page else self.origins[0] if len(self.origins) == 1 else _PAGE
        shared = [f"{_ALLOW}Origin: {origin}"]
        shared += [f"{_ALLOW}Credentials: true"] if self.credentials else []
        vary = [] if self._any_page else ["Vary: Origin"]
        if self.preflight:
            lines = [*shared, f"{_ALLOW}Methods: {', '.join(self.methods)}"]
            lines += [f"{_ALLOW}Headers: {', '.join(self.names.values())}"] if self.names else []
            lines += [f"Access-Control-Max-Age: {MAX_AGE_SECONDS}", *vary]
            yield {"to": "OPTIONS", "status": "2xx", "headers": lines}
        exposed = [f"{_EXPOSE}: {', '.join(self.exposed.values())}"] if self.exposed else []
        yield {"to": "every other request", "status": "any", "headers": [*shared, *exposed, *vary]}

    def to_plain(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "origins": self.origins,
            "methods": [*self.methods],
            "headers": [*self.names.values()],
            "credentials": self.credentials,
            "exposed": [*self.exposed.values()],
            "send": list(self._send()),
            "snippet": self.snippet,
            "ids": self.ids,
            "rules": self.rules,
            "requests": self.requests,
        }


def _split(value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]
