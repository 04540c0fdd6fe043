"""What a server trusts, asked on purpose: which made-up origins to ask in the name of, and what the answers mean.

Nothing here sends anything. The names end in ``.example``, which nobody owns (RFC 2606), or are the page's own with
something changed; a request in their name reaches the server and nobody else.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from ..catalogue import CATALOGUE
from ..catalogue.violation import Severity, Stage
from ..fetch.checks import ALLOW_CREDENTIALS, ALLOW_ORIGIN
from ..fetch.messages import Request, Response, is_ok_status
from ..fetch.origins import OPAQUE, Origin, address_of, origin_of
from ..verdict.assembly import NO_CREDENTIALS_VIEW
from ..verdict.browsers import ALL_JUDGES
from ..verdict.failure_details import inert
from ..verdict.model import Finding, HeaderLine, Judge, Outcome, Verdict, View
from .audit import ECHOED, INSECURE, LOCALHOST, LOOSE, NULL, is_public, severity_of_trust

STRANGER: Final = "cors-probe.example"

OTHER_SITE: Final = "other-site"

PROBE: Final = "probe"
"""The kind of a verdict on an answer to the probe."""


@dataclass(frozen=True, slots=True)
class Guise:
    """In whose name to ask: ``kind`` is a short name, ``meaning`` whom the server allows if it trusts that origin."""

    kind: str
    origin: str
    meaning: str


_FOUND_BY: Final = {
    OTHER_SITE: ECHOED,
    "null": NULL,
    "prefix": LOOSE,
    "suffix": LOOSE,
    "look-alike": LOOSE,
    "unescaped-dot": LOOSE,
    "http": INSECURE,
    "localhost": LOCALHOST,
}
"""Which finding it is to trust a guise; a subdomain or another port may well be meant."""


def guises(page: Origin) -> list[Guise]:
    """Return in whose names to ask a server that a page calls, the stranger first: who trusts that, trusts all."""
    host = page.host
    found = [
        Guise(OTHER_SITE, f"https://{STRANGER}", "every page on the web"),
        Guise("null", OPAQUE, "sandboxed frames of every site, and pages opened from disk"),
        Guise("localhost", "http://localhost", "whatever listens on each user's own machine"),
        Guise("port", f"{page.scheme}://{host}:8444", "what is served on any other port of the page's host"),
    ]
    if page.scheme == "https":
        twin = Origin("http", host, 80 if page.port == 443 else page.port).serialize()
        found.insert(2, Guise("http", twin, "whoever is on the way to the page over plain http"))
    if address_of(host) is None and "." in host:
        scheme = page.scheme
        found += [
            Guise("subdomain", f"{scheme}://cors-probe.{host}", f"every name below {host}"),
            Guise("prefix", f"{scheme}://{host}.{STRANGER}", f"names that begin with {host}"),
            Guise("suffix", f"{scheme}://cors-probe-{host}", f"names that end in {host}"),
            Guise("look-alike", f"{scheme}://{host}_.{STRANGER}", f"names with odd letters behind {host}"),
        ]
        if host.count(".") > 1:
            dotless = host.replace(".", "x", 1)
            found.append(Guise("unescaped-dot", f"{scheme}://{dotless}", f"names with a letter for a dot of {host}"))
    own = page.serialize()
    return [guise for guise in found if guise.origin != own]


class Trust(Enum):
    """How far a server trusts an origin."""

    WITH_CREDENTIALS = "with credentials"
    WITHOUT_CREDENTIALS = "without credentials"
    NO = "no"
    FAILED = "failed"
    """No answer came."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of asking in one guise.

    ``status`` is ``None`` and ``error`` says why where no answer came. ``flow`` is the id of the request that asked.
    """

    guise: Guise
    method: str
    url: str
    status: int | None
    allow_origin: str | None
    allow_credentials: str | None
    trust: Trust
    flow: str
    error: str = ""

    def to_plain(self) -> dict[str, Any]:
        return {
            "kind": self.guise.kind,
            "method": self.method,
            "url": self.url,
            "origin": self.guise.origin,
            "status": self.status,
            "allow_origin": self.allow_origin,
            "allow_credentials": self.allow_credentials,
            "trust": self.trust.value,
            "meaning": self.meaning,
            "error": self.error,
            "flow": self.flow,
        }

    @property
    def meaning(self) -> str:
        """What the answer means, in a clause."""
        match self.trust:
            case Trust.WITH_CREDENTIALS:
                return f"allows {self.guise.meaning}, with the user's credentials"
            case Trust.WITHOUT_CREDENTIALS if self.allow_origin == "*":
                return "allows every page, without credentials: right for public data"
            case Trust.WITHOUT_CREDENTIALS:
                return f"allows {self.guise.meaning}, without credentials"
            case Trust.FAILED:
                return f"gave no answer: {self.error}"
            case Trust.NO:
                return "does not allow it"


def answered(guise: Guise, flow: str, request: Request, response: Response | None, error: str = "") -> Answered:
    """Read an answer. A preflight that is not 200 to 299 lets nobody in, whatever its headers say."""
    if response is None:
        shown = inert(error or "none came", 200)
        return Answered(guise, request.method, request.url, None, None, None, Trust.FAILED, flow, shown)
    allowed, credentials = response.headers.get(ALLOW_ORIGIN), response.headers.get(ALLOW_CREDENTIALS)
    trust = Trust.NO
    if request.method != "OPTIONS" or is_ok_status(response.status):
        if allowed == guise.origin:
            trust = Trust.WITH_CREDENTIALS if credentials == "true" else Trust.WITHOUT_CREDENTIALS
        elif allowed == "*":
            trust = Trust.WITHOUT_CREDENTIALS
    return Answered(guise, request.method, request.url, response.status, allowed, credentials, trust, flow)


def verdict_on(found: Answered, request: Request, page: str, address: str, trusts_all: bool) -> Verdict:
    """Return an answer as a verdict, with a finding where it allows with credentials whom it should not.

    ``page`` is the origin of the page whose request was asked again; ``address`` the server's. ``trusts_all`` says that
    the server trusts a stranger, which implies every name. No browser had a part in it: the outcome is ``not-cors``.
    """
    findings = (
        () if trusts_all and found.guise.kind not in (OTHER_SITE, "null") else _findings(found, request, page, address)
    )
    return Verdict(
        id=found.flow,
        method=found.method,
        url=found.url,
        origin=found.guise.origin,
        kind=PROBE,
        stage=Stage.PREFLIGHT if found.method == "OPTIONS" else Stage.RESPONSE,
        outcome=Outcome.NOT_CORS,
        judge=Judge.SPEC,
        views={judge: View(Outcome.NOT_CORS) for judge in ALL_JUDGES | {Judge.SPEC}},
        credentials=NO_CREDENTIALS_VIEW,
        findings=findings,
        reason="cors.probe asked, and no page",
        status=found.status,
        notes=(
            f"asked as {inert(found.guise.origin, 200)} ({found.guise.kind}): the server {inert(found.meaning, 400)}",
        ),
    )


def _findings(found: Answered, request: Request, page: str, address: str) -> tuple[Finding, ...]:
    name = _FOUND_BY.get(found.guise.kind)
    host = origin_of(found.url)
    if name is None or host is None or found.trust is not Trust.WITH_CREDENTIALS or found.status is None:
        return ()
    if name == LOCALHOST and not is_public(host, address):
        return ()
    if name == INSECURE and host.scheme != "https":
        return ()
    violation = CATALOGUE[name]
    severity = Severity.ADVICE if name == LOCALHOST else severity_of_trust(request.headers, host, address)
    if found.method == "OPTIONS":
        # A preflight carries no credentials, and has nothing to read.
        severity = Severity.ADVICE
    if not is_ok_status(found.status):
        severity = Severity.INFO
    told = violation.title.format_map({"origin": inert(found.guise.origin, 200), "other": inert(page, 200)})
    evidence = (
        HeaderLine("request", "Origin", inert(found.guise.origin, 300)),
        HeaderLine("response", ALLOW_ORIGIN, inert(found.allow_origin or "", 300)),
        HeaderLine("response", ALLOW_CREDENTIALS, inert(found.allow_credentials or "", 300)),
    )
    stage = Stage.PREFLIGHT if found.method == "OPTIONS" else Stage.RESPONSE
    return (Finding(violation, severity, stage, f"{told} (asked by cors.probe)", evidence),)
