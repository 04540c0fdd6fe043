import re

from cors_addon.report.baseline import Baseline
from cors_addon.report.diagnosis_text import MOST_LINES, because, lines_of
from cors_addon.report.grouping import key_of_group
from cors_addon.report.ignore import parse_all
from cors_addon.report.model import build, merge
from cors_addon.report.text_report import render
from cors_addon.verdict.model import Delivered, Outcome
from tests.report.samples import APP, get, mixed, preflight, verdicts

WHOLE = """\
CORS: 6 flows judged: 2 allowed, 4 blocked

BLOCKED  GET https://api.test/items/{id}   from https://app.test   3 requests   ID
  No Access-Control-Allow-Origin in the response to https://app.test  [allow-origin-missing]

  Fix       On the server api.test: Add these response headers.
  Send      to GET, errors included
              Access-Control-Allow-Origin: https://app.test
              Vary: Origin
  Try       curl -i https://api.test/items/1 -H 'Origin: https://app.test'
  Console   Chromium MissingAllowOriginHeader · Firefox CORSMissingAllowOrigin · Safari
            OriginNotAllowed

"""


def test_what_to_fix_comes_first_and_is_whole() -> None:
    text = render(mixed())
    assert re.sub(r"cors-[0-9a-f]{7}", "ID", text).startswith(WHOLE)
    assert text.endswith("cors-addon explain ID says more about an id in square brackets.\n")
    pasted = ("    ", "  Try")
    assert max(len(line) for line in text.splitlines() if not line.startswith(pasted)) <= 100


def test_what_is_worth_a_thought_only_is_short() -> None:
    text = render(mixed())
    assert re.search(
        r"\nINFO  PUT https://long\.test/   from https://app\.test   1 request   cors-\w+\n  Access-", text
    )
    assert text.index("INFO") > text.rindex("BLOCKED")


def test_endpoints_that_need_different_things_are_two_diagnoses() -> None:
    allow = f"Access-Control-Allow-Origin: {APP}"
    report = build(
        verdicts(
            preflight("https://api.test/a", allow, "Access-Control-Allow-Methods: GET")
            + preflight("https://api.test/b", allow, "Access-Control-Allow-Methods: GET", method="DELETE")
        )
    )
    text = render(report)
    assert text.count("BLOCKED") == 2
    assert "Access-Control-Allow-Methods: GET, DELETE" in text
    assert "Access-Control-Allow-Methods: GET, PUT" in text


def test_endpoints_of_one_fault_are_counted_and_not_all_listed() -> None:
    report = build(verdicts("".join(get(f"https://api.test/path{chr(97 + n)}") for n in range(20))))
    text = render(report)
    assert "BLOCKED  api.test, 20 endpoints   from https://app.test   20 requests   cors-" in text
    assert "            and 16 endpoints more\n" in text


def test_a_conditional_diagnosis_says_what_it_hangs_on() -> None:
    report = build(
        verdicts(get("https://api.test/c", "Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: TRUE"))
    )
    text = render(report)
    assert "CONDITIONAL  GET https://api.test/c" in text
    assert "  With credentials: Access-Control-Allow-Origin: * does not allow credentials" in text
    assert "  If        the page includes credentials." in text


def test_a_snippet_stands_in_place_of_the_headers_unless_it_is_long() -> None:
    (diagnosis,) = [each for each in mixed().diagnoses if each["host"] == "api.test"]
    (step,) = diagnosis["plan"]
    for count, shown in ((3, True), (40, False)):
        snippet = {"stack": "nginx", "text": "add_header A b always;\n" * count}
        lines = lines_of({**diagnosis, "plan": [{**step, "snippet": snippet}]})
        assert len(lines) <= MOST_LINES
        assert ("            add_header A b always;" in lines) is shown
        assert any("Vary: Origin" in line for line in lines) is not shown


def test_what_is_known_and_what_is_ignored_is_said() -> None:
    keys = [key_of_group(group) for group in mixed().groups]
    text = render(mixed(baseline=Baseline(frozenset(key for key in keys[:1] if key is not None))))
    assert "KNOWN  GET https://api.test/items/{id}" in text
    assert "      1 group known by the baseline\n" in text
    text = render(mixed(ignores=parse_all(["allow-origin-missing # mended in May"])))
    assert "      3 findings ignored\n" in text
    assert "Ignored, and why:\n  [allow-origin-missing] at api.test: mended in May" in text


def test_what_could_not_be_read_is_said() -> None:
    captures = [
        {"path": "a.mitm", "kind": "flows", "flows": 6, "problem": "it breaks off", "note": ""},
        {"path": "b.har", "kind": "har", "flows": 0, "problem": "", "note": "something is missing"},
    ]
    lines = render(merge([mixed()], captures)).splitlines()
    assert lines[1:3] == ["problem: a.mitm: it breaks off", "note: b.har: something is missing"]


def test_what_servers_owe_is_said() -> None:
    (owing,) = verdicts(get())
    text = render(build([owing.with_delivered(Delivered("local SPA", Outcome.ALLOWED))]))
    assert "Still to fix on the server: a rule adds the headers meanwhile.\n" in text
    assert "  GET https://api.test/items   rule local SPA   1 request\n" in text
    assert "  https://api.test   1 fault, 1 request, now by rule local SPA\n" in text
    assert (
        "  Send      to every other request, errors included\n"
        "              Access-Control-Allow-Origin: https://app.test\n" in text
    )


def test_colours_are_for_terminals_only() -> None:
    assert "\x1b" not in render(mixed())
    coloured = render(mixed(), colour=True)
    assert "\x1b[1;31mBLOCKED\x1b[0m  GET" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(mixed())


def test_nothing_is_said_in_a_line() -> None:
    assert render(build([], not_cors=3)) == "CORS: 3 flows judged: 3 not-cors\n"
    assert render(build([])) == "CORS: 0 flows judged: none\n"


def test_a_second_cause_that_is_certain_is_no_alternative() -> None:
    causes = [{"confidence": "certain"}, {"confidence": "certain"}, {"confidence": "likely"}]
    assert [because(cause, number) for number, cause in enumerate(causes)] == ["Why", "And", "Or"]
