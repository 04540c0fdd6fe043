"""What is wrong between values that are right each for itself: within a rule, and between rules."""

from typing import Final

from ..fetch.methods import is_cors_safelisted_method
from ..fetch.origins import address_of
from ..fetch.safelists import FORBIDDEN_RESPONSE_HEADERS, SAFELISTED_RESPONSE_HEADERS, is_forbidden_request_header
from ..traffic.public_suffixes import is_development_name
from .draft import Draft
from .errors import quoted
from .key_values import Entry
from .keys import GRANT_KEYS
from .model import PreflightMode, UpstreamHeaders
from .nodes import Scalar, Sequence
from .patterns import HostPattern, OriginPattern, Origins
from .problems import Problems
from .reachability import check_reachable

MAX_AGE_CAPS: Final = {"Safari": 600, "Chromium": 7200, "Firefox": 86400}


def check_rules(drafts: list[Draft], problems: Problems) -> None:
    """Note what is wrong within rules and between them."""
    warned: set[int] = set()
    for draft in drafts:
        _check_origins_and_credentials(draft, problems, warned)
        _check_hosts(draft, problems)
        _check_case(draft, problems, warned)
        _check_simulation(draft, problems)
        _check_methods(draft, problems)
        _check_header_names(draft, problems, warned)
        _check_max_age(draft, problems, warned)
        _check_upstream(draft, problems)
    _check_names(drafts, problems)
    check_reachable(drafts, problems)


def _texts(entry: Entry | None) -> list[str]:
    if entry is None:
        return []
    if isinstance(entry.node, Scalar):
        return [entry.node.text]
    if isinstance(entry.node, Sequence):
        return [item.text if isinstance(item, Scalar) else "" for item in entry.node.items]
    return []


def is_swapped(entries: dict[str, Entry], problems: Problems) -> bool:
    """Recognise a rule that lists the pages as hosts and the servers as origins, and note it as one problem."""
    hosts, origins = _texts(entries.get("hosts")), _texts(entries.get("allow_origins"))
    if not hosts or not origins or not all("://" in text for text in hosts):
        return False
    if any("://" in text or text in ("", "any", "*", "null") for text in origins):
        return False
    problems.error(
        "swapped",
        entries["hosts"].node,
        entries["hosts"].path,
        "hosts lists pages and allow_origins lists servers: they are swapped",
        "hosts are the servers being called, by name; allow_origins are the pages that call them, with their scheme.",
        f"write hosts: [{', '.join(map(_q, origins))}] and allow_origins: [{', '.join(map(_q, hosts))}]",
        (problems.related(entries["allow_origins"].node, "servers"),),
    )
    return True


def _q(text: str) -> str:
    return quoted(text)


def _is_loopback(host: str) -> bool:
    address = address_of(host)
    return address.is_loopback if address is not None else host == "localhost" or host.endswith(".localhost")


def _check_origins_and_credentials(draft: Draft, problems: Problems, warned: set[int]) -> None:
    origins = draft.value("allow_origins")
    if not draft.value("allow_credentials") or not isinstance(origins, Origins):
        return
    credentials = draft.entries["allow_credentials"]
    if origins.patterns is None:
        at = draft.entries["allow_origins"]
        problems.error(
            "any-with-credentials",
            at.node,
            at.path,
            "any page cannot be combined with allow_credentials: true",
            "Every site that is open in the browser could then read the server's answers as the user who is logged in.",
            'list the pages, for example allow_origins: ["http://localhost:5173"], or take allow_credentials out',
            (problems.related(credentials.node, "credentials are allowed here"),),
        )
        return
    for pattern in origins.patterns:
        item, path = draft.located("allow_origins", pattern.text)
        if pattern.scheme != "http" or _is_loopback(pattern.host) or id(item) in warned:
            continue
        warned.add(id(item))
        problems.warn(
            "http-origin-with-credentials",
            item,
            path,
            f"{pattern.text} gets credentials without https",
            "Whoever is on the network between can change that page, and so read the server's answers as the user.",
            f"serve the page over https and list https://{pattern.text.partition('://')[2]}, or take "
            "allow_credentials out",
        )


