"""The keys of a rule file, and what people write in their place."""

from dataclasses import dataclass
from typing import Final

from .value_error import edit_distance

FILE_KEYS: Final = ("version", "expires", "defaults", "rules")

SCOPE_KEYS: Final = ("name", "enabled", "hosts", "paths", "methods", "allow_origins")
"""What a rule is called and which exchanges it is for."""

GRANT_KEYS: Final = (
    "allow_credentials",
    "allow_methods",
    "allow_headers",
    "expose_headers",
    "max_age",
    "preflight",
    "upstream_headers",
    "on_errors",
    "resource_policy",
    "timing_allow_origin",
)
"""What a rule adds; a rule that simulates a failure has none of them."""

RULE_KEYS: Final = (*SCOPE_KEYS, *GRANT_KEYS, "dry_run", "simulate")

OWN_KEYS: Final = ("name", "hosts")
"""Keys that each rule has for itself: they have no default."""

DEFAULTS_KEYS: Final = tuple(key for key in RULE_KEYS if key not in OWN_KEYS)


@dataclass(frozen=True, slots=True)
class Guess:
    """What an unknown key probably means: the key to use, empty where it is no key at all, and a hint."""

    key: str
    hint: str = ""

    @property
    def remedy(self) -> str:
        """What to write instead."""
        if not self.key or self.key in self.hint:
            return self.hint
        question = f"did you mean {self.key}?"
        return f"{question} {self.hint[0].upper()}{self.hint[1:]}" if self.hint else question


_SYNONYMS: Final = {
    "allow_origins": "origin origins allowedorigin allowedorigins alloworigin accesscontrolalloworigin "
    "alloworiginlist pages alloweddomains",
    "allow_credentials": "credentials credential supportscredentials supportcredentials allowcredential "
    "allowedcredentials withcredentials accesscontrolallowcredentials allowcookies",
    "allow_headers": "headers header allowedheaders allowheader accesscontrolallowheaders requestheaders",
    "allow_methods": "allowedmethods allowmethod accesscontrolallowmethods",
    "expose_headers": "exposedheaders exposeheader exposed expose accesscontrolexposeheaders responseheaders",
    "max_age": "maxage maxageseconds maxagesecs accesscontrolmaxage preflightmaxage",
    "hosts": "host domain domains server servers target targets",
    "paths": "path pathprefix pathprefixes location locations route routes endpoints",
    "methods": "method verbs verb",
    "upstream_headers": "whenpresent upstream override overwrite",
    "on_errors": "onerror onerrorresponses always",
    "resource_policy": "corp embed crossoriginresourcepolicy",
    "timing_allow_origin": "tao timing",
    "dry_run": "dryrun shadow shadowenabled report_only reportonly",
    "enabled": "enable active on inject disabled",
    "simulate": "simulation fail fault deny",
    "name": "title id label description",
}
_BY_SYNONYM: Final = {word: key for key, words in _SYNONYMS.items() for word in words.split()}

_SPECIAL: Final = {
    "preflightcontinue": Guess("preflight", "write preflight: forward to let the server answer preflights"),
    "optionspassthrough": Guess("preflight", "write preflight: forward to let the server answer preflights"),
    "optionshandling": Guess(
        "preflight",
        "write preflight: answer, repair or forward; OPTIONS requests that are no preflight are never touched",
    ),
    "optionssuccessstatus": Guess("", "a preflight is answered with status 204, which every browser accepts"),
    "preflightstatus": Guess("", "a preflight is answered with status 204, which every browser accepts"),
    "alloworiginregex": Guess("allow_origins", 'regular expressions are not read; write "https://*.dev.example.test"'),
    "allowedoriginpatterns": Guess("allow_origins", 'patterns go there too: "https://*.dev.example.test"'),
    "alloworiginregexes": Guess(
        "allow_origins", 'regular expressions are not read; write "https://*.dev.example.test"'
    ),
    "allowprivatenetwork": Guess(
        "",
        "take it out: an old browser that asks for it is answered, newer ones ask the user, whom no "
        "header can answer for",
    ),
    "nostore": Guess("", "take it out: a response that a rule changes is never kept in the browser's cache"),
    "vary": Guess("", "take it out: Origin is added to Vary where it is needed"),
    "schemes": Guess("hosts", 'a host matches under http and https alike; to narrow it name the port: "api.test:443"'),
    "scheme": Guess("hosts", 'a host matches under http and https alike; to narrow it name the port: "api.test:443"'),
    "to": Guess("hosts", "hosts, paths and methods stand in the rule itself, without to:"),
    "from": Guess("allow_origins", "the pages that call go to allow_origins, the servers that they call to hosts"),
    "url": Guess("hosts", "the server's name goes to hosts, its path to paths; pages go to allow_origins"),
    "urls": Guess("hosts", "the server's name goes to hosts, its path to paths; pages go to allow_origins"),
    "use": Guess("", "there are no presets; what all rules share goes below defaults:"),
    "preset": Guess("", "there are no presets; what all rules share goes below defaults:"),
    "<<": Guess("", "merge keys are not read; what all rules share goes below defaults:"),
}
_SPECIAL_IN_FILE: Final = {
    "rule": Guess("rules"),
    "mappings": Guess("rules"),
    "inject": Guess(
        "", "injection is switched with the option cors_inject or the command cors.inject, not in the file"
    ),
    "enabled": Guess(
        "", "injection is switched with the option cors_inject or the command cors.inject, not in the file"
    ),
    "presets": Guess("defaults", "there are no presets; what all rules share goes below defaults:"),
    "default": Guess("defaults"),
    "expire": Guess("expires"),
    "ttl": Guess("expires"),
    "timeout": Guess("expires"),
    "$schema": Guess("", "editors take the schema from a comment: # yaml-language-server: $schema=..."),
}


def guess(key: str, known: tuple[str, ...]) -> Guess | None:
    """Guess what an unknown key means, among the known ones of its place; ``None`` where nothing is near."""
    folded = key.lower().replace("_", "").replace("-", "").replace(" ", "")
    in_file = "rules" in known
    special = (_SPECIAL_IN_FILE.get(folded) if in_file else None) or _SPECIAL.get(folded)
    if special is not None and (not special.key or special.key in known):
        return special
    for candidate in known:
        if folded == candidate.replace("_", ""):
            return Guess(candidate)
    meant = _BY_SYNONYM.get(folded)
    if meant in known and meant is not None:
        return Guess(meant)
    scored = sorted((edit_distance(folded[:40], candidate.replace("_", "")), candidate) for candidate in known)
    distance, nearest = scored[0]
    return Guess(nearest) if distance <= max(1, len(nearest) // 3) else None
