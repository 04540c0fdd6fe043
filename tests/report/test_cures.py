"""Causes and snippets as every format shows them."""

import json
from dataclasses import replace
from xml.etree import ElementTree

from cors_addon.catalogue.violation import FixOwner
from cors_addon.report.blocks import blocks
from cors_addon.report.cures import hows, steps, whys
from cors_addon.report.explain import explain
from cors_addon.report.formats import FORMATS
from cors_addon.report.model import Report, build
from cors_addon.report.terminal_lines import headline, log_line, summary
from cors_addon.verdict.model import Cause, Confidence, CredentialsView, Snippet, Verdict
from tests.report.cures import CAUSES, SNIPPETS
from tests.report.samples import get, mixed, verdicts

CAUSE = Cause("x", Confidence.HIGH, "nginx drops it on errors", FixOwner.GATEWAY, "Add `always`.", ("a", "b"))
DOUBT = Cause("y", Confidence.MEDIUM, "A cache keeps it", FixOwner.SERVER, "Send Vary: Origin.")
NGINX = Snippet("nginx", "add_header A b always;\n    return 204;", Confidence.HIGH, 'Server: "nginx"')
EXPRESS = Snippet("Express", "app.use(cors())", Confidence.LOW)


def judged(known: bool = False) -> Verdict:
    """Judge a flow and give its one finding causes and snippets."""
    (verdict,) = verdicts(get())
    (finding,) = verdict.findings
    return verdict.with_findings(
        (replace(finding, causes=(CAUSE, DOUBT), snippets=(EXPRESS, NGINX), known=known),),
    )


def report() -> Report:
    return build([judged()])


def test_causes_come_in_order_and_say_how_sure_they_are() -> None:
    told = whys(judged().findings[0].to_plain())
    assert [(why.label, why.message, why.who, why.flows) for why in told] == [
        ("Cause", "nginx drops it on errors", "gateway", ("a", "b")),
        ("Probable cause", "A cache keeps it", "server", ()),
    ]
    assert [why.label for why in whys(CAUSES)] == ["Cause", "Possible cause"]
    assert whys({"cause": None, "other_causes": []}) == []


def test_a_stack_that_is_recognised_leaves_no_choice() -> None:
    told = {"fix": {"snippets": SNIPPETS}}
    assert [how.stack for how in hows(told)] == ["nginx"]
    assert [how.stack for how in hows({"fix": {"snippets": SNIPPETS[:1]}})] == ["Express"]
    assert hows({}) == []


def test_text_and_explanation_say_who_does_what_and_keep_snippets_as_they_are_pasted() -> None:
    for lines in (FORMATS["text"][1](report()).splitlines(), explain(report().flows[0])):
        stripped = [line.strip() for line in lines]
        at = stripped.index("cause     nginx drops it on errors")
        assert stripped[at : at + 5] == [
            "cause     nginx drops it on errors",
            "-> gateway: Add `always`.",
            "compare flow a, b",
            "or        A cache keeps it (probable cause)",
            "-> server: Send Vary: Origin.",
        ]
        at = stripped.index('for       nginx (Server: "nginx"):')
        first, second = lines[at + 1 : at + 3]
        assert stripped[at + 1 : at + 3] == ["add_header A b always;", "return 204;"]
        assert second.index("return") - first.index("add_header") == 4, "their indentation stays"
        assert not [line for line in lines if "Express" in line]


def test_a_log_line_names_the_cause_after_all_else() -> None:
    verdict = judged()
    line = log_line(verdict, verdict.findings[0])
    assert line.text.startswith("CORS blocked: Access-Control-Allow-Origin is missing")
    assert line.text.endswith(" from https://app.test (cause: nginx drops it on errors)")
    assert (line.severity, line.text[: line.painted]) == ("blocked", "CORS blocked:")


def test_the_summary_says_what_to_do_in_a_few_lines() -> None:
    assert [line.text for line in summary(report())] == [
        "CORS: 1 flow judged: 1 blocked",
        "  blocked at api.test: Access-Control-Allow-Origin is missing, so browsers refuse https://app.test"
        " [allow-origin-missing]",
        "    cause     nginx drops it on errors",
        "    needs     Access-Control-Allow-Origin: https://app.test",
        "    fix       (gateway) Add `always`.",
        "          1 x GET api.test/items from https://app.test",
    ]