def _check_hosts(draft: Draft, problems: Problems) -> None:
    hosts = draft.value("hosts") or ()
    for host in hosts:
        if _is_public(host):
            item, path = draft.located("hosts", host.text)
            problems.warn(
                "public-host",
                item,
                path,
                f"{host.text} looks like a public server, not like one for development",
                "Only this proxy's users see the injected headers, but for them the server's own policy "
                "is out of force.",
                "name the staging or development server; ignore this if it is one",
            )
    origins = draft.value("allow_origins")
    if hosts and isinstance(origins, Origins) and origins.patterns is not None:
        _check_same_origin(draft, hosts, origins.patterns, problems)


def _is_public(host: HostPattern) -> bool:
    if host.network is not None:
        return not host.network.is_private
    address = address_of(host.host)
    if address is not None:
        return not (address.is_private or address.is_loopback or address.is_link_local)
    return not is_development_name(host.host)


def _check_case(draft: Draft, problems: Problems, warned: set[int]) -> None:
    for name in ("hosts", "allow_origins"):
        for item, path in draft.items(name) if draft.value(name) is not None else []:
            if not isinstance(item, Scalar) or item.text == item.text.lower() or id(item) in warned:
                continue
            warned.add(id(item))
            problems.warn(
                "upper-case",
                item,
                path,
                f"{quoted(item.text)} is not in lower case",
                "Browsers write schemes and hosts in lower case, and so it is read.",
                f'write "{item.text.lower()}"',
            )


def _check_same_origin(
    draft: Draft, hosts: tuple[HostPattern, ...], origins: tuple[OriginPattern, ...], problems: Problems
) -> None:
    if len(hosts) != 1 or any(origin.exact is None for origin in origins):
        return
    host = hosts[0]
    if host.wildcard or host.network is not None or host.port is None:
        return
    if all(origin.host.strip("[]") == host.host and origin.port == host.port for origin in origins):
        at = draft.entries["hosts"]
        problems.warn(
            "same-origin",
            at.node,
            at.path,
            "the page and the server are the same here",
            "A page that calls its own origin needs no CORS, so this rule never applies.",
            "list the server being called in hosts, or take the rule out",
            (problems.related(draft.entries["allow_origins"].node, "the same host and port"),),
        )


def _check_simulation(draft: Draft, problems: Problems) -> None:
    simulated = draft.value("simulate")
    if simulated is None:
        return
    source = draft.entries["simulate"]
    for name in GRANT_KEYS:
        if name in draft.own:
            problems.error(
                "simulate-with-grant",
                draft.own[name].key,
                draft.own[name].path,
                f"{name} cannot stand beside simulate",
                f"The rule makes {simulated} happen; what it would grant has no part in that.",
                f"take {name} out, or put it into a rule of its own",
                (problems.related(source.node, "simulated here"),),
            )


def _check_methods(draft: Draft, problems: Problems) -> None:
    for name in ("methods", "allow_methods"):
        for item, path in draft.items(name) if name in draft.own else []:
            if isinstance(item, Scalar) and item.text == "OPTIONS":
                problems.warn(
                    "options-listed",
                    item,
                    path,
                    "OPTIONS need not be listed",
                    "A preflight goes by the method that it asks for; OPTIONS here means requests that a page itself "
                    "sends with that method.",
                    "take it out unless the page does so",
                )
    methods, allowed = draft.value("methods"), draft.value("allow_methods")
    if not methods or not allowed:
        return
    refused = [method for method in methods if method not in allowed and not is_cors_safelisted_method(method)]
    if refused:
        at = draft.entries["allow_methods"]
        problems.error(
            "contradiction",
            at.node,
            at.path,
            f"the rule is for {', '.join(refused)}, and its allow_methods refuses it",
            "The preflight of each such request would be answered with a refusal.",
            f"write allow_methods: requested, or add {', '.join(refused)}",
            (problems.related(draft.entries["methods"].node, "the methods it is for"),),
        )


