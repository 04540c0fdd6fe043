"""Whether Chromium takes a text for a URL: what tells InvalidAllowOriginValue from AllowOriginMismatch.

Chromium hands the value of Access-Control-Allow-Origin to its URL parser only to name the failure more exactly, so this
decides a name and never an outcome. https://url.spec.whatwg.org/#url-parsing
"""

from ipaddress import IPv6Address
from typing import Final
from urllib.parse import unquote_to_bytes

_SCHEME_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.")
_SPECIAL: Final = frozenset({"http", "https", "ws", "wss", "ftp"})
_FORBIDDEN_HOST: Final = (
    frozenset("\0\t\n\r #/:<>?@[\\]^|") | frozenset(chr(code) for code in range(0x20)) | {"%", "\x7f"}
)


def is_valid_url(text: str) -> bool:
    """Say whether the text parses as an absolute URL."""
    text = text.strip("".join(map(chr, range(0x21))))
    text = text.replace("\t", "").replace("\n", "").replace("\r", "")
    scheme, colon, rest = text.partition(":")
    if (
        not colon
        or not scheme
        or not (scheme[0].isascii() and scheme[0].isalpha())
        or not _SCHEME_CHARS.issuperset(scheme)
    ):
        return False
    scheme = scheme.lower()
    if scheme not in _SPECIAL:
        return not rest.startswith("//") or _is_opaque_host(_authority(rest[2:], "/?#"))
    return _is_special_host(_authority(rest.replace("\\", "/").lstrip("/"), "/?#"))


def _authority(text: str, ends: str) -> str:
    cut = min((text.index(end) for end in ends if end in text), default=len(text))
    return text[:cut].rpartition("@")[2]


def _split_port(authority: str) -> tuple[str, bool]:
    """Return the host, and whether what follows it is a port."""
    if authority.startswith("["):
        host, bracket, after = authority.partition("]")
        host += bracket
    else:
        host, colon, port = authority.partition(":")
        after = colon + port
    if not after:
        return host, True
    digits = after[1:]
    return host, after[0] == ":" and (
        not digits or (digits.isascii() and digits.isdigit() and int(digits[:9]) <= 65535)
    )


def _is_opaque_host(authority: str) -> bool:
    host, port_ok = _split_port(authority)
    if host.startswith("["):
        return port_ok and _is_ipv6(host)
    return port_ok and not (_FORBIDDEN_HOST - {"%"}).intersection(host)


def _is_special_host(authority: str) -> bool:
    host, port_ok = _split_port(authority)
    if not port_ok or not host:
        return False
    if host.startswith("["):
        return _is_ipv6(host)
    decoded = unquote_to_bytes(host.encode("latin-1", "replace")).decode("utf-8", "replace")
    if _FORBIDDEN_HOST.intersection(decoded) or not _is_domain(decoded):
        return False
    labels = decoded.rstrip(".").split(".") if decoded != "." else [""]
    last = labels[-1]
    if _is_number(last):
        return _is_ipv4(labels)
    return bool(decoded)


def _is_domain(host: str) -> bool:
    if host.isascii():
        return True
    try:
        return "\ufffd" not in host and bool(host.encode("idna"))
    except UnicodeError:
        return False


def _is_number(label: str) -> bool:
    if label.isascii() and label.isdigit():
        return True
    return label[:2].lower() == "0x" and all(char in "0123456789abcdefABCDEF" for char in label[2:])


def _is_ipv4(labels: list[str]) -> bool:
    if len(labels) > 4:
        return False
    numbers = []
    for label in labels:
        if not label or not _is_number(label) or len(label) > 20:
            return False
        try:
            if label[:2].lower() == "0x":
                numbers.append(int(label[2:] or "0", 16))
            else:
                numbers.append(int(label, 8) if len(label) > 1 and label[0] == "0" else int(label))
        except ValueError:
            return False
    return all(number <= 255 for number in numbers[:-1]) and numbers[-1] < 256 ** (5 - len(numbers))


def _is_ipv6(host: str) -> bool:
    if not host.endswith("]"):
        return False
    try:
        IPv6Address(host[1:-1])
    except ValueError:
        return False
    return "%" not in host
