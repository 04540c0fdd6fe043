"""Taking secrets out of what reports show: they are passed around, attached to tickets and kept by build servers."""

import functools
import re
from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase
from typing import Final
from urllib.parse import quote, unquote, unquote_plus

HIDDEN: Final = "REDACTED"
NOT_SHOWN: Final = "(not shown)"

_WORDS: Final = frozenset(
    {
        *(
            "auth",
            "authentication",
            "code",
            "cookie",
            "csrf",
            "cvc",
            "cvv",
            "mfa",
            "mnemonic",
            "passkey",
            "ssn",
            "totp",
            "wpnonce",
            "hmac",
            "jwt",
            "key",
            "nonce",
            "otp",
            "pass",
            "pat",
            "pin",
            "pw",
            "pwd",
        ),
        *("sess", "sid", "sig", "ticket", "tok", "xsrf"),
    }
)
_PARTS: Final = re.compile(
    r"token|secret|passw|passphrase|passcode|api_?key|access_?key|signature|session|sessid|credential|bearer|authoriz|oauth"
    r"|cookie|assertion|saml|hdnts|hdnea|2fa|kennwort|mot_?de_?passe|recovery_?phrase|seed_?phrase"
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_PARAMETERS: Final = frozenset(
    {
        *("policy", "appid", "login", "private", "privatekey", "mac", "magic", "invite", "reset"),
        *("samlrequest", "samlresponse", "samlart", "relaystate"),
        *("iban", "cardnumber", "card_number", "login_hint"),
    }
)
_SIGNED: Final = ("x-amz-", "x-goog-", "x-ms-")
"""Names that speak of secrets in a URL alone: of CloudFront, maps, SAML, payments, and signed URLs."""

# Cheap signs without which nothing can be hidden in a text.
_SUSPECT: Final = re.compile(
    r"[=@{]|[A-Za-z]\s*:(?!//)|%(?:25)*3[Dd]|%(?:25)*7[Bb]|eyJ|[Bb]earer|[Bb]asic|BEARER|BASIC|[A-Za-z0-9_+-]{20}|/services/T"
    r"|reset|magic|invit|verif|confirm|activat|unsubscribe|recover|/token|/key|/password"
)
_USER_INFO: Final = re.compile(r"(?<=//)(?!\.\.\.@)[^/?#\s\\\"'<>]*@")
_PARAMETER: Final = re.compile(
    r"([?&;#]|(?<=&amp;))([^=?&;#\s\"'<>]{1,128}+)=([^&;#\s\"'<>]*+(?:;[^=&;#\s\"'<>]*+(?![^&;#\s\"'<>]))*)"
)
_INNER: Final = re.compile(r"(^|[?&;#,|~!])([^=?&;#,|~!\s\"'<>/]{1,128}+)=([^&;#,|~!\s\"'<>]*+)")
"""The same within a value, where lists of several kinds are found too."""
_MEMBER: Final = re.compile(
    r"""(["'])([^"'\\]{1,128}+)(\1\s*+:\s*+)("(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?|[^\s,}\]"']++)"""
)
_TOKEN: Final = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{4,}+(?:\.[A-Za-z0-9_-]*+)+")
_SCHEME: Final = re.compile(
    r"\b(bearer|basic)(\s+)(?=[A-Za-z+/._~-]*+[0-9=]|\S{20})[A-Za-z0-9+/=._~-]{6,}+", re.IGNORECASE
)
_PLAIN_WORD: Final = r"(?=.[a-z]{0,12}[aeiouy]|[AEIOUaeiou])[A-Za-z][a-z]{1,13}"
_PLAIN_WORDS: Final = rf"{_PLAIN_WORD}(?:(?:[-_.]|(?=[A-Z])){_PLAIN_WORD}){{0,2}}(?![^/?#\s\"'<>,])"
"""account-settings, passwordForm: at most three, since four are a pass phrase."""
_PATH_SECRET: Final = re.compile(
    r"(/services/T[A-Za-z0-9]*+/B[A-Za-z0-9]*+/|/(?:(?:password|magic(?:[_-]?link)?|token|key)s?"
    r"|(?:[a-z]+[_-])?(?:reset|invite|invitation|verify|verification|confirm|confirmation|activate|activation|unsubscribe"
    r"|recover|recovery)(?:[_-][a-z]+|s)?(?:/[^/?#\s\"'<>,]{1,12}(?=/[^/?#\s\"'<>]{16}))?)/)"
    rf"(?!{_PLAIN_WORDS})(?=[^/?#\s\"'<>]*[0-9A-Z]|[^/?#\s\"'<>]{{16}})([^/?#\s\"'<>,]{{6,}})"
)
"""What follows the name of a link that is a secret, or follows a short id behind that name: /reset/MQ/..."""
_FIELD: Final = re.compile(
    r"(?<![\w./@-])(?!(?i:access-control-))([A-Za-z][\w.\[\]-]{0,63}+)(\s*+([:=])\s*+[\"']?+)"
    r"(?=[A-Za-z+/._~-]*+[0-9=]|[^\s\"']{20})"
)
"""A header field or parameter written out within a text, up to its value: in a list of names, a challenge, an error."""
_FIELD_VALUE: Final = re.compile(r"[^\s,;\"'<>]{6,}+")
_DIGIT: Final = re.compile(r"[0-9]")
_CHALLENGES: Final = frozenset({"www-authenticate", "proxy-authenticate"})
_PARAMETER_OF_A_CHALLENGE: Final = re.compile(
    r"\b((?:c|next)?nonce\s*+=\s*+|opaque\s*+=\s*+)(?:\"[^\"]*+\"?|[^\s,]++)"
    r"|\b((?:negotiate|ntlm|kerberos)\s++)(?=[^\s,]{8})[^\s,=]++=*+",
    re.IGNORECASE,
)
_RUN: Final = re.compile(r"(?<![A-Za-z0-9_+-])[A-Za-z0-9_+-]{20,}+")
_CLASSES: Final = str.maketrans({**dict.fromkeys(ascii_uppercase, "A"), **dict.fromkeys(ascii_lowercase, "a")})
_HEX: Final = re.compile(r"(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{32,}|(?=[A-F]*[0-9])(?=[0-9]*[A-F])[0-9A-F]{32,}")
_ISSUED: Final = re.compile(
    r"(?<![A-Za-z0-9])((?:gh[oprsu]|github_pat|npm|hf|whsec|dop_v1|dckr_pat|glsa|pypi|shp(?:at|ca|pa|ss)"
    r"|[prs]k_(?:live|test))_|(?:gl(?:pat|dt|rt|ft|soat)|xox[a-z]|sk-(?:ant|proj|or|svcacct)|sq0[a-z]{3}|pypi)-)"
    r"[A-Za-z0-9_-]{16,}+"
)
"""The marks by which GitHub, GitLab, Stripe, Slack, npm and others make their tokens known."""
_PIECE: Final = re.compile(r"[A-Za-z0-9]{20,}+")
"""What stands between the hyphens and underscores of a run: behind the mark of who issued it, glpat- or sk_live_."""
_MIXED: Final = 0.4
"""Changes between capitals, small letters and digits, a character: random text has 0.6, names and words below 0.35."""

_DIGITS: Final = 2

_NESTED: Final = re.compile(r"%(?:3[Dd]|40|25|7[Bb]|22)")
_DEEPEST: Final = 3
_LONGEST: Final = 4_096
"""Characters of which secrets are taken out; nothing shows more of a text."""
_SHORT: Final = 256


def redact(text: str) -> str:
    """Return a text, such as a URL or a message that holds one, with its secrets replaced.

    Replaced are user name and password of a URL; the values of parameters whose names speak of secrets, in values
    inside values too, whether encoded once, again or not at all, and in JSON; what follows ``/reset/`` and its like in
    a path; JSON Web Tokens; what follows Bearer and Basic; and long random values wherever they stand. A text of more
    than ``_LONGEST`` characters loses its end.
    """
    if len(text) <= _SHORT:
        return _redact_short(text)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}..."
    return _redact_long(text)


