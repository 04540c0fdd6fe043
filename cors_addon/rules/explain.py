"""Which rule is for a request, and why each of the others is not: for people who wonder why nothing is injected."""

from ..fetch.headers import HeaderList
from ..fetch.messages import Request
from ..traffic.exchange import Exchange
from .matching import Stage, Subject, reason_against, subject_of
from .model import PreflightMode, Rule, RuleSet
from .patterns import target_of


def explain(rules: RuleSet, exchange: Exchange, page_origin: str | None = None) -> list[str]:
    """Return lines of text: the rule that matches an exchange, what it does, and why each other rule does not."""
    request = exchange.request
    subject = subject_of(exchange, page_origin)
    if isinstance(subject, str):
        return [f"No rule is for {request.method} {request.url}: {subject}."]
    page = "a page that cannot be told" if subject.page is None else subject.page
    stage = " (its preflight)" if subject.stage is Stage.PREFLIGHT else ""
    lines = [f"{page} -> {subject.method} {request.url}{stage}"]
    winner: Rule | None = None
    for rule in rules.rules:
        reason = reason_against(rule, subject)
        if reason is not None:
            lines.append(f"  no   {rule.name}: {reason}")
        elif winner is None:
            winner = rule
            lines.append(f"  yes  {rule.name}: {_does(rule, subject)}")
        else:
            lines.append(f"  no   {rule.name}: it would match, but the first matching rule wins")
    if winner is None:
        lines.append("No rule matches: the response is left as it is, byte for byte.")
    elif winner.dry_run:
        lines.append("dry_run is set: what would change is shown, and nothing is changed.")
    return lines


def explain_request(rules: RuleSet, method: str, url: str, origin: str) -> list[str]:
    """Explain a request as a page's script would make it, for the command line.

    Raises ``ValueError`` for a URL that no page can call.
    """
    target = target_of(url)
    if target is None:
        raise ValueError(f"{url!r} is no URL that a page can call; write one such as https://api.dev.test/v1/items")
    headers = HeaderList(
        [("Origin", origin), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", _site(target.origin, origin))]
    )
    return explain(rules, Exchange("", Request(method, url.partition("#")[0], headers)))


def _site(target: str, origin: str) -> str:
    return "same-origin" if target == origin else "cross-site"


def _does(rule: Rule, subject: Subject) -> str:
    if rule.simulate is not None:
        return f"makes {rule.simulate} happen"
    if subject.stage is Stage.NO_CORS:
        return "sets what opens the response to requests without CORS"
    parts = [f"allows {subject.origin}", "with credentials" if rule.allow_credentials else "without credentials"]
    match rule.preflight:
        case PreflightMode.ANSWER:
            parts.append("a preflight is answered without asking the server")
        case PreflightMode.REPAIR:
            parts.append("a preflight goes to the server, and its answer is corrected")
        case PreflightMode.FORWARD:
            parts.append("a preflight goes to the server, and its answer gets the headers")
    return f"{parts[0]} {parts[1]}; {parts[2]}"
