"""The live page's host profiles: what each host's policy is, as learned, where it contradicts itself, what it takes."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from hashlib import sha256
from html import escape
from typing import Any, Final

from ..report.html_profiles import cost_sentence, probe_sentence, ways
from .html_text import block, left_out, line, text

Profile = Mapping[str, Any]

LISTED: Final = 20
"""How many hosts are shown, those asked last."""

_MOST: Final = 10
_EVERY: Final = 3.0
_SHARE: Final = 20


class Profiles:
    """Keeps the section's inside, and makes it anew where something has changed: seldom, for that takes a while.

    ``make`` gives the profiles of so many hosts, those asked last, and how many hosts there are in all, in steps.
    ``state`` gives what else they hang on, compared with what it was. ``clock`` gives seconds and only goes forward.
    """

    def __init__(
        self,
        make: Callable[[int], Generator[None, None, tuple[Sequence[Profile], int]]],
        token: str = "",
        state: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._token = token
        self._state = state
        self._clock = clock
        self._seen: object = None
        self._due = float("-inf")
        self.html = ""
        self.hosts: Sequence[Profile] = ()

    def steps(self, version: int) -> Generator[None, None, bool]:
        """Say whether the inside is another one now, in steps; ``version`` is that of what is shown beside it.

        It is made once in some seconds at most, and so that it takes no more than a twentieth of the time.
        """
        began = self._clock()
        now = version, self._state()
        if now == self._seen or began < self._due:
            return False
        self._seen = now
        self._due = float("inf")
        try:
            hosts, known = yield from self._make(LISTED)
        finally:
            ended = self._clock()
            self._due = ended + max(_EVERY, _SHARE * (ended - began))
        self.hosts = hosts
        html = profiles(hosts, known - len(hosts), self._token)
        changed, self.html = html != self.html, html
        return changed


def profiles(hosts: Sequence[Profile], more: int = 0, token: str = "") -> str:
    """Return the inside of the section; ``more`` hosts are known and not among these.

    A host that may be probed gets a button for it, which sends the page's ``token``.
    """
    if not hosts:
        return '<p class="empty">No host has answered a CORS request so far.</p>'
    return f'<ul class="hosts">{"".join(_host(host, token) for host in hosts)}</ul>{left_out(more)}'


def _host(host: Profile, token: str) -> str:
    # Found again by its id, so that what the reader opened stays open.
    name = sha256(str(host["host"]).encode("utf-8", "replace")).hexdigest()[:16]
    wrong = host["contradictions"]
    flag = f' <span class="flag">{len(wrong)} contradiction{"s" if len(wrong) > 1 else ""}</span>' if wrong else ""
    contradictions = "".join(f"<li>{text(each['message'])}</li>" for each in wrong[:_MOST])
    return (
        f'<li id="host-{name}"><details class="more"><summary>{text(host["host"])}{flag}</summary>'
        f"<p>It {text(host['policy'], 600)}.</p>"
        f"{_labelled('Where it contradicts itself', contradictions)}"
        f"{_probed(host.get('probed') or ())}"
        f"{_to_serve(host['to_serve'])}{_facts(host)}{_paths(host['paths'])}{_ask(host, token)}</details></li>"
    )


def _ask(host: Profile, token: str) -> str:
    if not host.get("may_be_probed"):
        return ""
    return (
        '<form method="post" action="probe" class="clear">'
        f'<input type="hidden" name="token" value="{escape(token)}">'
        f'<input type="hidden" name="name" value="{line(host["host"])}">'
        "<button>Ask it in made-up names whom it trusts</button></form>"
    )


def _probed(rows: Sequence[Profile]) -> str:
    trusted = [row for row in rows if row["trust"] != "no"]
    items = "".join(f"<li>{text(row['origin'])}: {text(probe_sentence(row))}</li>" for row in trusted[:_MOST])
    if rows and not trusted:
        items = f"<li>The server allowed none of {len(rows)} made-up names.</li>"
    return _labelled("What cors.probe was told", items)


def _to_serve(needs: Profile) -> str:
    if not needs["lines"]:
        return ""
    failing = "".join(
        f"<li><code>{line(each['id'])}</code> at {text(each['method'], 40)} {text(each['path'])}</li>"
        for each in needs["failing"][:_MOST]
    )
    return (
        '<div class="needed"><span class="label">What would serve every page that asked</span>'
        f"{block(chr(10).join(needs['lines']))}</div>"
        f"{_labelled('What fails now', failing)}"
    )


def _facts(host: Profile) -> str:
    rows = [
        ("Pages", ", ".join(f"{each['origin']}{_let_in(each)}" for each in host["origins"][:_MOST])),
        *((f"With {each['status']}", ways(each["allow_origin"])) for each in host["statuses"]),
        ("Granted", ", ".join([*host["methods"]["granted"], *host["headers"]["granted"]])),
        ("Never used", ", ".join(host["methods"]["unused"])),
        ("Exposed", ", ".join(host["headers"]["exposed"])),
    ]
    told = "".join(f"<dt>{line(name)}</dt><dd>{text(value, 800)}</dd>" for name, value in rows if value)
    return f'<dl class="facts">{told}<dt>Preflights</dt><dd>{escape(cost_sentence(host["cost"]))}</dd></dl>'


def _let_in(row: Profile) -> str:
    if not row["allowed"]:
        return " (refused)"
    mixed = ", now and then refused" if row["refused"] else ""
    return f" (allowed{' with credentials' if row['credentials'] else ''}{mixed})"


def _paths(rows: Sequence[Profile]) -> str:
    items = []
    for row in rows[:_MOST]:
        cost = row["cost"]
        saved = (
            f", {cost['avoidable']} preflights and {cost['avoidable_milliseconds']} ms avoidable"
            if cost["avoidable"]
            else ""
        )
        statuses = ", ".join(map(str, row["statuses"])) or "no answer but to preflights"
        items.append(
            f"<li>{text(', '.join(row['methods']), 80)} {text(row['path'])}"
            f'<span class="meta">: {statuses}{saved}</span></li>'
        )
    return _labelled("Paths", "".join(items)) + left_out(len(rows) - _MOST)


def _labelled(label: str, items: str) -> str:
    return f'<p class="label">{label}</p><ul>{items}</ul>' if items else ""
