"""Taking secrets out of what reports show: they are passed around, attached to tickets and kept by build servers."""

import functools
import re
from typing import Final
from urllib.parse import quote, unquote, unquote_plus

HIDDEN: Final = "REDACTED"
NOT_SHOWN: Final = "(not shown)"

_WORDS: Final = frozenset(
    {
        *("auth", "code", "cookie", "csrf", "hmac", "jwt", "key", "nonce", "otp", "pass", "pin", "pwd"),
        *("sess", "sid", "sig", "ticket", "tok", "xsrf"),
    }
)
_PARTS: Final = re.compile(
    r"token|secret|passw|passphrase|passcode|api_?key|access_?key|signature|session|sessid|credential|bearer|authoriz|oauth"
    r"|cookie|assertion"
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# Cheap signs without which nothing can be hidden in a text.
_SUSPECT: Final = re.compile(r"[=@]|%3[Dd]|eyJ|[Bb]earer|[Bb]asic|BEARER|BASIC")
_USER_INFO: Final = re.compile(r"(?<=//)(?!\.\.\.@)[^/?#\s\\\"'<>]*@")
_PARAMETER: Final = re.compile(r"([?&;#]|(?<=&amp;))([^=?&;#\s\"'<>]{1,128}+)=([^&;#\s\"'<>]*+)")
_TOKEN: Final = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{4,}+(?:\.[A-Za-z0-9_-]*+)+")
_SCHEME: Final = re.compile(
    r"\b(bearer|basic)(\s+)(?=[A-Za-z+/._~-]*+[0-9=]|\S{20})[A-Za-z0-9+/=._~-]{6,}+", re.IGNORECASE
)
_NESTED: Final = re.compile(r"%3[Dd]|%40")
_DEEPEST: Final = 3


def redact(text: str) -> str:
    """Return a text, such as a URL or a message that holds one, with its secrets replaced.

    Replaced are user name and password of a URL, the values of query and fragment parameters whose names speak of
    secrets (in URLs inside URLs too), JSON Web Tokens, and what follows Bearer and Basic.
    """
    return _redact(text, _DEEPEST) if _SUSPECT.search(text) else text


def is_suspect(text: str) -> bool:
    """Say, cheaply, whether a text may hold what ``redact`` replaces."""
    return _SUSPECT.search(text) is not None


def _redact(text: str, depth: int) -> str:
    def parameter(match: re.Match[str]) -> str:
        lead, name, value = match.groups()
        if value and names_a_secret(name):
            value = HIDDEN
        elif depth and _NESTED.search(value):
            inner = unquote(value, "latin-1")
            cleaned = _redact(f"?{inner}", depth - 1)[1:]
            if cleaned != inner:
                value = quote(cleaned, safe="", encoding="latin-1", errors="replace")
        return f"{lead}{name}={value}"

    if "@" in text:
        text = _USER_INFO.sub("", text)
    if "=" in text:
        text = _PARAMETER.sub(parameter, text)
    return _SCHEME.sub(rf"\1\2{HIDDEN}", _TOKEN.sub(HIDDEN, text))


@functools.lru_cache(4096)
def names_a_secret(name: str) -> bool:
    """Say whether a parameter or header field of this name holds something that must not be shown."""
    plain = unquote_plus(name).strip("[]")
    lower = plain.lower()
    if _PARTS.search(lower.replace("-", "_")):
        return True
    return any(word.lower() in _WORDS for word in _WORD.findall(plain)) or lower in _WORDS


def redact_header(name: str, value: str) -> str:
    """Return a header field's value as it may be shown; that of a field that holds a secret is not shown at all."""
    lower = name.lower()
    if not lower.startswith(("access-control-", "sec-fetch-")) and names_a_secret(name):
        return NOT_SHOWN
    return redact(value)
