"""The mistakes that people make when they write an allowlist of origins."""

from typing import Final

from ...catalogue.violation import FixOwner
from .cause import CauseEntry

_EXACTLY: Final = "Put the page's origin on the server's list exactly as browsers send it: scheme, host, and a port "
_EXACT: Final = f"{_EXACTLY}only if it is not the default one, with nothing after it."


def _entry(id: str, title: str, signal: str, fix: str = _EXACT) -> CauseEntry:
    return CauseEntry(id, title, signal, FixOwner.SERVER, fix)


SCHEME: Final = _entry(
    "allow-list-scheme",
    "The allowlist names the page with another scheme",
    "The allowed origin is the page's, with http instead of https or the other way round.",
)
PORT: Final = _entry(
    "allow-list-port",
    "The allowlist names the page's host with another port",
    "The allowed origin has the page's scheme and host, with another port or without one.",
)
DEFAULT_PORT: Final = _entry(
    "allow-list-default-port",
    "The allowlist spells out a default port",
    "The allowed origin ends in :443 or :80, which browsers omit where it is the scheme's default.",
)
SLASH: Final = _entry(
    "allow-list-trailing-slash",
    "The allowlist's origin ends in a slash",
    "The allowed origin is the page's with a slash at its end: an origin has none.",
)
PATH: Final = _entry(
    "allow-list-path",
    "The allowlist has a URL with a path",
    "The allowed value begins with the page's origin and goes on with a path: an origin has none.",
)
WWW: Final = _entry(
    "allow-list-www",
    "The allowlist names the site with www and the page has none, or the other way round",
    "The two hosts differ only by www. at the beginning.",
    "List both spellings, with www. and without, or redirect visitors from one to the other.",
)
CASE: Final = _entry(
    "allow-list-case",
    "The allowlist's origin is written in another letter case",
    "The values differ only in letter case: browsers send origins in lower case and compare byte by byte.",
)
LOOPBACK: Final = _entry(
    "allow-list-loopback",
    "The allowlist has another name of this machine, such as 127.0.0.1 for localhost",
    "One says localhost, and the other 127.0.0.1, [::1] or 0.0.0.0: for browsers these are different hosts.",
    "Open the page under the name that is listed, or list both names.",
)
PUNYCODE: Final = _entry(
    "allow-list-punycode",
    "The allowlist's host is written with letters beyond ASCII",
    "In its ASCII form (xn--...), which browsers send, the allowed host is the page's.",
    "Write the host as browsers send it, in its xn-- form.",
)
SPACE: Final = _entry(
    "allow-list-space",
    "The allowlist's origin has an extra space, comma or invisible character",
    "Without spaces, invisible characters and separators the allowed origin is the page's.",
    "Remove the character from the setting: it often comes with copying, or with a space after a comma.",
)
QUOTES: Final = _entry(
    "allow-list-quotes",
    "The allowlist's origin is sent with quotation marks",
    "The value is sent with its quotation marks, from a shell, an .env file or a configuration that keeps them.",
    "Remove the quotation marks from the setting.",
)
REGEX: Final = _entry(
    "allow-list-regex",
    "A regular expression was sent as a value",
    "The value has characters that only regular expressions have: browsers compare byte by byte with the page's "
    "origin.",
    "Match the expression on the server, from beginning to end, and send back the page's own origin with Vary: Origin.",
)
GLOB: Final = _entry(
    "allow-list-glob",
    "A pattern with * was sent as a value",
    "The value has a * beside other characters: browsers know * alone only.",
    "Match the pattern on the server and send back the page's own origin with Vary: Origin.",
)
BRACKETS: Final = _entry(
    "allow-list-brackets",
    "The value is sent as a JSON array or in brackets",
    "The value begins and ends with brackets, often with quotation marks inside: a list was printed as it is.",
    "Parse the setting as a list, compare the request's Origin with it, and send back that one origin without brackets "
    "and quotation marks, with Vary: Origin.",
)
LIST: Final = _entry(
    "allow-list-in-one-value",
    "The whole allowlist was sent as the value",
    "The line has several origins: browsers take it for one value, which equals no origin.",
    "Compare the request's Origin with the list and send back that one origin, with Vary: Origin.",
)
TEMPLATE: Final = _entry(
    "allow-list-unfilled",
    "A template or a setting was not filled in",
    "The value is a placeholder, empty, or what a program prints for nothing.",
    "Check where the value comes from: the variable is not set, or this file does not expand it.",
)
KEYWORD: Final = _entry(
    "allow-list-keyword",
    "The value is a word that means nothing to browsers",
    "The value is a word like true, all or self: only *, null or an origin count.",
    "Send the page's own origin with Vary: Origin, or * for public data without credentials.",
)
NO_SCHEME: Final = _entry(
    "allow-list-no-scheme",
    "The allowlist has a host without its scheme",
    "The value does not begin with http:// or https://: an origin begins with its scheme.",
)
OWN: Final = _entry(
    "allow-list-own-origin",
    "The allowlist has the server's own origin instead of the page's",
    "The allowed origin is that of the URL being called.",
    "List the pages that call, not the server that is called: put the page's origin there.",
)
ENVIRONMENT: Final = _entry(
    "allow-list-environment",
    "The allowlist names the page of another environment",
    "The hosts differ only by a word like staging, dev or prod, or one of them is the developer's machine.",
    "List the page of this environment too, or set the list where the environment is configured.",
)
PREVIEW: Final = _entry(
    "allow-list-preview",
    "The page is a preview deployment, and the allowlist names the main one",
    "Both are projects at the same hosting service, whose names begin alike.",
    "Each preview has a new name: match them on the server by the project's own prefix and suffix, or call the "
    "API through the page's own origin.",
)
TYPO: Final = _entry(
    "allow-list-typo",
    "The allowlist's host is misspelt",
    "The hosts differ by one or two letters.",
)
SUBDOMAIN: Final = _entry(
    "allow-list-subdomain",
    "The allowlist names another subdomain of the same site",
    "Both hosts belong to the same registrable domain.",
    "List this page's origin as well: subdomains are origins of their own.",
)

ENTRIES: Final = (
    SLASH,
    CASE,
    DEFAULT_PORT,
    SCHEME,
    PORT,
    PATH,
    WWW,
    LOOPBACK,
    NO_SCHEME,
    OWN,
    ENVIRONMENT,
    PREVIEW,
    SUBDOMAIN,
    TYPO,
    PUNYCODE,
    SPACE,
    QUOTES,
    BRACKETS,
    LIST,
    GLOB,
    REGEX,
    TEMPLATE,
    KEYWORD,
)
