import re

from cors_addon.report.baseline import Baseline
from cors_addon.report.grouping import key_of_group
from cors_addon.report.ignore import parse_all
from cors_addon.report.model import build, merge
from cors_addon.report.text_report import render
from cors_addon.verdict.model import Delivered, Outcome
from tests.report.samples import APP, get, mixed, preflight, verdicts

WHOLE = """\
CORS: 6 flows judged: 2 allowed, 4 blocked

BLOCKED  [allow-origin-missing] at api.test, 3 times
  what      Access-Control-Allow-Origin is missing, so browsers refuse https://app.test
  asked     Origin:                      https://app.test
  answered  Access-Control-Allow-Origin: (not sent)
  needed    Access-Control-Allow-Origin: https://app.test
"""


def test_what_to_mend_comes_first_with_evidence_and_cure() -> None:
    text = render(mixed())
    assert text.startswith(WHOLE)
    assert "  fix       (server) The server adds `Access-Control-Allow-Origin: https://app.test`" in text
    assert "chromium blocked (MissingAllowOriginHeader), firefox blocked (CORSMissingAllowOrigin)" in " ".join(
        text.split()
    )
    assert "        3 x GET api.test/items/{id} from https://app.test  (flow 1)\n" in text
    assert text.endswith("python -m cors_addon explain ID tells more of each id in square brackets.\n")
    pasted = " " * 14
    assert max(len(line) for line in text.splitlines() if not line.startswith(pasted)) <= 100


def test_what_is_worth_a_thought_only_is_short() -> None:
    text = render(mixed())
    assert re.search(r"\nINFO  \[max-age-capped\] at long\.test, once\n +Access-Control-Max-Age", text)
    assert text.index("INFO") > text.rindex("BLOCKED")


def test_endpoints_that_need_different_things_say_so_each() -> None:
    allow = f"Access-Control-Allow-Origin: {APP}"
    report = build(
        verdicts(
            preflight("https://api.test/a", allow, "Access-Control-Allow-Methods: GET")
            + preflight("https://api.test/b", allow, "Access-Control-Allow-Methods: GET", method="DELETE")
        )
    )
    lines = render(report).splitlines()
    assert not [line for line in lines if line.startswith("  needed")]
    place = next(index for index, line in enumerate(lines) if "OPTIONS api.test/b" in line)
    assert lines[place + 1].strip() == "needs Access-Control-Allow-Methods: GET, DELETE"
    assert lines[place + 3].strip() == "needs Access-Control-Allow-Methods: GET, PUT"


def test_many_endpoints_are_counted_and_not_all_listed() -> None:
    report = build(verdicts("".join(get(f"https://api.test/path{chr(97 + n)}") for n in range(20))))
    assert "          and 8 endpoints more\n" in render(report)


def test_a_conditional_finding_says_what_it_hangs_on() -> None:
    report = build(
        verdicts(get("https://api.test/c", "Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: TRUE"))
    )
    text = render(report)
    assert "CONDITIONAL  [allow-origin-wildcard-with-credentials]" in text
    assert re.search(r"hangs on  credentials: the server sends\s+Access-Control-Allow-Credentials", text)


def test_what_is_known_and_what_is_ignored_is_said() -> None:
    keys = [key_of_group(group) for group in mixed().groups]
    text = render(mixed(baseline=Baseline(frozenset(key for key in keys[:1] if key is not None))))
    assert "3 times, known" in text
    assert "      1 groups known by the baseline\n" in text
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
    (answered,) = verdicts(get("https://never.test/"))
    text = render(build([owing.with_delivered(Delivered("local SPA", Outcome.ALLOWED))]))
    assert "1 x GET api.test/items  (rule local SPA)\n            Access-Control-Allow-Origin: https://app.test" in text
    del answered


def test_colours_are_for_terminals_only() -> None:
    assert "\x1b" not in render(mixed())
    coloured = render(mixed(), colour=True)
    assert "\x1b[1;31mBLOCKED  [allow-origin-missing]" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(mixed())


def test_nothing_is_said_in_a_line() -> None:
    assert render(build([], not_cors=3)) == "CORS: 3 flows judged: 3 not-cors\n"
    assert render(build([])) == "CORS: 0 flows judged: none\n"