def _check_header_names(draft: Draft, problems: Problems, warned: set[int]) -> None:
    for name, judge in (("allow_headers", _judge_request_header), ("expose_headers", _judge_response_header)):
        for item, path in draft.items(name):
            if not isinstance(item, Scalar) or id(item) in warned or item.broken:
                continue
            warned.add(id(item))
            judge(item, path, problems)


def _judge_request_header(item: Scalar, path: str, problems: Problems) -> None:
    lower = item.text.lower()
    if lower.startswith("access-control-"):
        problems.error(
            "header-name",
            item,
            path,
            f"{quoted(item.text)} is one of CORS's own headers",
            "allow_headers lists what the page adds to its requests; no page can add this one.",
            "take it out",
        )
    elif is_forbidden_request_header(item.text):
        problems.warn(
            "needless-header",
            item,
            path,
            f"{quoted(item.text)} need not be allowed",
            "The browser sends it by itself and a page cannot set it, so no preflight ever asks for it.",
            "take it out",
        )


def _judge_response_header(item: Scalar, path: str, problems: Problems) -> None:
    lower = item.text.lower()
    if lower in FORBIDDEN_RESPONSE_HEADERS:
        problems.error(
            "header-name",
            item,
            path,
            f"{quoted(item.text)} is never shown to a page",
            "Browsers keep cookies from scripts, whatever is exposed.",
            "take it out",
        )
    elif lower in SAFELISTED_RESPONSE_HEADERS:
        problems.warn(
            "needless-header",
            item,
            path,
            f"{quoted(item.text)} need not be exposed",
            "Every page can read it.",
            "take it out",
        )


def _check_max_age(draft: Draft, problems: Problems, warned: set[int]) -> None:
    seconds = draft.value("max_age")
    entry = draft.entries.get("max_age")
    if seconds is None or entry is None or seconds <= MAX_AGE_CAPS["Chromium"] or id(entry.node) in warned:
        return
    warned.add(id(entry.node))
    caps = ", ".join(f"{browser} {cap}" for browser, cap in MAX_AGE_CAPS.items())
    problems.warn(
        "max-age-capped",
        entry.node,
        entry.path,
        f"no browser but Firefox keeps a preflight's answer for {seconds} seconds"
        if seconds <= MAX_AGE_CAPS["Firefox"]
        else f"no browser keeps a preflight's answer for {seconds} seconds",
        f"They stop at their own limits, in seconds: {caps}. And what they keep outlives switching injection off.",
        "write max_age: 0 while you change the server, 600 at most otherwise",
    )


def _check_upstream(draft: Draft, problems: Problems) -> None:
    mode = draft.value("upstream_headers")
    if mode not in (UpstreamHeaders.FILL, UpstreamHeaders.KEEP) or "upstream_headers" not in draft.own:
        return
    if draft.values.get("preflight", PreflightMode.ANSWER) is PreflightMode.ANSWER:
        at = draft.entries["upstream_headers"]
        problems.warn(
            "upstream-not-asked",
            at.node,
            at.path,
            f"preflights are answered without asking the server, so there is nothing to {mode.value}",
            "preflight: answer is the default; upstream_headers then concerns the other responses only.",
            "add preflight: repair to leave a preflight's answer alone where the server has it right",
        )


def _check_names(drafts: list[Draft], problems: Problems) -> None:
    first: dict[str, Entry] = {}
    for draft in drafts:
        name = draft.value("name")
        if name is None:
            continue
        entry = draft.entries["name"]
        if name in first:
            problems.error(
                "duplicate-name",
                entry.node,
                entry.path,
                f"another rule is called {quoted(name)} too",
                "Reports and commands call a rule by its name, so each has its own.",
                "rename one of them",
                (problems.related(first[name].node, "the other one"),),
            )
        else:
            first[name] = entry
