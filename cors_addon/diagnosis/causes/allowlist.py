"""The slips that people make when they write an allow list of origins."""

from typing import Final

from ...catalogue.violation import FixOwner
from .cause import CauseEntry

_EXACTLY: Final = "Put the page's origin on the server's list exactly as browsers send it: scheme, host, and a port "
_EXACT: Final = f"{_EXACTLY}only if it is not the default one, with nothing behind."


def _entry(id: str, title: str, signal: str, fix: str = _EXACT) -> CauseEntry:
    return CauseEntry(id, title, signal, FixOwner.SERVER, fix)


SCHEME: Final = _entry(
    "allow-list-scheme",
    "The allow list names the page with another scheme",
    "The allowed origin is the page's but for http in place of https, or the other way round.",
)
PORT: Final = _entry(
    "allow-list-port",
    "The allow list names the page's host with another port",
    "The allowed origin has the page's scheme and host, and another port or none.",
)
DEFAULT_PORT: Final = _entry(
    "allow-list-default-port",
    "The allow list spells out a default port",
    "The allowed origin ends in :443 or :80, which browsers leave away where it is the scheme's default.",
)
SLASH: Final = _entry(
    "allow-list-trailing-slash",
    "The allow list's origin ends in a slash",
    "The allowed origin is the page's with a slash behind: an origin has none.",
)
PATH: Final = _entry(
    "allow-list-path",
    "The allow list holds a URL with a path",
    "The allowed value begins with the page's origin and goes on with a path: an origin has none.",
)
WWW: Final = _entry(
    "allow-list-www",
    "The allow list names the site with www and the page has none, or the other way round",
    "The two hosts are the same but for a www. in front.",
    "List both spellings, with www. and without, or redirect visitors from one to the other.",
)
CASE: Final = _entry(
    "allow-list-case",
    "The allow list's origin is written in another letter case",
    "The values are the same but for letter case: browsers send origins in lower case and compare byte by byte.",
)
LOOPBACK: Final = _entry(
    "allow-list-loopback",
    "The allow list names the own machine by another name",
    "One says localhost, and the other 127.0.0.1, [::1] or 0.0.0.0: for browsers these are different hosts.",
    "Open the page under the name that is listed, or list both names.",
)
PUNYCODE: Final = _entry(
    "allow-list-punycode",
    "The allow list's host is written with letters beyond ASCII",
    "In its ASCII form (xn--...), which browsers send, the allowed host is the page's.",
    "Write the host as browsers send it, in its xn-- form.",
)
SPACE: Final = _entry(
    "allow-list-space",
    "The allow list's origin has a blank, a comma or an invisible character too many",
    "Without blanks, invisible characters and separators the allowed origin is the page's.",
    "Take the character out of the setting: it often comes with copying, or with a blank after a comma.",
)
QUOTES: Final = _entry(
    "allow-list-quotes",
    "The allow list's origin stands in quotation marks",
    "The value is sent with its quotation marks, from a shell, an .env file or a configuration that keeps them.",
    "Take the quotation marks off in the setting.",
)
REGEX: Final = _entry(
    "allow-list-regex",
    "A regular expression was sent as a value",
    "The value holds what only regular expressions hold: browsers compare it byte by byte with the page's origin.",
    "Match the expression on the server, from beginning to end, and send back the page's own origin with Vary: Origin.",
)
GLOB: Final = _entry(
    "allow-list-glob",
    "A pattern with * was sent as a value",
    "The value has a * beside other characters: browsers know the whole value * only.",
    "Match the pattern on the server and send back the page's own origin with Vary: Origin.",
)
LIST: Final = _entry(
    "allow-list-in-one-value",
    "The whole allow list was sent as the value",
    "The one line holds several origins: browsers take it for one value, which equals no origin.",
    "Compare the request's Origin with the list and send back that one alone, with Vary: Origin.",
)
TEMPLATE: Final = _entry(
    "allow-list-unfilled",
    "A template or a setting was not filled in",
    "The value is a placeholder, empty, or what a program prints for nothing.",
    "Look up where the value comes from: the variable is not set, or its place is not expanded in this file.",
)
KEYWORD: Final = _entry(
    "allow-list-keyword",
    "The value is a word that means nothing there",
    "The value is a word like true, all or self: only *, null or an origin count.",
    "Send the page's own origin with Vary: Origin, or * for public data without credentials.",
)
NO_SCHEME: Final = _entry(
    "allow-list-no-scheme",
    "The allow list names a host without its scheme",
    "The value has no http:// or https:// in front: an origin begins with its scheme.",
)
OWN: Final = _entry(
    "allow-list-own-origin",
    "The allow list names the server itself in place of the page",
    "The allowed origin is that of the URL being called: the two sides were mixed up.",
    "The list is for the pages that call, and not for the server that is called: put the page's origin there.",
)
ENVIRONMENT: Final = _entry(
    "allow-list-environment",
    "The allow list names the page of another environment",
    "The hosts are the same but for a word like staging, dev or prod, or one of them is the developer's own machine.",
    "List the page of this environment too, or set the list where the environment is configured.",
)
PREVIEW: Final = _entry(
    "allow-list-preview",
    "The page is a preview deployment, and the allow list names the main one",
    "Both are projects at the same hosting service, whose names begin alike.",
    "Previews have a new name each time: match them on the server by the project's own prefix and suffix, or call the "
    "API through the page's own origin.",
)
TYPO: Final = _entry(
    "allow-list-typo",
    "The allow list's host is misspelt",
    "The hosts differ by one or two letters.",
)
SUBDOMAIN: Final = _entry(
    "allow-list-subdomain",
    "The allow list names another subdomain of the same site",
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
    LIST,
    GLOB,
    REGEX,
    TEMPLATE,
    KEYWORD,
)
