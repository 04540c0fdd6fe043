"""How an allowed origin nearly is the page's."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ...fetch.origins import Origin, address_of, origin_of
from ...traffic.sites import registrable_domain
from ...verdict.model import Confidence
from .allowlist import (
    BRACKETS,
    CASE,
    DEFAULT_PORT,
    ENVIRONMENT,
    GLOB,
    KEYWORD,
    LIST,
    LOOPBACK,
    NO_SCHEME,
    OWN,
    PATH,
    PORT,
    PREVIEW,
    PUNYCODE,
    QUOTES,
    REGEX,
    SCHEME,
    SLASH,
    SPACE,
    SUBDOMAIN,
    TEMPLATE,
    TYPO,
    WWW,
)
from .cause import CauseEntry
from .edit_distance import distance

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW


@dataclass(frozen=True, slots=True)
class Miss:
    """Which cause, how sure, and in a fragment how the values differ."""

    entry: CauseEntry
    confidence: Confidence
    how: str


_LONGEST: Final = 2_000
_PLACEHOLDER: Final = re.compile(
    r"%\{[^}]*\}e?|\$\{[^}]*\}?|\{\{[^}]*\}\}|<%.*%>|%\([^)]*\)s?|%[A-Z][A-Z0-9_]+%?|\$\([^)]*\)|#\{[^}]*\}|__[A-Z0-9_]+__|\{[a-z_]\w*\}"
    r"|<[A-Za-z][\w .-]*>|\$[A-Za-z_][A-Za-z0-9_]*|@[A-Z_]{3,}@"
)
_NOTHING: Final = frozenset({"undefined", "none", "nan", "nil", "nul", "(null)", "[object object]", "function"})
_KEYWORDS: Final = frozenset(
    {"true", "false", "all", "any", "self", "'self'", "yes", "on", "1", "allow", "allowed", "origin", "same-origin"}
    | {"public", "everyone", "default", "allow_all", "allow-all", "same-site", "cross-origin"}
)
_REGEX: Final = re.compile(r"\\[.\-/dwsbS]|\.\*|\.\+|^\^|\$$|\(\?|\)\?|\]\+|\[\^|\|.*\)|^/.*/[gimsuy]*$|https\?")
_SEPARATED: Final = re.compile(r"[,;|\s]+")
_QUOTES: Final = "\"'`"
_ENVIRONMENTS: Final = re.compile(
    r"(?:dev|devel|develop|development|test|tests|testing|tst|qa|uat|stage|staging|stg|preprod|pre|prod|prd|production"
    r"|live|sandbox|sbx|demo|preview|beta|alpha|local|int|integration|canary|nightly|acc|acceptance|ci)[0-9]{0,2}"
)
_LOOPBACK_NAMES: Final = frozenset({"localhost", "0.0.0.0", "[::]"})
_PLATFORMS: Final = (
    *(".vercel.app", ".netlify.app", ".pages.dev", ".web.app", ".firebaseapp.com", ".onrender.com", ".herokuapp.com"),
    *(".azurestaticapps.net", ".amplifyapp.com", ".fly.dev", ".up.railway.app", ".surge.sh", ".github.io"),
    *(".gitlab.io", ".workers.dev", ".ngrok.io", ".ngrok-free.app", ".ngrok.app", ".trycloudflare.com", ".loca.lt"),
    *(".app.github.dev", ".gitpod.io", ".stackblitz.io", ".webcontainer.io", ".csb.app", ".replit.app", ".lovable.app"),
)


def misses(origin: str, value: str, target: Origin | None = None) -> Iterator[Miss]:
    """Say how an allowed value nearly is the page's origin, the likeliest first; nothing where they are not near.

    ``value`` is as sent, one character a byte. ``target`` is the origin that is called.
    """
    if len(value) > _LONGEST or value in ("*", "null", origin):
        return
    here = origin_of(origin)
    shape = _by_shape(origin, value)
    if shape is not None:
        yield shape
        return
    bare = value.strip(_QUOTES)
    if bare != value:
        yield Miss(QUOTES, HIGH, "it is sent with quotation marks")
        return
    if value[:1] in ",;" or value[-1:] in ",;":
        value = value.strip(",; \t")
    if value == origin:
        yield Miss(SPACE, HIGH, "an extra comma or semicolon follows the page's origin")
        return
    clean = _without_blanks(value)
    if clean != value:
        if clean.rstrip("/").lower() == origin.lower():
            yield Miss(SPACE, HIGH, "without spaces and invisible characters it is the page's origin")
            return
        value = clean if clean.isascii() else value
    if here is None:
        return
    yield from _by_spelling(origin, here, value, target)


def _by_shape(origin: str, value: str) -> Miss | None:
    """Tell what is no origin at all."""
    lower = value.strip().lower()
    if not lower:
        return Miss(TEMPLATE, HIGH, "the value is empty")
    if lower in _NOTHING or lower.startswith(("undefined", "[object ", "function ")):
        return Miss(TEMPLATE, HIGH, "programs print that for an unset value")
    if lower in _KEYWORDS:
        return Miss(KEYWORD, HIGH, "that is no origin")
    if re.fullmatch(r"\s*(?:\[[^\]]*\](?!:)|\([^()]*\)|\{[^{}]*\})\s*", value) and "://" in value:
        inside = "the page's origin is inside" if origin in value else "the page's origin is not inside"
        return Miss(BRACKETS, HIGH, f"brackets belong to the program's list, and {inside}")
    if _REGEX.search(value):
        return Miss(REGEX, HIGH, "browsers match no regular expressions")
    if _PLACEHOLDER.search(value):
        return Miss(TEMPLATE, HIGH, "a placeholder stands where the origin belongs")
    parts = [part.strip(_QUOTES + "[]") for part in _SEPARATED.split(value.strip()) if part]
    if len(parts) > 1 and (origin in parts or all("://" in part or part in ("*", "null") for part in parts)):
        named = "the page's origin is among them" if origin in parts else "the page's origin is not among them"
        return Miss(LIST, HIGH, f"{len(parts)} values in one line, {named}")
    if "*" in value:
        return Miss(GLOB, HIGH, "browsers match no patterns")
    return None


def _by_spelling(origin: str, here: Origin, value: str, target: Origin | None) -> Iterator[Miss]:
    if value.lower() == origin.lower():
        yield Miss(CASE, HIGH, "browsers send lower case")
        return
    if value.rstrip("/").lower() == origin.lower():
        yield Miss(SLASH, HIGH, "an origin has no slash at its end")
        return
    if "://" not in value:
        host = value.rstrip("/").lower()
        if host.partition("/")[0] in (here.host, f"{here.host}:{here.port}"):
            yield Miss(NO_SCHEME, HIGH, "the page's scheme is missing")
        elif re.fullmatch(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[0-9]+)?", host):
            yield Miss(NO_SCHEME, MEDIUM, "an origin begins with its scheme")
        return
    there = origin_of(value)
    if there is None or not there.host.isascii() or not value.isascii():
        there = origin_of(_as_text(value)) or there
        if there == here:
            yield Miss(PUNYCODE, HIGH, f"browsers send {here.host}")
            return
    if there is None:
        return
    if there == here:
        if value.rstrip("/") == f"{origin}:{here.port}":
            yield Miss(DEFAULT_PORT, HIGH, "browsers omit a default port")
        elif value.count("/") > 2:
            yield Miss(PATH, HIGH, "an origin has no path")
        return
    if there == target:
        yield Miss(OWN, HIGH, "that is the server being called, not the page")
        return
    yield from _by_parts(here, there, value)


def _by_parts(here: Origin, there: Origin, value: str) -> Iterator[Miss]:
    apart = _apart(here, there, ":" in value.partition("://")[2])
    also = f", and {apart}" if apart else ""
    if there.host == here.host:
        entry = SCHEME if there.scheme != here.scheme else PORT
        yield Miss(entry, HIGH, apart)
    elif _is_loopback(here.host) and _is_loopback(there.host):
        how = "localhost, 127.0.0.1 and [::1] are different hosts to browsers"
        yield Miss(LOOPBACK, MEDIUM if apart else HIGH, f"{how}{also}")
    elif here.host.removeprefix("www.") == there.host.removeprefix("www."):
        yield Miss(WWW, MEDIUM if apart else HIGH, f"the hosts differ by www.{also}")
    elif _is_loopback(here.host) or _is_loopback(there.host):
        own = "the page runs" if _is_loopback(here.host) else "the listed page runs"
        yield Miss(ENVIRONMENT, MEDIUM, f"{own} on the developer's machine")
    elif (words := _environments(here.host, there.host)) is not None:
        yield Miss(ENVIRONMENT, HIGH, f"{words}{also}")
    elif _is_preview(here.host, there.host):
        yield Miss(PREVIEW, MEDIUM, "both are projects at the same hosting service whose names begin alike")
    elif _is_misspelt(here.host, there.host):
        yield Miss(TYPO, MEDIUM, f"the hosts differ by a letter or two{also}")
    else:
        domain = registrable_domain(here.host)
        if domain is not None and domain == registrable_domain(there.host):
            yield Miss(SUBDOMAIN, MEDIUM, f"both are hosts of {domain}{also}")


def _apart(here: Origin, there: Origin, writes_port: bool) -> str:
    parts = []
    if here.scheme != there.scheme:
        parts.append(f"it has {there.scheme} instead of {here.scheme}")
    if here.port != there.port and (here.scheme == there.scheme or writes_port or here.port not in (80, 443)):
        parts.append(f"port {there.port} instead of {here.port}")
    return " and ".join(parts)


def _without_blanks(value: str) -> str:
    """Return a value without blanks and invisible characters; as it was where it has none."""
    text = _as_text(value)
    clean = "".join(char for char in text if unicodedata.category(char)[0] not in "ZC")
    return value if clean == text else clean


def _as_text(value: str) -> str:
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _is_loopback(host: str) -> bool:
    if host in _LOOPBACK_NAMES or host.endswith(".localhost"):
        return True
    address = address_of(host)
    return address is not None and address.is_loopback


def _environments(here: str, there: str) -> str | None:
    """Say which words of environments are all that tells two hosts apart; ``None`` where there is more."""
    if address_of(here) is not None or address_of(there) is not None:
        return None
    (words_here, rest_here), (words_there, rest_there) = _split(here), _split(there)
    if words_here == words_there or min(len(rest_here), len(rest_there)) < 2:
        return None
    if rest_here != rest_there and _main_hosts_left_away(rest_here) != _main_hosts_left_away(rest_there):
        return None
    return (
        f"the page is {' '.join(words_here) or 'without an environment'}, the list has "
        f"{' '.join(words_there) or 'none'}"
    )


def _split(host: str) -> tuple[list[str], list[str]]:
    """Return the words of environments in a host name, and the others; its domain always counts among those."""
    domain = registrable_domain(host) or host
    words: list[str] = []
    rest: list[str] = []
    for word in re.split(r"[.-]", host[: -len(domain)].rstrip(".")) if host != domain else []:
        if word:
            (words if _ENVIRONMENTS.fullmatch(word) else rest).append(word)
    for word in re.split(r"(?<=[a-z0-9])-(?=[a-z])|[.]", domain):
        (words if _ENVIRONMENTS.fullmatch(word) and word != domain.rpartition(".")[2] else rest).append(word)
    return words, rest


def _main_hosts_left_away(words: list[str]) -> list[str]:
    """Leave away what names a site's main host: that of an environment is often called by the environment alone."""
    return [word for word in words if word not in ("www", "app")]


def _is_preview(here: str, there: str) -> bool:
    for platform in _PLATFORMS:
        if here.endswith(platform) and there.endswith(platform):
            one, other = here.removesuffix(platform), there.removesuffix(platform)
            short = min(len(one), len(other))
            alike = next((i for i in range(short) if one[i] != other[i]), short)
            return alike >= 4
    return False


def _is_misspelt(here: str, there: str) -> bool:
    """Say whether one host is probably a misspelling of the other, and no sibling of it (app1 and app2)."""
    if address_of(here) is not None or address_of(there) is not None or min(len(here), len(there)) < 6:
        return False
    if re.sub("[0-9]+", "0", here) == re.sub("[0-9]+", "0", there):
        return False
    labels, others = here.split("."), there.split(".")
    if len(labels) != len(others):
        return distance(here, there, 1) <= 1
    different = [(one, other) for one, other in zip(labels, others, strict=True) if one != other]
    if len(different) != 1:
        return False
    # A whole other word of a few letters (de and fr) is no misspelling.
    one, other = different[0]
    short = min(len(one), len(other))
    return short > 3 and distance(one, other, 2) <= (2 if short >= 7 else 1)