@functools.lru_cache(1024)
def _redact_short(text: str) -> str:
    """Remember what many flows say alike: messages, comments, and most header values."""
    return _redact(text, _DEEPEST) if _SUSPECT.search(text) else text


@functools.lru_cache(32)
def _redact_long(text: str) -> str:
    """Remember what one flow says again and again: each of its findings, fixes and lines has the same long list."""
    return _redact(text, _DEEPEST) if _SUSPECT.search(text) else text


def _parameter(match: re.Match[str], depth: int) -> str:
    lead, name, value = match.groups()
    if value and _names_a_secret_parameter(name):
        value = HIDDEN
    elif depth:
        value = _within(value, depth - 1)
    return f"{lead}{name}={value}"


def _redact(text: str, depth: int) -> str:
    if "@" in text:
        text = _USER_INFO.sub("", text)
    if "=" in text:
        text = _PARAMETER.sub(lambda match: _parameter(match, depth), text)
    if "{" in text and ":" in text:
        text = _MEMBER.sub(_member, text)
    text = _SCHEME.sub(rf"\1\2{HIDDEN}", _TOKEN.sub(HIDDEN, text))
    if ":" in text or "=" in text:
        text = _fields(text)
    if "/" in text:
        text = _PATH_SECRET.sub(rf"\1{HIDDEN}", text)
    return _RUN.sub(_random, _ISSUED.sub(rf"\1{HIDDEN}", text))


