"""From blocked requests to the smallest rule that lets them through, ready to paste."""

from collections.abc import Collection, Iterable, Sequence
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
    ids. ``tainted`` says that a redirect made its own ``Origin`` ``null``, and ``proven`` that the request shows its
    page all the same.
    """

    origin: str
    url: str
    method: str = "GET"
    header_names: tuple[str, ...] = ()
    credentials: str = ""
    findings: tuple[str, ...] = ()
    tainted: bool = False
    proven: bool = True

    @property
    def needs_resource_policy(self) -> bool:
        """Whether Cross-Origin-Resource-Policy keeps the response from the page."""
        return not _RESOURCE_POLICY.isdisjoint(self.findings)

    @property
    def needs_timing(self) -> bool:
        """Whether the page lacks the response's timing."""
        return "timing-allow-origin-missing" in self.findings


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
    "blocked-response-not-saved": "the capture holds no response, so nothing says which headers to add",
    "local-network-access": "the browser asks its user before it sends anything, and no header answers for the user",
    "nosniff-mime": "the content type is wrong for what the page loads, which is no matter of CORS",
    "orb-blocked": "the content type is wrong for what the page loads; load it in mode cors, or correct the type",
}
_LONGEST_METHOD: Final = 40
_RESOURCE_POLICY: Final = frozenset({"corp-not-same-origin", "corp-not-same-site", "corp-coep"})


@dataclass(frozen=True, slots=True)
class NewRule:
    """A rule to write: one page, one server.

    ``name`` is unquoted. ``credentials`` are the reasons for ``allow_credentials``, none where it is not needed, and
    ``comments`` are lines that say how to narrow the rule to what was seen.
    """

    name: str
    host: str
    origin: str
    credentials: tuple[str, ...] = ()
    resource_policy: bool = False
    timing: bool = False
    comments: tuple[str, ...] = ()

    def block(self, indent: int) -> str:
        """Return the rule as lines of a block list, each ended; the dash stands in column ``indent``."""
        lines = [
            f'name: "{self.name}"',
            f'hosts: ["{self.host}"]   # the server being called',
            f'allow_origins: ["{self.origin}"]   # the page that calls it',
        ]
        if self.credentials:
            lines.append(f"allow_credentials: true   # because {'; '.join(self.credentials)}")
        if self.resource_policy:
            lines.append("resource_policy: cross-origin   # images, scripts and the like, loaded without CORS")
        if self.timing:
            lines.append("timing_allow_origin: true")
        pad = " " * indent
        return f"{pad}- " + "".join(f"{pad}  {line}\n" for line in (*lines, *self.comments)).lstrip(" ")

    def flow(self) -> str:
        """Return the rule as a mapping in braces, on one line."""
        values = [f'name: "{self.name}"', f'hosts: ["{self.host}"]', f'allow_origins: ["{self.origin}"]']
        values += ["allow_credentials: true"] if self.credentials else []
        values += ["resource_policy: cross-origin"] if self.resource_policy else []
        values += ["timing_allow_origin: true"] if self.timing else []
        return "{" + ", ".join(values) + "}"


@dataclass(slots=True)
class Group:
    """The requests of one page to one server: one rule."""

    origin: str
    target: Target
    requests: list[BlockedRequest] = field(default_factory=list)

    def texts(self, name: str) -> list[str]:
        values = [target_of(r.url) for r in self.requests] if name == "path" else []
        found = [t.path for t in values if t is not None] if name == "path" else [r.method for r in self.requests]
        return sorted(set(found))

    def rule(self, taken: Collection[str]) -> NewRule:
        """Return the smallest rule for the requests, under a name that is not taken."""
        host = _host_text(self.target)
        if self.target.port != DEFAULT_PORTS[self.target.scheme]:
            host = f"{host}:{self.target.port}"
        reasons = sorted({request.credentials for request in self.requests if request.credentials})
        return NewRule(
            _name(self.origin, host, taken),
            host,
            self.origin,
            tuple(inert(reason) for reason in reasons),
            any(request.needs_resource_policy for request in self.requests),
            any(request.needs_timing for request in self.requests),
            tuple(_narrower(self)),
        )


def suggest(requests: Iterable[BlockedRequest], taken: Sequence[str] = ()) -> Suggestion:
    """Return the rules that let these requests through, one for each pair of page and server.

    ``taken`` are names of rules that exist already. What is not safe to write, or would not help, is refused with the
    reason; what is written validates as a rule file.
    """
    groups, refused = group_requests(requests)
    names = set(taken)
    texts = []
    for group in groups:
        rule = group.rule(names)
        names.add(rule.name)
        texts.append(rule.block(2))
    return Suggestion("".join(texts), tuple(refused))


def group_requests(requests: Iterable[BlockedRequest]) -> tuple[list[Group], list[tuple[BlockedRequest, str]]]:
    """Return the requests that a rule can be written for, by page and server, and the others with their reason."""
    groups: dict[tuple[str, str], Group] = {}
    refused: list[tuple[BlockedRequest, str]] = []
    for request in requests:
        target = target_of(request.url)
        reason = _refusal(request, target)
        if reason is not None or target is None:
            refused.append((request, reason or "its URL is not an http or https one"))
            continue
        groups.setdefault((request.origin, target.origin), Group(request.origin, target)).requests.append(request)
    sound = []
    for group in groups.values():
        problem = _problem(group.rule(()).block(2))
        if problem is None:
            sound.append(group)
        else:
            refused += [(request, problem) for request in group.requests]
    return sound, refused


def _refusal(request: BlockedRequest, target: Target | None) -> str | None:
    if target is None:
        return "its URL is not an http or https one"
    if request.origin == OPAQUE:
        return (
            "its origin is null, which sandboxed frames and pages from disk of any site share: "
            "serve the page over http://localhost, and suggest again"
        )
    if request.tainted and (request.credentials or not request.proven):
        why = (
            "it needs credentials, which null never gets"
            if request.credentials
            else "its Referer does not show its page"
        )
        return f"the redirect before it made its Origin null, and {why}: have the page call this URL at once"
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


def _narrower(group: Group) -> list[str]:
    """Return comments with what would narrow the rule to what was seen."""
    paths = [path for path in group.texts("path") if '"' not in path and "\\" not in path and path.isprintable()]
    methods = [method for method in group.texts("method") if method.isascii() and method.isalpha()]
    lines = []
    if paths:
        shown = ", ".join(f'"{path[:200]}"' for path in paths[:5])
        more = f"   # and {len(paths) - 5} more" if len(paths) > 5 else ""
        lines.append(f"# paths: [{shown}]{more}   # to narrow it to what was seen")
    if methods:
        lines.append(f"# methods: [{', '.join(method[:_LONGEST_METHOD] for method in methods[:10])}]")
    return lines


def _name(origin: str, host: str, taken: Collection[str]) -> str:
    page = origin.partition("://")[2]
    base = f"{page} calls {host}"
    if len(base) > 90:
        base = f"{page[:40]} calls {host[:40]}"
    name, number = base, 2
    while name in taken:
        name, number = f"{base} ({number})", number + 1
    return name


def _problem(text: str) -> str | None:
    """Return why a rule file with this rule alone would be refused, ``None`` where it would not."""
    reading = read_rules(Suggestion(text).as_file().encode())
    return next((problem.message for problem in reading.problems if problem.level is Level.ERROR), None)
