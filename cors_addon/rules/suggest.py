"""From blocked requests to the smallest rule that lets them through, ready to paste."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..fetch.origins import OPAQUE, address_of
from ..fetch.urls import DEFAULT_PORTS
from ..traffic.public_suffixes import is_public_suffix
from .decode import read_rules
from .errors import Level, inert
from .host_names import parse_host
from .origins import parse_origin_pattern
from .patterns import Target, target_of
from .value_error import Complaint


@dataclass(frozen=True, slots=True)
class BlockedRequest:
    """What is known of a request that a browser blocks.

    ``origin`` is the page's serialized origin (not the ``null`` of a tainted redirect chain, where the page is
    known), ``method`` the actual one, ``header_names`` those that a preflight asks for. ``credentials`` says why it
    needs them, in a few words that follow "because"; empty where nothing speaks for it. ``findings`` are violation
    ids.
    """

    origin: str
    url: str
    method: str = "GET"
    header_names: tuple[str, ...] = ()
    credentials: str = ""
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``text`` goes below ``rules:`` of a rule file, empty where there is none; ``refused`` is requests and reasons."""

    text: str
    refused: tuple[tuple[BlockedRequest, str], ...] = ()

    def as_file(self) -> str:
        """Return the suggestion as a whole rule file."""
        return f"version: 1\nrules:\n{self.text}"


_INCURABLE: Final = {
    "redirect-url-credentials": "the redirect leads to a URL with user name and password, which no header "
    "makes a browser follow",
    "redirect-scheme": "the redirect leads away from http, which no header makes a browser follow",
    "redirect-too-many": "the server redirects without end",
    "mode-same-origin": "the page asked for a response of its own origin only",
    "network-error": "the server cannot be reached, and there is no response to add headers to",
    "local-network-access": "the browser asks its user before it sends anything, and no header answers for the user",
    "nosniff-mime": "the content type is wrong for what the page loads, which is no matter of CORS",
    "orb-blocked": "the content type is wrong for what the page loads; load it in mode cors, or correct the type",
}
_LONGEST_METHOD: Final = 40
_RESOURCE_POLICY: Final = frozenset({"corp-not-same-origin", "corp-not-same-site", "corp-coep"})


@dataclass(slots=True)
class _Group:
    """The requests of one page to one server: one rule."""

    origin: str
    target: Target
    requests: list[BlockedRequest] = field(default_factory=list)

    def texts(self, name: str) -> list[str]:
        values = [target_of(r.url) for r in self.requests] if name == "path" else []
        found = [t.path for t in values if t is not None] if name == "path" else [r.method for r in self.requests]
        return sorted(set(found))


def suggest(requests: Iterable[BlockedRequest], taken: Sequence[str] = ()) -> Suggestion:
    """Return the rules that let these requests through, one for each pair of page and server.

    ``taken`` are names of rules that exist already. What is not safe to write, or would not help, is refused with the
    reason; what is written validates as a rule file.
    """
    groups: dict[tuple[str, str], _Group] = {}
    refused: list[tuple[BlockedRequest, str]] = []
    for request in requests:
        target = target_of(request.url)
        reason = _refusal(request, target)
        if reason is not None or target is None:
            refused.append((request, reason or "its URL is not an http or https one"))
            continue
        groups.setdefault((request.origin, target.origin), _Group(request.origin, target)).requests.append(request)
    names = set(taken)
    texts = []
    for group in groups.values():
        text = _rule(group, names)
        problem = _problem(text)
        if problem is None:
            texts.append(text)
        else:
            refused += [(request, problem) for request in group.requests]
    return Suggestion("".join(texts), tuple(refused))


def _refusal(request: BlockedRequest, target: Target | None) -> str | None:
    if target is None:
        return "its URL is not an http or https one"
    if request.origin == OPAQUE:
        return (
            "its origin is null, which sandboxed frames and pages from disk of any site share: "
            "serve the page over http://localhost, and suggest again"
        )
    if request.origin == target.origin:
        return "the page calls its own origin, which needs no CORS"
    try:
        if parse_origin_pattern(request.origin).exact != request.origin or parse_host(_host_text(target)).wildcard:
            return "its origin or its host holds a *, which a rule would take for a pattern"
    except Complaint as complaint:
        return complaint.message
    for host in (request.origin.partition("://")[2].partition(":")[0], target.host):
        if "." in host and address_of(host) is None and is_public_suffix(host):
            return f"{host} is a public suffix, which belongs to nobody in particular"
    incurable = [_INCURABLE[finding] for finding in request.findings if finding in _INCURABLE]
    return incurable[0] if incurable else None


def _host_text(target: Target) -> str:
    return f"[{target.host}]" if ":" in target.host else target.host


def _rule(group: _Group, names: set[str]) -> str:
    target, requests = group.target, group.requests
    host = _host_text(target)
    if target.port != DEFAULT_PORTS[target.scheme]:
        host = f"{host}:{target.port}"
    lines = [
        f"  - name: {_name(group, host, names)}",
        f'    hosts: ["{host}"]{" " * 3}# the server being called',
        f'    allow_origins: ["{group.origin}"]   # the page that calls it',
    ]
    reasons = sorted({request.credentials for request in requests if request.credentials})
    if reasons:
        lines.append(f"    allow_credentials: true   # because {'; '.join(inert(reason) for reason in reasons)}")
    findings = {finding for request in requests for finding in request.findings}
    if findings & _RESOURCE_POLICY:
        lines.append("    resource_policy: cross-origin   # images, scripts and the like, loaded without CORS")
    if "timing-allow-origin-missing" in findings:
        lines.append("    timing_allow_origin: true")
    lines += _narrower(group)
    return "\n".join(lines) + "\n"


def _narrower(group: _Group) -> list[str]:
    """Return comments with what would narrow the rule to what was seen."""
    paths = [path for path in group.texts("path") if '"' not in path and "\\" not in path and path.isprintable()]
    methods = [method for method in group.texts("method") if method.isascii() and method.isalpha()]
    lines = []
    if paths:
        shown = ", ".join(f'"{path[:200]}"' for path in paths[:5])
        more = f"   # and {len(paths) - 5} more" if len(paths) > 5 else ""
        lines.append(f"    # paths: [{shown}]{more}   # to narrow it to what was seen")
    if methods:
        lines.append(f"    # methods: [{', '.join(method[:_LONGEST_METHOD] for method in methods[:10])}]")
    return lines


def _name(group: _Group, host: str, names: set[str]) -> str:
    page = group.origin.partition("://")[2]
    base = f"{page} calls {host}"
    if len(base) > 90:
        base = f"{page[:40]} calls {host[:40]}"
    name, number = base, 2
    while name in names:
        name, number = f"{base} ({number})", number + 1
    names.add(name)
    return f'"{name}"'


def _problem(text: str) -> str | None:
    """Return why a rule file with this rule alone would be refused, ``None`` where it would not."""
    reading = read_rules(Suggestion(text).as_file().encode())
    return next((problem.message for problem in reading.problems if problem.level is Level.ERROR), None)
