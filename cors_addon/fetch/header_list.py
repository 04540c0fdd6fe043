"""Header lists, read once.

Header names and values are ``str`` holding one character for each byte (isomorphic decoding, Latin-1), so that
``len(value)`` is a length in bytes and no byte is ever lost.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from string import ascii_lowercase, ascii_uppercase
from types import MappingProxyType
from typing import Any, Final

HTTP_WHITESPACE: Final = " \t\r\n"

_FOLD: Final = re.compile(r"\r?\n[ \t]++")
_LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)
_UPPER: Final = str.maketrans(ascii_lowercase, ascii_uppercase)


def byte_lowercase(text: str) -> str:
    """https://infra.spec.whatwg.org/#byte-lowercase (``str.lower`` knows more letters than A to Z)"""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def byte_uppercase(text: str) -> str:
    """https://infra.spec.whatwg.org/#byte-uppercase"""
    return text.upper() if text.isascii() else text.translate(_UPPER)


_READ: Final = (
    *("origin", "user-agent", "accept", "referer", "cookie", "authorization", "sec-fetch-site", "sec-fetch-mode"),
    *("sec-fetch-dest", "sec-fetch-storage-access", "upgrade", "upgrade-insecure-requests", "if-none-match"),
    *("if-modified-since", "access-control-request-method", "access-control-request-headers"),
    *("access-control-request-private-network", "access-control-allow-origin", "access-control-allow-credentials"),
    *("access-control-allow-methods", "access-control-allow-headers", "access-control-expose-headers"),
    *("access-control-max-age", "access-control-allow-private-network", "cache-control", "content-type"),
    *("content-encoding", "content-length"),
    *("content-security-policy", "cross-origin-embedder-policy", "cross-origin-resource-policy", "location", "server"),
    *("set-cookie", "timing-allow-origin", "vary", "www-authenticate", "x-content-type-options"),
)
"""The headers that are asked for again and again: each is an attribute of ``HeaderList``."""

_MOST_NAMES: Final = 2_000
_LONGEST_NAME: Final = 64
_NO_ATTRIBUTE: Final = ""


def _attribute(name: str) -> str:
    """Return the attribute that holds the header of a lower-case name: ``access-control-`` is left out."""
    return name.removeprefix("access-control-").replace("-", "_")


_ATTRIBUTES: Final[dict[str | bytes, str]] = {name: _attribute(name) for name in _READ}
"""The attribute of each spelling of a name met first, of bytes or not, and of others that there is none; no more than
these, and no long ones, so that no server can fill the memory."""


def _learn(name: str | bytes) -> str:
    # Of bytes, lower-casing knows the letters A to Z alone.
    lower = byte_lowercase(name) if isinstance(name, str) else name.lower().decode("latin-1")
    attribute = _ATTRIBUTES.get(lower, _NO_ATTRIBUTE)
    if len(_ATTRIBUTES) < _MOST_NAMES and len(name) <= _LONGEST_NAME:
        _ATTRIBUTES[name] = attribute
    return attribute


_MOST_LISTS: Final = 1_000
_LONGEST_LIST: Final = 60
_NAMES: Final[dict[tuple[str | bytes, ...], tuple[str, ...]]] = {}
"""The lower-case names of the lists met first. A browser and a server send the same names again and again."""


def _learn_names(spelled: tuple[str | bytes, ...]) -> tuple[str, ...]:
    lower = [byte_lowercase(name if isinstance(name, str) else name.decode("latin-1")) for name in spelled]
    names = tuple(dict.fromkeys(lower))
    if len(_NAMES) < _MOST_LISTS and len(names) <= _LONGEST_LIST and max(map(len, names), default=0) <= _LONGEST_NAME:
        _NAMES[spelled] = names
    return names


def is_read(name: bytes) -> bool:
    """Say whether a header of this name is one that is asked for again and again."""
    attribute = _ATTRIBUTES.get(name)
    if attribute is None and len(name) <= _LONGEST_NAME:
        attribute = _ATTRIBUTES.get(name.lower().decode("latin-1"))
    return bool(attribute)


