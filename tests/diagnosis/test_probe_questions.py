"""In whose names the probe asks, and what it makes of the answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.catalogue.violation import Severity, Stage
from cors_addon.diagnosis.probe_questions import STRANGER, Guise, Trust, answered, guises, verdict_on
from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import Request, Response
from cors_addon.fetch.origins import OPAQUE, Origin, origin_of
from cors_addon.traffic.trusted_origins import is_lookalike
from cors_addon.verdict.model import Outcome
from tests.fetch.table import table
from tests.traffic.exchanges import APP, allow, lines_of

ME = "https://api.test/me"


def page(url: str = APP) -> Origin:
    found = origin_of(url)
    assert found is not None
    return found


def guise(kind: str, url: str = "https://www.app.test") -> Guise:
    return next(each for each in guises(page(url)) if each.kind == kind)


@table(
    "kind, origin",
    ("a stranger", "other-site", "https://cors-probe.example"),
    ("nobody", "null", "null"),
    ("the page, over http", "http", "http://www.app.test"),
    ("the user's own machine", "localhost", "http://localhost"),
    ("the page's host on another port", "port", "https://www.app.test:8444"),
    ("below the page's host", "subdomain", "https://cors-probe.www.app.test"),
    ("a name that begins so", "prefix", "https://www.app.test.cors-probe.example"),
    ("a name that ends so", "suffix", "https://cors-probe-www.app.test"),
    ("odd letters behind", "look-alike", "https://www.app.test_.cors-probe.example"),
    ("a letter for a dot", "unescaped-dot", "https://wwwxapp.test"),
)
def test_whom_it_pretends_to_be(kind: str, origin: str) -> None:
    assert guise(kind).origin == origin


@table(
    "left, url",
    ("a page on this machine", ["other-site", "null", "localhost", "port"], "http://localhost:3000"),
    ("an address", ["other-site", "null", "http", "localhost", "port"], "https://192.0.2.7"),
    ("a plain page has no http twin", ["other-site", "null", "localhost", "port", "subdomain", "prefix", "suffix",
                                       "look-alike"], "http://app.test"),
    ("the page's own origin is no guise", ["other-site", "null", "port"], "http://localhost"),
)  # fmt: skip
def test_what_makes_no_sense_is_left_out(left: list[str], url: str) -> None:
    assert [each.kind for each in guises(page(url))] == left


@given(st.from_regex(r"[a-z]{1,9}(\.[a-z]{1,9}){0,3}", fullmatch=True), st.sampled_from(("http", "https")))
def test_a_handful_of_names_that_are_nobodys_or_like_the_pages(host: str, scheme: str) -> None:
    found = guises(Origin(scheme, host, 443 if scheme == "https" else 80))
    assert 4 <= len(found) <= 10
    assert len({each.origin for each in found}) == len(found)
    for each in found:
        name = page(each.origin).host if each.origin != OPAQUE else ""
        if each.kind in ("prefix", "suffix", "look-alike") and len(host) > 4:
            assert is_lookalike(name, host)
        strangers = name == STRANGER or name.endswith(f".{STRANGER}")
        assert strangers or each.origin == OPAQUE or name == "localhost" or host.replace(".", "x")[-1] == name[-1]


def asked(kind: str, *lines: str, status: int = 200, method: str = "GET", answer: list[str] | None = None) -> tuple:  # type: ignore[type-arg]
    subject = guise(kind)
    request = Request(method, ME, lines_of([f"Origin: {subject.origin}", *lines]))
    given_answer = allow(subject.origin, credentials=True) if answer is None else answer
    return answered(subject, "f", request, Response(status, lines_of(given_answer))), request


@table(
    "trust, answer, status, method",
    ("by name, with credentials", Trust.WITH_CREDENTIALS, None, 200, "GET"),
    ("by name", Trust.WITHOUT_CREDENTIALS, allow("https://cors-probe.example"), 200, "GET"),
    ("everybody", Trust.WITHOUT_CREDENTIALS, allow("*"), 200, "GET"),
    ("everybody, and credentials in vain", Trust.WITHOUT_CREDENTIALS, allow("*", credentials=True), 200, "GET"),
    ("the real page only", Trust.NO, allow(credentials=True), 200, "GET"),
    ("nobody", Trust.NO, [], 200, "GET"),
    ("with credentials misspelt", Trust.WITHOUT_CREDENTIALS,
     [*allow("https://cors-probe.example"), "Access-Control-Allow-Credentials: True"], 200, "GET"),
    ("in an error", Trust.WITH_CREDENTIALS, None, 404, "GET"),
    ("a preflight", Trust.WITH_CREDENTIALS, None, 204, "OPTIONS"),
    ("a preflight that fails", Trust.NO, None, 403, "OPTIONS"),
)  # fmt: skip
def test_what_an_answer_says(trust: Trust, answer: list[str] | None, status: int, method: str) -> None:
    found, _ = asked("other-site", status=status, method=method, answer=answer)
    assert found.trust is trust
    plain = found.to_plain()
    assert (plain["kind"], plain["trust"], plain["status"]) == ("other-site", trust.value, status)
    assert plain["meaning"]


def test_no_answer_is_no_refusal() -> None:
    found = answered(guise("null"), "f", Request("GET", ME, HeaderList(())), None, "connection\x1b refused")
    assert found.trust is Trust.FAILED
    assert "connection" in found.meaning
    assert "\x1b" not in found.meaning


@table(
    "told, kind, severity, lines, status, method",
    ("a stranger", "origin-echoed-with-credentials", "other-site", Severity.RISK, ("Cookie: a=b",), 200, "GET"),
    ("nobody signed in", "origin-echoed-with-credentials", "other-site", Severity.ADVICE, (), 200, "GET"),
    ("an error", "origin-echoed-with-credentials", "other-site", Severity.INFO, ("Cookie: a=b",), 404, "GET"),
    ("a preflight", "origin-echoed-with-credentials", "other-site", Severity.ADVICE, (), 204, "OPTIONS"),
    ("nobody's origin", "null-origin-with-credentials", "null", Severity.RISK, ("Cookie: a=b",), 200, "HEAD"),
    ("http", "http-origin-with-credentials", "http", Severity.RISK, ("Cookie: a=b",), 200, "GET"),
    ("a prefix", "origin-pattern-too-loose", "prefix", Severity.RISK, ("Cookie: a=b",), 200, "GET"),
    ("a letter for a dot", "origin-pattern-too-loose", "unescaped-dot", Severity.RISK, ("Cookie: a=b",), 200, "GET"),
)
def test_findings(told: str, kind: str, severity: Severity, lines: tuple[str, ...], status: int, method: str) -> None:
    found, request = asked(kind, *lines, status=status, method=method)
    verdict = verdict_on(found, request, APP, "203.0.113.7", trusts_all=False)
    (finding,) = verdict.findings
    assert (finding.id, finding.severity) == (told, severity)
    assert finding.stage is (Stage.PREFLIGHT if method == "OPTIONS" else Stage.RESPONSE)
    assert finding.message.endswith("(asked by cors.probe)")
    assert finding.message.isprintable()
    assert [line.value for line in finding.evidence] == [found.guise.origin, found.guise.origin, "true"]
    assert verdict.outcome is Outcome.NOT_CORS
    assert (verdict.kind, verdict.origin) == ("probe", found.guise.origin)


@pytest.mark.parametrize("kind", ["subdomain", "port"])
def test_what_may_well_be_meant_is_told_and_no_finding(kind: str) -> None:
    found, request = asked(kind, "Cookie: a=b")
    verdict = verdict_on(found, request, APP, "", trusts_all=False)
    assert verdict.findings == ()
    assert "with the user's credentials" in verdict.notes[0]


def test_who_trusts_all_is_not_told_of_each_name() -> None:
    for kind, count in (("prefix", 0), ("http", 0), ("null", 1), ("other-site", 1)):
        found, request = asked(kind, "Cookie: a=b")
        assert len(verdict_on(found, request, APP, "", trusts_all=True).findings) == count


@table(
    "count, address",
    ("a server in use", 1, "203.0.113.7"),
    ("one on the developer's machine", 0, "127.0.0.1"),
    ("one that a reserved name shows to be for development", 0, ""),
)
def test_localhost_matters_to_servers_in_use(count: int, address: str) -> None:
    found, request = asked("localhost", "Cookie: a=b")
    assert len(verdict_on(found, request, APP, address, trusts_all=False).findings) == count


@pytest.mark.parametrize("answer", [[], allow("*"), allow(), allow("https://cors-probe.example")])
def test_without_credentials_nothing_is_found(answer: list[str]) -> None:
    found, request = asked("other-site", "Cookie: a=b", answer=answer)
    assert verdict_on(found, request, APP, "", trusts_all=False).findings == ()
