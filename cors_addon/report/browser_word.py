"""What the browser itself said, in reports: how far the verdicts agree with it, and what it never sent."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ..verdict.failure_details import inert
from ..verdict.model import Verdict
from .text_layout import paragraph

_COMPARED: Final = ("allowed", "blocked", "failed")
_MOST: Final = 50
_LONGEST: Final = 400


class ToldCounts:
    """Counts how many verdicts a browser confirmed, and how many differ."""

    def __init__(self, verdicts: Iterable[Verdict] = ()) -> None:
        self._counts: Counter[tuple[str, bool]] = Counter()
        for verdict in verdicts:
            self.add(verdict)

    def add(self, verdict: Verdict, times: int = 1) -> None:
        """Count a verdict, or with -1 no longer."""
        if verdict.told is not None and verdict.told.outcome in _COMPARED:
            self._counts[verdict.told.browser, verdict.told.agrees] += times

    def clear(self) -> None:
        """Forget all of them."""
        self._counts.clear()

    def summary(self) -> dict[str, Any] | None:
        """Return the figures as a report's summary has them; ``None`` where no browser was listened to."""
        counts: Counter[bool] = Counter()
        browsers: Counter[str] = Counter()
        for (browser, agrees), count in (+self._counts).items():
            counts[agrees] += count
            browsers[browser] += count
        if not browsers:
            return None
        return {"confirmed": counts[True], "differ": counts[False], "browsers": dict(browsers)}


def told_line(summary: Mapping[str, Any]) -> str:
    """Return the line that says how far verdicts and browsers agree, empty where no browser was listened to."""
    told = summary.get("told")
    if not told:
        return ""
    every = told["confirmed"] + told["differ"]
    names = " and ".join(inert(name, 100) for name in told["browsers"])
    says = "says" if len(told["browsers"]) == 1 else "say"
    return f"{every:,} {'verdict' if every == 1 else 'verdicts'}, {told['confirmed']:,} as {names} {says}"


def differences(flows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield, for each flow of a report whose verdict differs from its browser's, a line of Markdown to report it by."""
    for flow in flows:
        told = flow.get("told")
        if not told or told["agrees"] or told["outcome"] not in _COMPARED:
            continue
        ids = ", ".join(dict.fromkeys(finding["id"] for finding in flow["findings"])) or "nothing"
        evidence = dict.fromkeys(
            f"`{line['name']}: {line['value']}`" if line["value"] is not None else f"no `{line['name']}`"
            for finding in flow["findings"]
            for line in finding.get("evidence", ())
        )
        says = " ".join(filter(None, (told["outcome"], told["error"])))
        shown = f"; {', '.join(evidence)}" if evidence else ""
        yield inert(
            f"- `{flow['method']} {flow['url']}` from `{flow['origin']}`, status {flow.get('status')}: "
            f"{told['browser']} says `{says}`, cors-addon finds {ids}{shown}",
            1_000,
        )


def place_of(site: Mapping[str, Any] | None) -> str:
    """Return a call site for people: ``loadItems, http://localhost:5173/src/api.ts:12``; empty for none."""
    if not site:
        return ""
    line = f":{site['line']}" if site.get("line") else ""
    place = f"{inert(site['url'], _LONGEST)}{line}"
    return f"{inert(site['function'], 100)}, {place}" if site.get("function") else place


def repeats(entry: Mapping[str, Any]) -> str:
    """Say how often a request was not sent, empty for once."""
    if entry["count"] == 1:
        return ""
    others = ", with other URLs of its origin" if entry.get("others") else ""
    return f", {entry['count']:,} times{others}"


def unsent_lines(unsent: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the section on requests that never reached the proxy, without lines where there are none."""
    entries = list(unsent)
    if not entries:
        return []
    lines = ["What never reached the proxy:"]
    for entry in entries[:_MOST]:
        lines.append(
            f"  {inert(entry['method'], 40)} {inert(entry['url'], _LONGEST)}{repeats(entry)}  [{entry['reason']}]"
        )
        lines += paragraph("why", entry["message"], indent=4)
        place = place_of(entry["initiator"])
        if place:
            lines += paragraph("called", f"by {place}", indent=4)
        if entry["help"]:
            lines += paragraph("fix", entry["help"], indent=4)
    if len(entries) > _MOST:
        lines.append(f"  and {len(entries) - _MOST:,} more")
    return lines
