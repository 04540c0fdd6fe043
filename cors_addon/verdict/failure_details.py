"""From a failed check to what a person needs: which violation it is, its evidence, a near miss, and the header needed.

The checks of ``fetch`` have decided by then; nothing here changes an outcome.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ..fetch.checks import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    Failure,
    PreflightRequest,
    Step,
)
from ..fetch.headers import HeaderList, Invalid, byte_lowercase, extract_header_list_values, is_token
from ..fetch.messages import Request
from ..fetch.methods import is_cors_safelisted_method
from ..fetch.origins import OPAQUE, origin_of
from .chromium_url import is_valid_url
from .model import HeaderLine
from .redact import redact

_CLIPPED: Final = 160
_LINES_SHOWN: Final = 8
_LONGEST_LINE: Final = 8_000
FOR_EVERYBODY: Final = f"{ALLOW_ORIGIN}: *"
"""What lets in a page without a name; no cure where credentials are included."""

_SEPARATORS: Final = re.compile(r"[,\s]+")
_VALUE_OF_A_NAME: Final = re.compile(r"(?<![\w-])(?!access-control-)([\w-]++)[ \t]*+:(?!//)[^,]*+", re.IGNORECASE)
"""Where each name of a list was given a value; a list that begins with its own header's name is one nevertheless."""
_WRAPPING: Final = re.compile(r"^[\"'(\[]+|[\"')\]]+$")


