"""Registrable domains, from the Public Suffix List that mitmproxy brings along."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ..fetch.origins import address_of

_LONGEST_NAME: Final = 255


@lru_cache(maxsize=1)
def _list() -> bytes:
    """Read the list on first need; empty where it is not there.

    publicsuffix2, which carries it, takes tens of milliseconds to make a tree of it, and takes whatever stands above a
    rule for a rule.
    """
    found = find_spec("publicsuffix2")
    if found is None or found.origin is None:
        return b""
    try:
        return Path(found.origin).with_name("public_suffix_list.dat").read_bytes()
    except OSError:
        return b""


@lru_cache(maxsize=1)
def _rules() -> frozenset[bytes]:
    return frozenset(_list().splitlines())


def is_above_public_suffixes(host: str) -> bool:
    """Say whether there are public suffixes below a host name, so that a wildcard over it reaches strangers."""
    return b".%b\n" % b".".join(map(_as_listed, host.split("."))) in _list()


def registrable_domain(host: str) -> str | None:
    """Return the registrable domain of a host name; ``None`` for addresses, single labels and public suffixes.

    https://url.spec.whatwg.org/#host-registrable-domain
    """
    # Whatever is longer is no name, and must not fill the cache.
    return _registrable_domain(host) if len(host) <= _LONGEST_NAME else None


@lru_cache(maxsize=4096)
def _registrable_domain(host: str) -> str | None:
    if address_of(host) is not None or "." not in host:
        return None
    labels = host.split(".")
    rules = _rules()
    if not rules:
        return ".".join(labels[-2:])
    length = _suffix_length([_as_listed(label) for label in labels], rules)
    return ".".join(labels[-length - 1 :]) if length < len(labels) else None


def _suffix_length(labels: list[bytes], rules: frozenset[bytes]) -> int:
    """Return of how many labels the public suffix of a name consists.

    https://github.com/publicsuffix/list/wiki/Format#formal-algorithm
    """
    for start in range(len(labels)):
        suffix, above = b".".join(labels[start:]), b".".join(labels[start + 1 :])
        if b"!" + suffix in rules:
            return len(labels) - start - 1
        if suffix in rules or b"*." + above in rules:
            return len(labels) - start
    return 1


def _as_listed(label: str) -> bytes:
    """Return a label as the list has it: in UTF-8, and not in punycode."""
    if label.startswith("xn--"):
        try:
            return label[4:].encode("ascii").decode("punycode").encode()
        except UnicodeError:
            pass
    return label.encode("utf-8", "surrogatepass")