def test_what_takes_more_than_one_step_is_told_in_turn() -> None:
    made = mixed()
    (flow,) = [flow for flow in made.flows if flow["method"] == "OPTIONS" and flow["outcome"] == "blocked"]
    first, second = steps(flow)
    assert first == "(server) Access-Control-Allow-Methods: GET, POST -> GET, POST, PUT"
    assert second.startswith("then PUT https://other.test/a, not sent so far: answer with Access-Control-Allow-Origin")
    assert steps(made.flows[0]) == [], "one header is told as what is needed"
    told = "in turn   1. (server) Access-Control-Allow-Methods: GET, POST -> GET, POST, PUT"
    assert told in explain(flow)
    assert f"  {told}\n" in FORMATS["text"][1](made)
    assert "All that it takes, in turn" in FORMATS["html"][1](made)


def test_what_is_known_is_called_so() -> None:
    verdict = judged(known=True)
    line = log_line(verdict, verdict.findings[0])
    assert line.text.startswith("CORS known (blocked): ")
    assert line.severity == "known"
    assert headline(verdict).startswith("blocked, known: ")
    assert explain(verdict.to_plain())[2].startswith("known     Access-Control-Allow-Origin is missing")


def test_junit_and_sarif_carry_them() -> None:
    failure = ElementTree.fromstring(FORMATS["junit"][1](report()).encode()).find(".//failure")
    assert failure is not None
    assert "cause     nginx drops it on errors\n" in (failure.text or "")
    assert "   add_header A b always;\n" in (failure.text or "")
    (result,) = json.loads(FORMATS["sarif"][1](report()))["runs"][0]["results"]
    assert "Cause: nginx drops it on errors. What to do (gateway): Add `always`." in result["message"]["text"]
    assert [(cause["message"], cause["confidence"]) for cause in result["properties"]["causes"]] == [
        ("nginx drops it on errors", "high"),
        ("A cache keeps it", "medium"),
    ]
    assert [snippet["stack"] for snippet in result["properties"]["snippets"]] == ["nginx"]


def test_what_one_cause_explains_is_one_thing_to_mend_and_what_two_explain_are_two() -> None:
    login = (
        get("https://api.test/a", status=401)
        .replace("> GET", "> OPTIONS")
        .replace("> Sec-Fetch-Dest", "> Access-Control-Request-Method: PUT\n> Sec-Fetch-Dest")
    )
    refused, missing = verdicts(login + get("https://api.test/b"))
    barred = tuple(replace(finding, causes=(CAUSE,)) for finding in refused.findings)
    lacking = tuple(replace(finding, causes=(DOUBT,)) for finding in missing.findings)
    assert len(barred) > 2
    made = build([refused.with_findings(barred), missing.with_findings(lacking)])
    second, first = sorted(blocks(made), key=lambda block: len(block.groups))
    assert (first.id, first.finding["cause"]["id"], first.count) == (barred[0].id, "x", 1)
    assert [violation for _, violation in first.others] == [finding.id for finding in barred[1:]]
    assert (second.id, second.finding["cause"]["id"], second.others) == ("allow-origin-missing", "y", [])
    told = [line.text.strip() for line in summary(made)]
    assert sum(line == "cause     nginx drops it on errors" for line in told) == 1
    assert sum(line.startswith("1 x ") for line in told) == 2


def test_an_assumed_credentials_mode_says_what_it_rests_on() -> None:
    (verdict,) = verdicts(get())
    hint = "not-include", "the browser is silent", "f", False
    for evidence, told in (
        ((), ["creds     not included: nothing speaks for them, and that is the default"]),
        ((hint,), ["creds     not included: that is likely", "          hint: the browser is silent (flow f)"]),
    ):
        view = CredentialsView("not-include", True, evidence=evidence)
        lines = explain(replace(verdict, credentials=view).to_plain())
        start = next(number for number, line in enumerate(lines) if line.startswith("creds"))
        assert lines[start : start + len(told)] == told