def _within(value: str, depth: int) -> str:
    """Take the secrets out of a parameter's value, as it stands or decoded."""
    if "=" in value:
        value = _INNER.sub(lambda match: _parameter(match, depth), value)
    if _NESTED.search(value):
        decoded = unquote(value, "latin-1")
        cleaned = _redact(f"?{_within(decoded, depth - 1)}" if depth else f"?{decoded}", max(0, depth - 1))[1:]
        if cleaned != decoded:
            value = quote(cleaned, safe="", encoding="latin-1", errors="replace")
    return value


def _fields(text: str) -> str:
    """Take out the values of fields and parameters that are written out in a text, also one within another's value."""
    shown = []
    done = 0
    for match in _FIELD.finditer(text):
        if match.start() < done or not _names_a_field(match[1]):
            continue
        value = _FIELD_VALUE.match(text, match.end())
        if value is not None and not _is_prose(match[1], match[3], value[0]):
            shown += [text[done : value.start()], HIDDEN]
            done = value.end()
    return "".join([*shown, text[done:]])


def _names_a_field(name: str) -> bool:
    # A cookie's name and attributes are what is to be told of it.
    return holds_a_secret(name) and not name.lower().endswith("cookie")


def _is_prose(name: str, sign: str, value: str) -> bool:
    """Say whether a colon is a sentence's: words such as code and credentials stand before one in many."""
    return sign == ":" and "-" not in name and not (_PARTS.search(name.lower()) and _DIGIT.search(value))


def _member(match: re.Match[str]) -> str:
    mark, name, between, value = match.groups()
    return f'{mark}{name}{between}"{HIDDEN}"' if _names_a_secret_parameter(name) else f"{mark}{name}{between}{value}"


def _random(match: re.Match[str]) -> str:
    """Replace a run of characters that no person and no naming scheme has made, or the piece of it that is one."""
    run = match[0]
    if _is_random(run):
        return HIDDEN
    return _PIECE.sub(lambda piece: HIDDEN if _is_random(piece[0]) else piece[0], run)


def _is_random(run: str) -> bool:
    if _HEX.fullmatch(run):
        return True
    classes = run.translate(_CLASSES)
    if "A" not in classes or "a" not in classes or classes.isalpha():
        return False
    if sum(map(str.isdigit, run)) < _DIGITS:
        return False
    kinds = ["0" if char.isdigit() else char for char in classes if char.isalnum()]
    changes = sum(one != other for one, other in pairwise(kinds))
    return changes >= _MIXED * len(run)


@functools.lru_cache(4096)
def _names_a_secret_parameter(name: str) -> bool:
    for _ in range(_DEEPEST):
        name = unquote_plus(name)
    lower = name.lower()
    return lower in _PARAMETERS or lower.startswith(_SIGNED) or names_a_secret(name)


@functools.lru_cache(4096)
def names_a_secret(name: str) -> bool:
    """Say whether a parameter or header field of this name holds something that must not be shown."""
    plain = unquote_plus(name).strip("[]")
    lower = plain.lower()
    if _PARTS.search(lower.replace("-", "_")):
        return True
    return any(word.lower() in _WORDS for word in _WORD.findall(plain)) or lower in _WORDS


def redact_header(name: str, value: str) -> str:
    """Return a header field's value as it may be shown; that of a field that holds a secret is not shown at all."""
    if holds_a_secret(name):
        return NOT_SHOWN
    return _challenge(value[:_LONGEST]) if name.lower() in _CHALLENGES else redact(value)


def _challenge(value: str) -> str:
    """Keep a challenge's scheme and realm, and take out what the client is to prove its secret with."""
    value = _PARAMETER_OF_A_CHALLENGE.sub(lambda match: f"{match[1] or match[2]}{HIDDEN}", value)
    return _RUN.sub(_random, _fields(value))


def holds_a_secret(name: str) -> bool:
    """Say whether a header field of this name holds something that must not be shown."""
    return not name.lower().startswith(("access-control-", "sec-fetch-")) and names_a_secret(name)
