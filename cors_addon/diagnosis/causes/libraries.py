"""Request headers that libraries add by themselves: which one, and what stops it."""

from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.methods import is_cors_safelisted_method
from ...verdict.model import Cause, Confidence, Finding
from ...verdict.redact import names_a_secret
from .context import Scene, shown
from .library_table import BY_HAND, LIBRARIES, TRACING, Library

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

_MOST_NAMES: Final = 50
"""Of the names that a preflight asks for: no library adds more."""

_EXACT: Final = {header: library for library in LIBRARIES for header in library.headers if not header.endswith("*")}
_BEGINNINGS: Final = tuple(
    (header[:-1], library) for library in LIBRARIES for header in library.headers if header.endswith("*")
)


def library_of(name: str) -> Library | None:
    """Return the library that adds a request header of this lower-cased name, ``None`` where none is known."""
    known = _EXACT.get(name)
    if known is not None:
        return known
    return next((library for beginning, library in _BEGINNINGS if name.startswith(beginning)), None)


def not_allowed(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a request header that is not allowed, and that no code of the page's author may have set."""
    name = finding.params.get("name", "").lower()
    library = _in_company(name, scene.record.asked_names)
    if library is None or not scene.has_cors_headers:
        # Where no CORS code answered, no name is to blame.
        return
    told = f"{shown(name, 60)} comes from {library.name}"
    company = [each for each in scene.record.asked_names[:_MOST_NAMES] if each != name and library_of(each) is library]
    also = f", together with {shown(', '.join(company), 100)}" if company else ""
    fix, who = f"{_sentence(library.stop)} Or add {shown(name, 60)} to Access-Control-Allow-Headers.", None
    if scene.is_third_partys:
        fix = _sentence(library.stop)
    elif library.stop.startswith(("allow ", "the protocol ")):
        fix, who = f"Add {shown(name, 60)} to Access-Control-Allow-Headers: {library.name} needs it.", FixOwner.SERVER
    yield library.entry.named(library.confidence, told + also, (scene.id,), fix=fix, who=who)


def _sentence(stop: str) -> str:
    """Return what stops a library as a sentence; names of settings keep their letters."""
    first = stop.partition(" ")[0]
    return f"{stop if first != first.lower() or '_' in first or '.' in first else stop[:1].upper() + stop[1:]}."


def needless_preflight(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a preflight that fails and would not be there but for a library's headers."""
    asked = scene.record.asked_names
    if not scene.is_preflight or not asked or len(asked) > _MOST_NAMES or not is_cors_safelisted_method(scene.method):
        return
    libraries = [_in_company(name, asked) for name in asked]
    first = libraries[0]
    if first is None or any(each is None for each in libraries) or first.entry is BY_HAND:
        return
    if any(map(names_a_secret, asked)):
        # Without its key the request is worth nothing.
        return
    who = " and ".join(dict.fromkeys(each.name for each in libraries if each is not None))
    message = f"only {shown(', '.join(asked), 100)} of {shown(who, 120)} causes the preflight"
    fix = f"{_sentence(first.stop)} Without these headers the request needs no preflight."
    # Where the host was seen to allow requests, this one would pass without the preflight.
    sure = MEDIUM if scene.allowing is not None else LOW
    yield first.entry.named(sure, message, (scene.id,), fix=fix)


def _in_company(name: str, asked: tuple[str, ...]) -> Library | None:
    """Tell who added a name that several libraries use by what else is asked for."""
    library = library_of(name)
    if library is None or name not in ("baggage", "traceparent", "tracestate", "x-requested-with"):
        return library
    others = (library_of(each) for each in asked[:_MOST_NAMES] if each != name)
    if name == "x-requested-with":
        return next((other for other in others if other is not None and other.name in ("SignalR",)), library)
    sure = (other for other in others if other is not None and other.entry is TRACING and other.confidence is HIGH)
    return next(sure, library)
