"""Verdicts and reports for the tests of this folder."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.host_profiles import profiles
from cors_addon.diagnosis.probe_questions import Answered, Guise, Trust
from cors_addon.diagnosis.session import Session
from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import Request, Response
from cors_addon.report.model import Report, build
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.transcript import parse_transcript
from cors_addon.verdict.model import Verdict

APP = "https://app.test"
API = "https://api.test/items"


def verdicts(text: str) -> list[Verdict]:
    """Judge a transcript."""
    return list(judge_all(parse_transcript(text)).values())


def get(url: str = API, *answer: str, status: int = 200, origin: str = APP) -> str:
    """Return a transcript of a fetch() across origins."""
    return "\n".join(
        [
            f"> GET {url}",
            f"> Origin: {origin}",
            "> Sec-Fetch-Dest: empty",
            "> Sec-Fetch-Mode: cors",
            "> Sec-Fetch-Site: cross-site",
            f"< {status}",
            *(f"< {line}" for line in answer),
            "",
            "",
        ]
    )


def preflight(url: str = API, *answer: str, method: str = "PUT", status: int = 204) -> str:
    """Return a transcript of a preflight."""
    return (
        get(url, *answer, status=status)
        .replace("> GET", "> OPTIONS")
        .replace("> Sec-Fetch-Dest", f"> Access-Control-Request-Method: {method}\n> Sec-Fetch-Dest")
    )


def exchange(
    answer: list[tuple[str, str]],
    asked: list[tuple[str, str]] | None = None,
    *,
    id: str = "flow",
    method: str = "GET",
    url: str = API,
    origin: str = APP,
    status: int = 200,
    error: str | None = None,
) -> Exchange:
    """Build an exchange of raw header lines, whatever they hold."""
    lines = [("Origin", origin), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", "cross-site"), *(asked or [])]
    response = None if error is not None else Response(status, HeaderList(answer))
    return Exchange(id, Request(method, url, HeaderList(lines)), response, error, started=1.0, ended=1.5)


def report_of(*exchanges: Exchange, **options: Any) -> Report:
    """Judge exchanges and build a report, with profiles of the hosts, each of which was probed too."""
    judged = judge_all(exchanges)
    options.setdefault("hosts", probed_hosts(exchanges, judged.values()))
    return build(judged.values(), **options)


def probed_hosts(exchanges: Iterable[Exchange], judged: Iterable[Verdict]) -> list[dict[str, Any]]:
    """Return the profiles of the hosts, each with an answer to the probe that repeats what they sent."""
    session = Session()
    for each in exchanges:
        session.observe(each)
    return [
        {**found, "probed": [_answered(found, row) for row in found["origins"]]}
        for found in profiles(session.hosts, session.repeats, judged)
    ]


def _answered(host: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    text = row["origin"]
    guise = Guise("other-site", text, text)
    return Answered(guise, "GET", host["host"], 200, text, text, Trust.WITH_CREDENTIALS, "f", text).to_plain()


# One thing wrong at one endpoint, three times and of late once more; another one elsewhere; something that is well; and
# one thing to think of.
MIXED = (
    get(f"{API}/1", "Content-Type: application/json")
    + get(f"{API}/2", "Content-Type: application/json")
    + preflight(
        "https://other.test/a", f"Access-Control-Allow-Origin: {APP}", "Access-Control-Allow-Methods: GET, POST"
    )
    + get("https://fine.test/", f"Access-Control-Allow-Origin: {APP}", "Vary: Origin")
    + get(f"{API}/3?page=2", "Content-Type: application/json")
    + preflight(
        "https://long.test/",
        f"Access-Control-Allow-Origin: {APP}",
        "Access-Control-Allow-Methods: PUT",
        "Access-Control-Max-Age: 99999999",
        "Vary: Origin",
    )
)


def mixed(**options: Any) -> Report:
    """Build the report of ``MIXED``."""
    return build(verdicts(MIXED), **options)


def stable(report: Report) -> Report:
    """Return the report as if it had been written at a fixed time."""
    return replace(report, generated="2026-05-01T12:00:00+00:00")


def visible_text(page: str) -> str:
    """Return what a reader sees of a page, without its style and script."""
    page = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", "", page)