class HeaderList:
    """An ordered list of header lines, read once: the headers that are often asked for are attributes.

    https://fetch.spec.whatwg.org/#concept-header-list
    An attribute holds what ``get`` returns for its header. ``lines`` gives every line as it was sent. Look-ups see
    values with leading and trailing whitespace taken off, as the standard's *normalize* does before a value ever enters
    a header list, and with a folded line unfolded, as https://www.rfc-editor.org/rfc/rfc9112#section-5.2 asks of
    whoever reads it. Nothing changes a list after it is made.
    """

    accept: str | None = None
    allow_credentials: str | None = None
    allow_headers: str | None = None
    allow_methods: str | None = None
    allow_origin: str | None = None
    allow_private_network: str | None = None
    authorization: str | None = None
    cache_control: str | None = None
    content_encoding: str | None = None
    content_length: str | None = None
    content_security_policy: str | None = None
    content_type: str | None = None
    cookie: str | None = None
    cross_origin_embedder_policy: str | None = None
    cross_origin_resource_policy: str | None = None
    expose_headers: str | None = None
    if_modified_since: str | None = None
    if_none_match: str | None = None
    location: str | None = None
    max_age: str | None = None
    origin: str | None = None
    referer: str | None = None
    request_headers: str | None = None
    request_method: str | None = None
    request_private_network: str | None = None
    sec_fetch_dest: str | None = None
    sec_fetch_mode: str | None = None
    sec_fetch_site: str | None = None
    sec_fetch_storage_access: str | None = None
    server: str | None = None
    set_cookie: str | None = None
    timing_allow_origin: str | None = None
    upgrade: str | None = None
    upgrade_insecure_requests: str | None = None
    user_agent: str | None = None
    vary: str | None = None
    www_authenticate: str | None = None
    x_content_type_options: str | None = None

    size: int = 0
    """Bytes of all names and values."""

    _lines: tuple[tuple[str, str], ...] | None = None
    _fields: tuple[Sequence[bytes], ...] = ()
    _others: dict[str, tuple[str, ...]] | None = None
    _names: tuple[str, ...] | None = None
    _repeated: Mapping[str, list[str]] = MappingProxyType({})

    def __init__(self, lines: Iterable[tuple[str, str]] = ()) -> None:
        self._lines = tuple(lines)
        found: dict[str, Any] = self.__dict__
        size = 0
        for name, value in self._lines:
            size += len(name) + len(value)
            attribute = _ATTRIBUTES.get(name)
            if attribute is None:
                attribute = _learn(name)
            if attribute:
                value = value.strip(HTTP_WHITESPACE)
                if attribute in found or "\n" in value:
                    self._fold_in(attribute, value)
                else:
                    found[attribute] = value
        self.size = size
        self._join()

    @classmethod
    def from_bytes(cls, fields: Iterable[Sequence[bytes]]) -> "HeaderList":
        """Build a list from raw field lines, pairs of name and value; any byte is accepted."""
        made = cls.__new__(cls)
        found: dict[str, Any] = made.__dict__
        found["_fields"] = kept = tuple(fields)
        # Each exchange pays for this loop twice, so the usual spellings of names are not lower-cased again.
        size = 0
        for name, value in kept:
            size += len(name) + len(value)
            attribute = _ATTRIBUTES.get(name)
            if attribute is None:
                attribute = _learn(name)
            if attribute:
                text = value.decode("latin-1").strip(HTTP_WHITESPACE)
                if attribute in found or "\n" in text:
                    made._fold_in(attribute, text)
                else:
                    found[attribute] = text
        found["size"] = size
        made._join()
        return made

    def _fold_in(self, attribute: str, value: str) -> None:
        """Add a value that may be folded, or one of several of its name."""
        found: dict[str, Any] = self.__dict__
        value = _unfolded(value)
        if attribute not in found:
            found[attribute] = value
            return
        repeated = found.setdefault("_repeated", {})
        repeated.setdefault(attribute, [found[attribute]]).append(value)

    def _join(self) -> None:
        """Put together, once, what several lines make up: there may be thousands."""
        for attribute, values in self._repeated.items():
            self.__dict__[attribute] = ", ".join(values)

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """Every line as it was sent."""
        if self._lines is None:
            self._lines = tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._fields])
        return self._lines

    def _by_name(self) -> dict[str, tuple[str, ...]]:
        """Return the values of each header that has no attribute, by lower-cased name; made at the first look-up."""
        if self._others is None:
            others: dict[str, list[str]] = {}
            for name, value in self.lines:
                if not (_ATTRIBUTES.get(name) or _learn(name)):
                    others.setdefault(byte_lowercase(name), []).append(_unfolded(value.strip(HTTP_WHITESPACE)))
            # Tuples of text are nothing for the garbage collector to look through.
            self._others = {name: tuple(values) for name, values in others.items()}
        return self._others

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return the value of every line with this name, in order; empty when there is none."""
        attribute = _ATTRIBUTES.get(name)
        if attribute is None:
            attribute = _learn(name)
        if not attribute:
            return self._by_name().get(byte_lowercase(name), ())
        value: str | None = getattr(self, attribute)
        if value is None:
            return ()
        return tuple(self._repeated[attribute]) if attribute in self._repeated else (value,)

    def get(self, name: str) -> str | None:
        """Return all values of that name joined by a comma and a space, or ``None``.

        https://fetch.spec.whatwg.org/#concept-header-list-get
        """
        attribute = _ATTRIBUTES.get(name)
        if attribute is None:
            attribute = _learn(name)
        if attribute:
            value: str | None = getattr(self, attribute)
            return value
        values = self._by_name().get(byte_lowercase(name))
        return None if values is None else ", ".join(values)

    def names(self) -> tuple[str, ...]:
        """Return the lower-cased names present, each once, in the order of first appearance."""
        if self._names is None:
            spelled: tuple[str | bytes, ...] = tuple([line[0] for line in self._fields or self._lines or ()])
            self._names = _NAMES.get(spelled) or _learn_names(spelled)
        return self._names

    def is_repeated(self, attribute: str) -> bool:
        """Say whether several lines make up what an attribute holds."""
        return attribute in self._repeated

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self._fields if self._lines is None else self._lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HeaderList) and (self is other or self.lines == other.lines)

    def __hash__(self) -> int:
        return hash(self.lines)

    def __repr__(self) -> str:
        return f"HeaderList({self.lines!r})"


def _unfolded(value: str) -> str:
    return _FOLD.sub(" ", value) if "\n" in value else value
