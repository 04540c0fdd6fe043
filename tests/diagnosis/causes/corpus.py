"""The corpus of causes: sessions as they happen, and what has to be named in them.

A file of ``tests/causes_corpus`` holds many sessions. Each begins with a line ``=== TITLE`` and goes on as a transcript
(see ``cors_addon.traffic.transcript``), which may use shorthand:

    > from https://app.test         Origin, and the Sec-Fetch headers that browsers send to this URL
    < ACAO: *                       the Access-Control headers by their first letters
    \\xe2                           a byte that is not ASCII

Comments say what is to be named for an exchange, the best supported first: ``# 2: first-cause second-cause``. Of what
is not spoken of, no cause is to be named.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from cors_addon.fetch.origins import is_potentially_trustworthy, is_schemelessly_same_site, origin_of
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.sites import registrable_domain
from cors_addon.traffic.transcript import parse_transcript

FOLDER = Path(__file__).resolve().parents[2] / "causes_corpus"
SHORT = {
    "ACAO": "Access-Control-Allow-Origin",
    "ACAC": "Access-Control-Allow-Credentials",
    "ACAM": "Access-Control-Allow-Methods",
    "ACAH": "Access-Control-Allow-Headers",
    "ACEH": "Access-Control-Expose-Headers",
    "ACMA": "Access-Control-Max-Age",
    "ACRM": "Access-Control-Request-Method",
    "ACRH": "Access-Control-Request-Headers",
}


@dataclass
class Case:
    """A session; ``expected`` are the causes by exchange."""

    name: str
    exchanges: list[Exchange]
    expected: dict[str, tuple[str, ...]] = field(default_factory=dict)


def cases(*names: str) -> list[Case]:
    """Read the sessions of the files so named."""
    found = []
    for name in names:
        text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
        for part in re.split(r"(?m)^=== ", text)[1:]:
            title, _, body = part.partition("\n")
            found.append(case(f"{name}: {title}", body))
    return found


def case(name: str, body: str) -> Case:
    expected: dict[str, tuple[str, ...]] = {}
    lines = []
    url = ""
    for line in body.split("\n"):
        told = re.fullmatch(r"# (\S+): ([a-z -]+)", line)
        if told is not None:
            expected[told[1]] = tuple(told[2].split())
            continue
        if (page := re.fullmatch(r"> from (\S+)", line)) is not None:
            lines += [f"> {each}" for each in asked_by(page[1], url)]
            continue
        if (request := re.fullmatch(r"> [A-Za-z]+ (\S+://\S+)", line)) is not None:
            url = request[1]
        if (short := re.fullmatch(r"([<>]) ([A-Z]{4}):(.*)", line)) is not None:
            line = f"{short[1]} {SHORT[short[2]]}:{short[3]}"
        lines.append(re.sub(r"\\x([0-9a-f]{2})", lambda byte: chr(int(byte[1], 16)), line))
    return Case(name, parse_transcript("\n".join(lines)), expected)


def asked_by(page: str, url: str) -> list[str]:
    """Return what a browser sends with a script's request from a page to another origin."""
    here, there = origin_of(page), origin_of(url)
    if there is None or not is_potentially_trustworthy(there):
        return [f"Origin: {page}"]
    near = here is not None and here.scheme == there.scheme
    near = near and here is not None and is_schemelessly_same_site(here, there, registrable_domain)
    site = "same-site" if near else "cross-site"
    return [f"Origin: {page}", "Sec-Fetch-Mode: cors", f"Sec-Fetch-Site: {site}", "Sec-Fetch-Dest: empty"]
