"""Names below which anybody can register one: a wildcard over them reaches strangers.

The whole Public Suffix List is large and changes weekly; a rule file needs to know only where a wildcard is a
mistake, and an audit only who shares a name with strangers. So this is the shape of it, which also tells what is newer
than the list that mitmproxy brings along: every single label, the registries' usual second levels below two-letter
countries, and the hosting services whose customers get a name below a shared one. https://publicsuffix.org
"""

import re
from pathlib import Path
from typing import Final

from .sites import is_above_public_suffixes, registrable_domain

RESERVED: Final = frozenset(
    {"test", "localhost", "local", "internal", "example", "invalid", "lan", "home", "corp", "private", "intranet"}
)
"""Top-level names that no registry sells (RFC 2606, RFC 6761, RFC 6762 appendix G, ICANN's reserved ones)."""

_SECOND_LEVELS: Final = frozenset(
    {
        "ac",
        "asn",
        "biz",
        "co",
        "com",
        "edu",
        "firm",
        "gen",
        "go",
        "gob",
        "gouv",
        "gov",
        "govt",
        "gv",
        "id",
        "ind",
        "info",
        "int",
        "lg",
        "ltd",
        "me",
        "mil",
        "mod",
        "ne",
        "net",
        "nhs",
        "nic",
        "nom",
        "or",
        "org",
        "plc",
        "police",
        "pro",
        "sch",
        "school",
        "web",
    }
)

_SHARED: Final = frozenset(
    line
    for line in Path(__file__).with_name("public_suffixes.txt").read_text("ascii").splitlines()
    if not line.startswith("#")
)

# Amazon's services carry the region in the name: s3.eu-west-1.amazonaws.com.
_AMAZON: Final = re.compile(r"[a-z0-9-]+\.[a-z]{2}(-[a-z]+)+-[0-9]\.(amazonaws\.com|on\.aws)")


def is_public_suffix(host: str) -> bool:
    """Say whether strangers get names directly below this lower-case host name."""
    labels = host.split(".")
    if len(labels) == 1:
        return host not in RESERVED
    if host in _SHARED:
        return True
    if len(labels) == 2 and len(labels[1]) == 2 and labels[0] in _SECOND_LEVELS:
        return True
    if _AMAZON.fullmatch(host):
        return True
    if labels[-1] in RESERVED or host == "home.arpa":
        return False
    return registrable_domain(host) is None or is_above_public_suffixes(host)


def hosting_service(host: str) -> str | None:
    """Return the shared name below which a lower-case host name was given to a customer; ``None`` where it was not.

    Registries are not meant: names below ``co.uk`` belong to whoever bought them.
    """
    labels = host.split(".")
    for start in range(1, len(labels) - 1):
        parent = ".".join(labels[start:])
        if parent in _SHARED or _AMAZON.fullmatch(parent):
            return parent
    return None


_DEVELOPMENT_WORDS: Final = frozenset(
    {
        "alpha",
        "beta",
        "branch",
        "canary",
        "ci",
        "demo",
        "dev",
        "devel",
        "develop",
        "development",
        "devenv",
        "docker",
        "int",
        "integration",
        "lab",
        "labs",
        "local",
        "mock",
        "nightly",
        "pr",
        "preprod",
        "preview",
        "previews",
        "qa",
        "review",
        "sandbox",
        "sbx",
        "stage",
        "staging",
        "stg",
        "temp",
        "test",
        "testing",
        "tst",
        "uat",
    }
)


def is_development_name(host: str) -> bool:
    """Say whether a host name looks like one for development: reserved, of one label, or with a word such as staging.

    The words are looked for in the labels' parts (``api-staging``, ``dev2``, ``pr-17``).
    """
    labels = host.split(".")
    if len(labels) == 1 or labels[-1] in RESERVED or labels[-2:] == ["home", "arpa"]:
        return True
    return has_development_word(host)


def has_development_word(host: str) -> bool:
    """Say whether a label of a host name, the last one left aside, has a word such as staging or dev."""
    labels = host.split(".")
    # The last label is a registry's: "dev", "app" and "test" there say nothing.
    parts = {part.rstrip("0123456789") for label in labels[:-1] for part in label.replace("_", "-").split("-")}
    return not parts.isdisjoint(_DEVELOPMENT_WORDS)
