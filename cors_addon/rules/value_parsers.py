"""Paths, methods, header names and durations: text to value, or what is wrong with the text."""

import re
from typing import Final, NoReturn

from ..fetch.headers import is_token
from ..fetch.methods import is_forbidden_method, normalize_method
from .errors import quoted
from .patterns import PathPattern
from .value_error import LONGEST_VALUE, Complaint, check_text


def parse_path_pattern(text: str) -> PathPattern:
    """Parse an entry of ``paths``; raises ``Complaint``."""
    if text.strip():
        odd = next((at for at, char in enumerate(text) if not char.isprintable()), None)
        if odd is not None:
            raise Complaint(
                "invisible-character",
                f"an invisible character stands in {quoted(text)}",
                "It is part of the text for YAML, but not for the eye.",
                "delete it",
                odd,
                odd + 1,
            )
    else:
        raise Complaint(
            "empty-text", "a path cannot be empty", "Every path begins with a slash.", 'write "/**" for all paths'
        )
    if len(text) > LONGEST_VALUE:
        raise Complaint(
            "too-long",
            f"a path of {len(text)} characters",
            "No rule needs one as long.",
            'use "**" for the rest of a path',
        )
    if "://" in text:
        authority, slash, path = text.partition("://")[2].partition("/")
        raise Complaint(
            "path-syntax",
            f"{quoted(text)} is a URL",
            "paths are matched with the path alone; the host is listed in hosts.",
            f'write "{slash or "/"}{path}" here and "{authority}" in hosts',
        )
    if re.search(r"^\^|\$$|\.\*|\\|\(|\[|\+$", text):
        raise Complaint(
            "regular-expression",
            f"{quoted(text)} looks like a regular expression, and none is read",
            "In paths * stands for one segment and ** for any number of them.",
            'write a path such as "/v1/**"',
        )
    climbing = re.search(r"(?:^|/)((?:\.|%2[eE]){1,2})(?=/|$)", text)
    if climbing is not None:
        raise Complaint(
            "path-syntax",
            f"{quoted(climbing[1])} is no name in a path",
            "Browsers resolve it before they send the request, so it would never match.",
            "write the path that the request has",
            *climbing.span(1),
        )
    if not text.startswith("/"):
        rest = text.lstrip("*").lstrip("/")
        raise Complaint(
            "path-syntax",
            f"{quoted(text)} does not begin with a slash",
            "A path is matched from its beginning.",
            f'write "/{text}"' if not text.startswith("*") else f'write "/**/{rest}"' if rest else 'write "/**"',
            0,
            1,
        )
    at = next((at for at, char in enumerate(text) if char in "?#"), None)
    if at is not None:
        raise Complaint(
            "path-syntax",
            f"{quoted(text[at:])} is no part of a path",
            "Rules are matched with the path alone, whatever query follows it.",
            f'write "{text[:at]}"',
            at,
        )
    odd = next((at for at, char in enumerate(text) if char in ' "<>`{}|^' or not char.isascii()), None)
    if odd is not None:
        return _complain_of_path_character(text, odd)
    segments = tuple(text[1:].split("/"))
    for segment in segments:
        if "**" in segment and segment != "**":
            begin = text.index(segment)
            raise Complaint(
                "path-syntax",
                f"** stands beside other text in {quoted(segment)}",
                "** stands for whole segments, * for text within one.",
                f'write "{text.replace(segment, segment.replace("**", "*") if segment.strip("*") else "**", 1)}"',
                begin,
                begin + len(segment),
            )
    return PathPattern(text, segments)


def _complain_of_path_character(text: str, at: int) -> NoReturn:
    if text[at] in "{}" or text[at] in "<>":
        fixed = re.sub(r"\{[^/]*\}|<[^/]*>", "*", text)
        raise Complaint(
            "placeholder",
            f"{quoted(text)} holds a placeholder, and none is filled in",
            "In paths * stands for one segment, whatever it is.",
            f'write "{fixed}"',
            at,
            at + 1,
        )
    encoded = "".join(f"%{byte:02X}" for byte in text[at].encode("utf-8", "surrogatepass"))
    raise Complaint(
        "path-syntax",
        f"{quoted(text[at])} does not stand in a URL as it is",
        "Paths are compared as they are on the wire.",
        f"write {encoded} for it",
        at,
        at + 1,
    )


def parse_method(text: str) -> str:
    """Parse an entry of ``methods`` or ``allow_methods``; raises ``Complaint``."""
    check_text(text, "a method", spaces=True)
    if text == "*":
        raise Complaint(
            "bare-star",
            "* is not a method here",
            "What is sent is the method's name, since * means nothing where credentials are allowed.",
            "write allow_methods: requested, or leave methods out for all of them",
        )
    if not is_token(text):
        raise Complaint(
            "method", f"{quoted(text)} is no method", "A method is one word of letters.", "write GET, PUT, PATCH ..."
        )
    if is_forbidden_method(text):
        raise Complaint(
            "method", f"no page can send {text.upper()}", "Browsers refuse it before anything is sent.", "take it out"
        )
    if text != text.upper() and text.upper() in {"PATCH", *["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]}:
        why = (
            "Methods are compared to the byte, and browsers put this one in upper case."
            if normalize_method(text) != text
            else "Methods are compared to the byte, and browsers send patch and PATCH as the page wrote them."
        )
        raise Complaint("method", f"{quoted(text)} is in lower case", why, f"write {text.upper()}")
    return text


def parse_header_name(text: str) -> str:
    """Parse a header name; raises ``Complaint``."""
    check_text(text, "a header name", spaces=True)
    if text == "*":
        raise Complaint(
            "bare-star",
            "* is not a header name here",
            "What is sent are names, since * means nothing where credentials are allowed.",
            "write requested (allow_headers) or all (expose_headers)",
        )
    if not is_token(text):
        name = text.partition(":")[0].strip()
        raise Complaint(
            "header-name",
            f"{quoted(text)} is no header name",
            "Only names are listed, without colon and value.",
            f"write {name}" if is_token(name) else "check the spelling",
        )
    return text


_DURATION: Final = re.compile(r"(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?")


_UNITS: Final = {"d": ("day",), "h": ("hour", "hr"), "m": ("minute", "min"), "s": ("second", "sec")}


def loose_duration(text: str) -> str:
    """Return the duration that a text such as ``10 minutes`` means; empty where it means none."""
    found = re.fullmatch(r"([0-9]{1,9}) *([A-Za-z]+)", text)
    if found is None:
        return ""
    word = found[2].lower().removesuffix("s")
    return next((found[1] + unit for unit, names in _UNITS.items() if word == unit or word in names), "")


def parse_duration(text: str) -> int | None:
    """Return the seconds of a duration such as ``90s``, ``10m`` or ``1h30m``; ``None`` where it is none."""
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        return None
    days, hours, minutes, seconds = (int(group or 0) for group in found.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds
