"""URLs as browsers parse them.

https://url.spec.whatwg.org/#url-parsing
The standard library follows RFC 3986, under which a browser's next request cannot be foretold: backslashes, missing
slashes, spaces, ``%2e``, shorthand addresses and non-ASCII bytes all come out otherwise.
"""

import re
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from typing import Final
from unicodedata import category, normalize
from urllib.parse import quote, unquote_to_bytes

DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}

_C0_CONTROLS_AND_SPACE: Final = "".join(map(chr, range(0x21)))
_TAB_OR_NEWLINE: Final = re.compile(r"[\t\n\r]+")
_SPACE_AT_END: Final = re.compile(r" (?=\?|\Z)")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_SINGLE_DOT: Final = frozenset({".", "%2e"})
_DOUBLE_DOT: Final = frozenset({"..", ".%2e", "%2e.", "%2e%2e"})

# What the percent-encode sets leave alone, beside letters, digits and "-._~".
_SAFE_IN_PATH: Final = "!$%&'()*+,/:;=@[\\]|"
_SAFE_IN_QUERY: Final = "!$%&()*+,/:;=?@[\\]^`{|}"
_SAFE_IN_USER_INFO: Final = "!$%&'()*+,"

_FORBIDDEN_IN_DOMAIN: Final = re.compile(r"[\x00-\x20#%/:<>?@\[\\\]^|\x7f]")
_IGNORED_IN_DOMAIN: Final = dict.fromkeys([0xAD, 0x34F, 0x200B, 0x2060, 0x2064, 0xFEFF, *range(0xFE00, 0xFE10)])
_DISALLOWED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
_JOINERS: Final = "\u200c\u200d"
_DIGITS: Final = {8: re.compile("[0-7]*"), 10: re.compile("[0-9]*"), 16: re.compile("[0-9A-Fa-f]*")}
# A port or an IPv4 address has no more digits than this in any base.
_LONGEST_NUMBER: Final = 11
_TOO_LARGE: Final = 1 << 40
_LONGEST_DOMAIN: Final = 253


@dataclass(frozen=True, slots=True)
class Url:
    """A parsed URL without its fragment.

    ``port`` is ``None`` where it is the scheme's default. Where the scheme is not one of ``DEFAULT_PORTS``, ``host`` is
    ``None`` and ``path`` all that follows the scheme, as it was.
    """

    scheme: str
    host: str | None
    port: int | None
    path: str
    query: str | None = None
    username: str = ""
    password: str = ""

    @property
    def includes_credentials(self) -> bool:
        """https://url.spec.whatwg.org/#include-credentials"""
        return bool(self.username or self.password)

    def serialize(self) -> str:
        """https://url.spec.whatwg.org/#concept-url-serializer"""
        if self.host is None:
            return f"{self.scheme}:{self.path}"
        user_info = self.username + (f":{self.password}" if self.password else "")
        return (
            f"{self.scheme}://{user_info}{'@' if user_info else ''}{self.host}"
            f"{'' if self.port is None else f':{self.port}'}{self.path}{'' if self.query is None else f'?{self.query}'}"
        )


def parse_url(text: str, base: Url | None = None) -> Url | None:
    """Parse a URL, relative to ``base`` where there is one; ``None`` is the standard's *failure*.

    https://url.spec.whatwg.org/#concept-basic-url-parser
    """
    text = _TAB_OR_NEWLINE.sub("", text.strip(_C0_CONTROLS_AND_SPACE)).partition("#")[0]
    match = _SCHEME.match(text)
    if match is not None:
        scheme, rest = match[1].lower(), text[match.end() :]
    elif base is not None and base.host is not None:
        scheme, rest = base.scheme, text
    else:
        return None
    if scheme not in DEFAULT_PORTS:
        # https://url.spec.whatwg.org/#cannot-be-a-base-url-path-state: else a second parser would strip the space.
        return Url(scheme, None, None, _SPACE_AT_END.sub("%20", rest))
    path, mark, query = rest.partition("?")
    path = path.replace("\\", "/")
    new_query = _percent_encode(query, _SAFE_IN_QUERY) if mark else None
    if base is not None and base.scheme == scheme and not path.startswith("//"):
        return _relative(path, new_query, base)
    authority, slash, path = path.lstrip("/").partition("/")
    user_info, _, host_and_port = authority.rpartition("@")
    place = _parse_host_and_port(host_and_port)
    if place is None:
        return None
    host, port = place
    username, _, password = user_info.partition(":")
    return Url(
        scheme,
        host,
        None if port == DEFAULT_PORTS[scheme] else port,
        _parse_path(slash + path),
        new_query,
        _percent_encode(username, _SAFE_IN_USER_INFO),
        _percent_encode(password, _SAFE_IN_USER_INFO),
    )


def _relative(path: str, query: str | None, base: Url) -> Url:
    if not path:
        return replace(base, query=base.query if query is None else query)
    if not path.startswith("/"):
        path = base.path.rpartition("/")[0] + "/" + path
    return replace(base, path=_parse_path(path), query=query)


def _parse_path(path: str) -> str:
    """Take the dot segments out and percent-encode the rest; ``path`` is empty or begins with a slash."""
    segments: list[str] = []
    *inner, last = path.split("/")[1:] or [""]
    for segment in inner:
        lower = segment.lower()
        if lower in _DOUBLE_DOT:
            del segments[-1:]
        elif lower not in _SINGLE_DOT:
            segments.append(segment)
    lower = last.lower()
    if lower in _DOUBLE_DOT:
        del segments[-1:]
    segments.append("" if lower in _DOUBLE_DOT or lower in _SINGLE_DOT else last)
    return "/" + _percent_encode("/".join(segments), _SAFE_IN_PATH)


def _percent_encode(text: str, safe: str) -> str:
    try:
        return quote(text, safe + "%", errors="surrogateescape")
    except UnicodeEncodeError:
        return quote(text, safe + "%", errors="replace")


def _parse_host_and_port(text: str) -> tuple[str, int | None] | None:
    if text.startswith("["):
        inside, bracket, after = text.partition("]")
        host, colon, digits = inside + bracket, after[:1], after[1:]
        if colon not in ("", ":"):
            return None
    else:
        host, colon, digits = text.partition(":")
    parsed = parse_host(host)
    if parsed is None:
        return None
    if not digits:
        return parsed, None
    port = _parse_number(digits, 10)
    return None if port is None or port > 0xFFFF else (parsed, port)


def parse_host(text: str) -> str | None:
    """Parse a host and serialize it again; ``None`` is the standard's *failure*.

    https://url.spec.whatwg.org/#concept-host-parser
    """
    if text.startswith("["):
        return _parse_ipv6(text[1:-1]) if text.endswith("]") else None
    try:
        domain = unquote_to_bytes(text).decode("utf-8")
    except UnicodeError:
        return None
    host = _domain_to_ascii(domain)
    if not host or _FORBIDDEN_IN_DOMAIN.search(host):
        return None
    labels = host.split(".")
    if labels[-1] == "" and len(labels) > 1:
        labels.pop()
    last = labels[-1]
    if (last.isascii() and last.isdigit()) or _parse_ipv4_number(last) is not None:
        return _parse_ipv4(labels)
    return host


def _domain_to_ascii(domain: str) -> str | None:
    """Map a domain as UTS 46 does, without transitional processing; labels already in punycode are taken as they are.

    https://url.spec.whatwg.org/#concept-domain-to-ascii
    The mapping table is not in the standard library. Compatibility normalization and lower-casing stand in for it; they
    differ from it in letters that no registry grants.
    """
    if domain.isascii():
        return domain.lower()
    if len(domain) > _LONGEST_DOMAIN:
        return None  # no such name can be looked up, and what follows takes quadratic time
    # One character at a time: str.lower has a rule for a sigma at a word's end, the mapping has none.
    mapped = normalize("NFKC", "".join([char.lower() for char in domain.translate(_IGNORED_IN_DOMAIN)]))
    labels = mapped.replace("\u3002", ".").split(".")
    for place, label in enumerate(labels):
        if label.isascii():
            continue
        if category(label[0]).startswith("M"):
            return None
        if any(category(char) in _DISALLOWED_CATEGORIES and char not in _JOINERS for char in label):
            return None
        labels[place] = "xn--" + label.encode("punycode").decode("ascii")
    return ".".join(labels)


def _parse_number(digits: str, base: int) -> int | None:
    """Read digits; ``None`` where one is foreign to the base. Every number too long to matter is the same large one."""
    if not _DIGITS[base].fullmatch(digits):
        return None
    digits = digits.lstrip("0") or "0"
    return int(digits, base) if len(digits) <= _LONGEST_NUMBER else _TOO_LARGE


def _parse_ipv4_number(text: str) -> int | None:
    if not text:
        return None
    if text[:2] in ("0x", "0X"):
        return _parse_number(text[2:], 16)
    return _parse_number(text, 8 if text[0] == "0" else 10)


def _parse_ipv4(labels: list[str]) -> str | None:
    """https://url.spec.whatwg.org/#concept-ipv4-parser"""
    if len(labels) > 4:
        return None
    numbers = [number for number in map(_parse_ipv4_number, labels) if number is not None]
    if len(numbers) < len(labels) or any(number > 255 for number in numbers[:-1]):
        return None
    if numbers[-1] >= 256 ** (5 - len(numbers)):
        return None
    address = numbers[-1] + sum(number << (8 * (3 - place)) for place, number in enumerate(numbers[:-1]))
    return ".".join(str(address >> shift & 0xFF) for shift in (24, 16, 8, 0))


def _parse_ipv6(text: str) -> str | None:
    """https://url.spec.whatwg.org/#concept-ipv6-parser"""
    if "%" in text:
        return None  # a zone, which the parser of the standard library would take
    try:
        address = IPv6Address(text)
    except ValueError:
        return None
    if address.ipv4_mapped is not None:
        # Python from 3.13 on writes these with dots; no browser does.
        return f"[::ffff:{int(address) >> 16 & 0xFFFF:x}:{int(address) & 0xFFFF:x}]"
    return f"[{address.compressed}]"
