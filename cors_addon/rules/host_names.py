"""The host in an entry of ``hosts`` or ``allow_origins``: a name, an address, or ``*.`` and a name."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import NoReturn

from ..fetch import urls
from ..fetch.origins import address_of
from ..traffic.public_suffixes import is_public_suffix
from .errors import quoted
from .value_error import Complaint


@dataclass(frozen=True, slots=True)
class Host:
    """A host as browsers would write it: lower-case, punycode, no trailing dot, an IPv6 address without brackets."""

    name: str
    wildcard: bool
    address: IPv4Address | IPv6Address | None


def parse_host(text: str, before: str = "") -> Host:
    """Parse a host with or without ``*.``; raises ``Complaint``. ``before`` is what stands before it in the value."""
    wildcard = text.startswith("*.")
    name = _Name(text[2:] if wildcard else text, before, len(before) + (2 if wildcard else 0))
    if name.text in ("", "*"):
        name.complain(
            "bare-star" if wildcard else "host-syntax",
            "no name follows the *." if wildcard else "the name is missing",
            "A rule is for development servers and the pages that are developed with them, so each is named.",
            f'write the name, such as "{before}*.dev.example.test"' if wildcard else "write the name of the host",
            0,
            max(1, len(name.text)),
        )
    _check_spelling(name)
    host = urls.parse_host(name.text)
    bare = "" if host is None else host.removesuffix(".")
    if not bare:
        _complain_of_unparsable(name)
    address = address_of(bare)
    if address is not None:
        canonical = bare.strip("[]")
        if wildcard:
            name.complain(
                "wildcard-address",
                "*. cannot stand before an address",
                "Nothing is below an address.",
                f'write "{before}{bare}", or in hosts a network such as "10.0.0.0/8"',
                -2,
            )
        if isinstance(address, IPv4Address) and name.text.removesuffix(".") != canonical:
            name.complain(
                "address-form",
                f"{quoted(name.text)} is another way to write {canonical}",
                "Browsers rewrite it, so it would never match.",
                f'write "{before}{canonical}"',
            )
        return Host(canonical, False, address)
    _check_labels(name, bare)
    if wildcard and is_public_suffix(bare):
        name.complain(
            "public-suffix",
            f'"*.{bare}" includes names that anybody can register',
            f"{bare} is a public suffix: what is below it belongs to many owners, strangers among them.",
            f'name the one that is yours: "{before}*.example.{bare}"',
            -2,
        )
    return Host(bare, wildcard, None)


@dataclass(frozen=True, slots=True)
class _Name:
    """A name and where it stands in the value that it is a part of."""

    text: str
    before: str
    start: int

    def complain(
        self, code: str, message: str, why: str, remedy: str, begin: int = 0, end: int | None = None
    ) -> NoReturn:
        end = len(self.text) if end is None else end
        raise Complaint(code, message, why, remedy, self.start + begin, self.start + end)


def _check_spelling(name: _Name) -> None:
    """Look for what people write who expect another syntax."""
    text = name.text
    if text.startswith(".") and not text.startswith(".*"):
        name.complain(
            "host-syntax",
            f"{quoted(text)} begins with a dot",
            "That is how cookies were once written.",
            f'write "{name.before}*{text}" for all names below, and "{name.before}{text[1:]}" for the name itself',
            0,
            1,
        )
    braces = re.search(r"[{}<>]|%\w+%", text)
    if braces:
        name.complain(
            "placeholder",
            f"{quoted(text)} holds a placeholder, and none is filled in",
            "Environment variables and templates are not read in a rule file.",
            f'write the name itself, or "{name.before}*." and a name for all below it',
            braces.start(),
            braces.end(),
        )
    regex = re.search(r"[\\^$()|+]|^\.\*|\[(?![0-9a-fA-F:.]+\]$)", text)
    if regex:
        name.complain(
            "regular-expression",
            f"{quoted(regex.group())} belongs to regular expressions, which are not read",
            "A dot or an anchor forgotten in a regular expression lets strangers in; here a dot is a dot.",
            f'write the name, or "{name.before}*.NAME" for all names below it',
            regex.start(),
            regex.end(),
        )
    if "*" in text:
        at = text.index("*")
        name.complain(
            "wildcard-place",
            "a * stands for whole labels, and only in front",
            "A * in the middle or at the end of a name would match names that strangers can register.",
            f'write "{name.before}{_without_star(text)}", or list each name',
            at,
            at + 1,
        )


def _without_star(name: str) -> str:
    if name.endswith("*") and "*" not in name[:-1] and "." in name[:-1].strip(".-"):
        return name[:-1].rstrip(".-")
    rest = name.rpartition("*")[2].lstrip(".-")
    return f"*.{rest}" if "." in rest else "*.dev.example.test"


def _complain_of_unparsable(name: _Name) -> NoReturn:
    text = name.text
    if text.startswith("["):
        name.complain(
            "host-syntax",
            f"{quoted(text)} is no IPv6 address",
            "Brackets stand around IPv6 addresses only.",
            f'write an address such as "{name.before}[::1]"',
        )
    if re.fullmatch(r"(.*\.)?(0[xX][0-9a-fA-F]*|[0-9]+)\.?", text):
        name.complain(
            "host-syntax",
            f"{quoted(text)} is no IPv4 address",
            "A name that ends in a number is an address: four numbers from 0 to 255.",
            f'write an address such as "{name.before}192.168.0.10"',
        )
    name.complain(
        "host-syntax",
        f"{quoted(text)} is no host name",
        "Browsers cannot make a host of it, so nothing would match.",
        "check the spelling",
    )


def _check_labels(name: _Name, bare: str) -> None:
    same = name.text == bare
    at = 0
    for label in bare.split("."):
        if not re.fullmatch(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", label):
            name.complain(
                "host-syntax",
                f"{quoted(label)} cannot be part of a host name" if label else "two dots follow each other",
                "Each part between dots has 1 to 63 letters, digits, hyphens or underscores, no hyphen first or last.",
                "check the spelling",
                at if same else 0,
                (at + max(1, len(label))) if same else None,
            )
        at += len(label) + 1
    if len(bare) > 253:
        name.complain("host-syntax", "the name is longer than 253 characters", "No host name is.", "check the spelling")
