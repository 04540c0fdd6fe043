"""Methods: safelisted, forbidden, normalized."""

from typing import Final

from .headers import byte_uppercase

_SAFELISTED: Final = frozenset({"GET", "HEAD", "POST"})
_FORBIDDEN: Final = frozenset({"CONNECT", "TRACE", "TRACK"})
_NORMALIZED: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})


def is_cors_safelisted_method(method: str) -> bool:
    """https://fetch.spec.whatwg.org/#cors-safelisted-method (byte-exact)"""
    return method in _SAFELISTED


def is_forbidden_method(method: str) -> bool:
    """https://fetch.spec.whatwg.org/#forbidden-method (case-insensitive)"""
    return byte_uppercase(method) in _FORBIDDEN


def normalize_method(method: str) -> str:
    """Upper-case the six methods that the API upper-cases; ``patch`` is not one of them.

    https://fetch.spec.whatwg.org/#concept-method-normalize
    """
    upper = byte_uppercase(method)
    return upper if upper in _NORMALIZED else method