def inert(text: str, limit: int = _CLIPPED) -> str:
    """Return the text with control and invisible characters escaped, and its middle cut out where it is long.

    ``limit`` is in characters, before and after. What is cut has its secrets taken out first: without the name before
    it, nobody would know the end of one.
    """
    if len(text) > limit:
        text = _cut(redact(text), limit)
    if text.isascii() and text.isprintable():
        return text
    escaped = (char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
    return _cut("".join(escaped), limit)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit // 2]}...{text[-(limit // 4) :]}"


def without_user_info(url: str) -> str:
    """Return a URL or reference with user name and password replaced: reports and logs are passed around."""
    head, slashes, rest = url.partition("//")
    if not slashes:
        return url
    cut = min((rest.index(end) for end in "/?#\\" if end in rest), default=len(rest))
    user_info, at, host = rest[:cut].rpartition("@")
    return f"{head}//{'...' if user_info else ''}{at}{host}{rest[cut:]}" if at else url


def violation_id(failure: Failure, headers: HeaderList, blanks_separate: bool = True) -> str:
    """Name the violation behind a failed check.

    ``blanks_separate`` says whether a blank in Access-Control-Allow-Origin makes a list of it, as in Chromium.
    """
    match failure.step:
        case Step.ALLOW_ORIGIN_MISSING:
            return "allow-origin-missing"
        case Step.ALLOW_ORIGIN_WILDCARD:
            return "allow-origin-wildcard-with-credentials"
        case Step.ALLOW_ORIGIN_DIFFERS:
            value = failure.value or ""
            if "," in value or (blanks_separate and " " in value):
                return "allow-origin-multiple"
            return "allow-origin-mismatch" if value == "null" or is_valid_url(value) else "allow-origin-invalid"
        case Step.ALLOW_CREDENTIALS:
            return "allow-credentials-not-true"
        case Step.STATUS:
            return "preflight-status-not-ok"
        case Step.ALLOW_METHODS_INVALID:
            return "allow-methods-invalid"
        case Step.ALLOW_HEADERS_INVALID:
            return "allow-headers-invalid"
        case Step.METHOD:
            return (
                "method-wildcard-with-credentials" if _lists_wildcard(headers, ALLOW_METHODS) else "method-not-allowed"
            )
        case Step.HEADER:
            return (
                "header-wildcard-with-credentials" if _lists_wildcard(headers, ALLOW_HEADERS) else "header-not-allowed"
            )
        case Step.NON_WILDCARD_HEADER:
            return "authorization-covered-by-wildcard"


def _lists_wildcard(headers: HeaderList, name: str) -> bool:
    values = extract_header_list_values(headers, name)
    return isinstance(values, list) and "*" in values


def params_of(failure: Failure, origin: str, headers: HeaderList) -> dict[str, str]:
    """Return every parameter that a title may use; the texts are inert."""
    raw = {
        "origin": origin,
        "value": _shown_value(failure.value),
        "status": failure.value or "",
        "method": failure.value or "",
        "name": failure.value or "",
    }
    if failure.step is Step.METHOD:
        raw["value"] = _shown_value(headers.allow_methods)
    elif failure.step in (Step.HEADER, Step.NON_WILDCARD_HEADER):
        raw["value"] = _shown_value(headers.allow_headers)
    return {key: inert(value) for key, value in raw.items()}


def _shown_value(value: str | None) -> str:
    """Return a header's value as a sentence shows it: one that is missing or empty has a word."""
    return "not sent" if value is None else value or "empty"


_READ_TOGETHER: Final = {
    Step.ALLOW_ORIGIN_MISSING: ("Origin", ALLOW_ORIGIN),
    Step.ALLOW_ORIGIN_WILDCARD: ("Origin", ALLOW_ORIGIN),
    Step.ALLOW_ORIGIN_DIFFERS: ("Origin", ALLOW_ORIGIN),
    Step.ALLOW_CREDENTIALS: ("Cookie", ALLOW_CREDENTIALS),
    Step.ALLOW_METHODS_INVALID: ("Access-Control-Request-Method", ALLOW_METHODS),
    Step.METHOD: ("Access-Control-Request-Method", ALLOW_METHODS),
    Step.ALLOW_HEADERS_INVALID: ("Access-Control-Request-Headers", ALLOW_HEADERS),
    Step.HEADER: ("Access-Control-Request-Headers", ALLOW_HEADERS),
    Step.NON_WILDCARD_HEADER: ("Access-Control-Request-Headers", ALLOW_HEADERS),
}
"""Which line of the request each check reads together with which of the response."""


def evidence_of(failure: Failure, request: Request, headers: HeaderList) -> tuple[HeaderLine, ...]:
    """Return the header lines on both sides that prove a failure, the first few where there are many."""
    if failure.step is Step.STATUS:
        return (HeaderLine("response", ":status", failure.value),)
    asked, answered = _READ_TOGETHER[failure.step]
    lines = []
    if asked != "Cookie":
        lines += _shown("request", asked, request.headers.get_all(asked))
    elif request.headers.cookie is not None:
        lines.append(HeaderLine("request", "Cookie", "(not shown)"))
    values = headers.get_all(answered)
    lines += _shown("response", answered, values)
    if not values:
        lines.append(HeaderLine("response", answered, None))
    return tuple(lines)


def _shown(side: str, name: str, values: Sequence[str]) -> list[HeaderLine]:
    return [HeaderLine(side, name, inert(value, 2000)) for value in values[:_LINES_SHOWN]]


def needed_for(
    failure: Failure,
    origin: str,
    headers: HeaderList,
    all_failures: Iterable[Failure],
    asked: PreflightRequest | None = None,
) -> str | None:
    """Return the header line that cures a failure for this very request, keeping what the server lists already.

    It cures all failures of the same header, and stands in place of every line of it. ``asked`` is what a preflight
    asks for. ``None`` where no header cures it, or none that could be sent.
    """
    match failure.step:
        case Step.ALLOW_ORIGIN_MISSING | Step.ALLOW_ORIGIN_WILDCARD | Step.ALLOW_ORIGIN_DIFFERS:
            if origin != OPAQUE:
                return _sendable(f"{ALLOW_ORIGIN}: {origin}")
            # Naming null would let in every sandboxed frame of every site: public data may have *, the rest nothing.
            return None if failure.step is Step.ALLOW_ORIGIN_WILDCARD else FOR_EVERYBODY
        case Step.ALLOW_CREDENTIALS:
            return f"{ALLOW_CREDENTIALS}: true"
        case Step.METHOD | Step.ALLOW_METHODS_INVALID:
            missing = [] if asked is None or is_cors_safelisted_method(asked.method) else [asked.method]
            return _extended(headers, ALLOW_METHODS, missing, keep_wildcard=False)
        case Step.HEADER | Step.NON_WILDCARD_HEADER | Step.ALLOW_HEADERS_INVALID:
            keep = any(each.step is Step.NON_WILDCARD_HEADER for each in all_failures)
            return _extended(headers, ALLOW_HEADERS, () if asked is None else asked.header_names, keep_wildcard=keep)
        case Step.STATUS:
            return None


def _extended(headers: HeaderList, name: str, asked: Iterable[str], keep_wildcard: bool) -> str | None:
    """Return a list header with what it lists and what is asked for."""
    listed = extract_header_list_values(headers, name)
    if isinstance(listed, Invalid):
        listed = _salvaged(headers.get(name) or "")
    kept = [value for value in listed or [] if value != "*" or keep_wildcard]
    known = {value if name == ALLOW_METHODS else byte_lowercase(value) for value in kept}
    return _sendable(f"{name}: {', '.join([*kept, *(value for value in asked if value not in known)])}")


def _salvaged(value: str) -> list[str]:
    """Return what a list that does not parse was probably meant to hold."""
    names = _VALUE_OF_A_NAME.sub(r"\1", value)
    parts = (_WRAPPING.sub("", part).partition(";")[0] for part in _SEPARATORS.split(names))
    return [part for part in dict.fromkeys(parts) if is_token(part)]


def _sendable(line: str) -> str | None:
    """Return a header line, unless it holds what cannot be sent or is longer than servers and browsers take."""
    return line if line == inert(line, _LONGEST_LINE) else None


def detail_of(failure: Failure, origin: str, headers: HeaderList) -> str:
    """Say in a fragment by how little it was missed; empty where nothing was near."""
    match failure.step:
        case Step.ALLOW_ORIGIN_DIFFERS if violation_id(failure, headers) != "allow-origin-multiple":
            return origin_difference(origin, failure.value or "")
        case Step.ALLOW_CREDENTIALS:
            return credentials_difference(failure.value)
        case Step.METHOD:
            listed = extract_header_list_values(headers, ALLOW_METHODS)
            return method_difference(failure.value or "", listed if isinstance(listed, list) else ())
        case _:
            return ""


def origin_difference(origin: str, value: str) -> str:
    """Say in a fragment how an allowed origin differs from the page's; empty where they have nothing in common."""
    if len(value) > _LONGEST_LINE:
        return ""
    if value == "null":
        return "null is not the page's origin"
    if origin == "null":
        return "the page's origin is null"
    bare = value.strip("\"'")
    if bare == origin:
        return "quotes around it"
    if value.casefold() == origin.casefold():
        return "letter case"
    if value.rstrip("/") == origin:
        return "a trailing slash"
    here, there = origin_of(origin), origin_of(value)
    if here is None:
        return ""
    if there is None:
        return "no scheme before the host" if value in (here.host, f"{here.host}:{here.port}") else ""
    parts = []
    if value.rstrip("/").count("/") > 2:
        parts.append("a path")
    if here.host != there.host:
        parts.append("www." if here.host.removeprefix("www.") == there.host.removeprefix("www.") else "another host")
    if here.scheme != there.scheme:
        parts.append(f"{there.scheme} instead of {here.scheme}")
    if here.port != there.port and (here.scheme == there.scheme or ":" in value.partition("://")[2]):
        parts.append("another port")
    if not parts:
        parts.append(
            "the default port written out" if value.startswith(origin) else "another spelling of the same origin"
        )
    return ", ".join(parts)


def credentials_difference(value: str | None) -> str:
    """Say in a fragment what is wrong with an Access-Control-Allow-Credentials value."""
    if value is None:
        return ""
    if value.lower() == "true":
        return "letter case: only true in lower case counts"
    return "only true counts" if value else ""


def method_difference(method: str, listed: Iterable[str]) -> str:
    """Say in a fragment whether a method is listed in another letter case."""
    for candidate in listed:
        if candidate != method and candidate.upper() == method.upper():
            return f"{inert(candidate)} is listed: methods are compared with their letter case"
    return ""
