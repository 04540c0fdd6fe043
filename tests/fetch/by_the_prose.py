"""A second, slow reading of the standard to compare with: bytes, loops and early returns in the order of its prose.

It shares no code with the package, so that a misreading has to be made twice to go unseen.
"""

import re
from collections.abc import Iterable, Sequence

Fields = Sequence[tuple[bytes, bytes]]


def get(name: bytes, fields: Fields) -> bytes | None:
    """https://fetch.spec.whatwg.org/#concept-header-list-get"""
    found = None
    for key, value in fields:
        if key.lower() == name.lower():
            trimmed = re.sub(rb"\r?\n[ \t]+", b" ", value.strip(b" \t\r\n"))
            found = trimmed if found is None else found + b"\x2c\x20" + trimmed
    return found


def token_list(value: str) -> list[str] | None:
    """https://www.rfc-editor.org/rfc/rfc9110#section-5.6.1"""
    tokens = []
    for element in value.split(","):
        while element[:1] in ("\t", " ") and element:
            element = element[1:]
        while element[-1:] in ("\t", " ") and element:
            element = element[:-1]
        if element == "":
            continue
        for char in element:
            if not ("a" <= char <= "z" or "A" <= char <= "Z" or "0" <= char <= "9" or char in "!#$%&'*+-.^_`|~"):
                return None
        tokens.append(element)
    return tokens


def extract(name: bytes, fields: Fields) -> list[str] | str | None:
    """https://fetch.spec.whatwg.org/#extract-header-list-values, for names whose grammar is a list"""
    values: list[str] = []
    seen = False
    for key, value in fields:
        if key.lower() == name.lower():
            seen = True
            tokens = token_list((get(name, [(key, value)]) or b"").decode("latin-1"))
            if tokens is None:
                return "failure"
            values.extend(tokens)
    return values if seen else None


def decode_and_split(text: str) -> list[str]:
    """https://fetch.spec.whatwg.org/#header-value-get-decode-and-split"""
    position = 0
    values = []
    value = ""
    while True:
        while position < len(text) and text[position] not in '",':
            value += text[position]
            position += 1
        if position < len(text) and text[position] == '"':
            start = position
            position = _after_quoted_string(text, position)
            value += text[start:position]
            if position < len(text):
                continue
        values.append(value.strip("\t "))
        value = ""
        if position >= len(text):
            return values
        position += 1


def _after_quoted_string(text: str, position: int) -> int:
    position += 1
    while position < len(text):
        char = text[position]
        position += 1
        if char == '"':
            return position
        if char == "\\":
            position = min(position + 1, len(text))
    return position


def cors_check(origin: bytes, credentials_mode: str, fields: Fields) -> str:
    """https://fetch.spec.whatwg.org/#concept-cors-check; "success", or which of its steps fails."""
    allowed = get(b"access-control-allow-origin", fields)
    if allowed is None:
        return "no origin"
    if credentials_mode != "include" and allowed == b"*":
        return "success"
    if origin != allowed:
        return "origin"
    if credentials_mode != "include":
        return "success"
    credentials = get(b"access-control-allow-credentials", fields)
    if credentials == b"true":
        return "success"
    return "credentials"


def preflight_check(
    origin: bytes, method: str, unsafe_names: Iterable[str], credentials_mode: str, status: int, fields: Fields
) -> str:
    """https://fetch.spec.whatwg.org/#cors-preflight-fetch-0; "success", or which of its steps fails."""
    unsafe_names = list(unsafe_names)
    shared = cors_check(origin, credentials_mode, fields)
    if shared != "success":
        return shared
    if status < 200 or status > 299:
        return "status"
    methods = extract(b"access-control-allow-methods", fields)
    header_names = extract(b"access-control-allow-headers", fields)
    if methods == "failure":
        return "methods"
    if header_names == "failure":
        return "headers"
    methods = methods or []
    header_names = header_names or []
    safelisted = method == "GET" or method == "HEAD" or method == "POST"
    if method not in methods and not safelisted and (credentials_mode == "include" or "*" not in methods):
        return "method"
    for name in unsafe_names:
        if name.lower() == "authorization" and not any(name.lower() == listed.lower() for listed in header_names):
            return "non-wildcard header"
    for name in unsafe_names:
        listed_so = any(name.lower() == listed.lower() for listed in header_names)
        if not listed_so and (credentials_mode == "include" or "*" not in header_names):
            return "header"
    return "success"
