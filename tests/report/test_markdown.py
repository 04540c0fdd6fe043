"""Markdown: a ticket that says all that somebody else needs, and in which nothing from the wire is markup."""

from dataclasses import replace

from cors_addon.report.markdown import MOST_IN_COMMENT, render, ticket
from cors_addon.report.model import build
from tests.report.samples import APP, get, mixed, preflight, verdicts


def test_a_ticket_says_what_was_asked_and_answered_what_to_change_and_how_to_see_it() -> None:
    text = render(build(verdicts(preflight(status=403))))
    for told in (
        "## Blocked: The preflight got 403 and no Access-Control-Allow-Origin\n",
        f"`PUT https://api.test/items` from `{APP}`, 1 request, `cors-",
        "```http\nOPTIONS https://api.test/items\nOrigin: https://app.test\n",
        "HTTP 403\nAccess-Control-Allow-Origin: (not sent)\n",
        "Send to OPTIONS, with a status from 200 to 299:\n\n```http\nAccess-Control-Allow-Origin: https://app.test\n",
        "**Reproduce**\n\n```sh\ncurl -i -X OPTIONS https://api.test/items -H 'Origin: https://app.test'",
        "The response lacks `Access-Control-Allow-Origin: https://app.test` before the change",
        "**Browsers**: Chromium PreflightMissingAllowOriginHeader · Firefox CORSMissingAllowOrigin · Safari ",
    ):
        assert told in text


def test_every_diagnosis_is_a_section() -> None:
    text = render(mixed())
    assert text.count("\n## ") - text.count("\n## Plan for ") == len(mixed().diagnoses)


def test_what_the_wire_says_is_no_markup() -> None:
    (diagnosis,) = build(verdicts(get("https://api.test/[x](http://evil)"))).diagnoses
    hostile = "**bold** <img> [a](b) ``` `code` | # "
    changed = {**diagnosis, "headline": hostile, "answered": [["X", "```\n# title"]]}
    lines = list(ticket(changed))
    assert lines[0].startswith("### Blocked: \\*\\*bold\\*\\* \\<img\\> \\[a\\](b)")
    fences = [line for line in lines if line.startswith("```")]
    assert len(fences) % 2 == 0
    assert not any(line.startswith("# ") for line in lines)


def test_compared_with_a_baseline_it_is_a_comment_on_what_is_new() -> None:
    both = [*build(verdicts(preflight(status=403))).diagnoses, *build(verdicts(get("https://other.test/a"))).diagnoses]
    report = replace(build(()), diagnoses=tuple(both), compared=True)
    known = replace(
        report, diagnoses=tuple({**each, "known": each["host"] == "other.test"} for each in report.diagnoses)
    )
    text = render(known)
    assert text.startswith("### CORS: 1 new, 1 known\n\n- **Blocked** `PUT https://api.test/items` from ")
    assert "The preflight got 403 and no Access-Control-Allow-Origin. " in text
    assert "<details><summary><code>PUT https://api.test/items</code> The preflight got 403" in text
    assert "other.test" not in text
    nothing = replace(report, diagnoses=tuple({**each, "known": True} for each in report.diagnoses))
    assert render(nothing) == "### CORS: nothing new, 2 known\n"


def test_a_comment_fits_github_however_much_is_new() -> None:
    (diagnosis,) = build(verdicts(preflight(status=403))).diagnoses
    many = tuple({**diagnosis, "url": f"https://api.test/{number}"} for number in range(300))
    text = render(replace(build(()), diagnoses=many, compared=True))
    assert len(text) <= MOST_IN_COMMENT < 65_536
    assert "\n- and 280 more\n" in text
    assert text.endswith(" tickets do not fit into a comment: the HTML report has them.\n")
    assert text.count("<details>") == text.count("</details>") > 10


def test_a_summary_in_a_comment_holds_no_markup_of_the_wire() -> None:
    (diagnosis,) = build(verdicts(preflight(status=403))).diagnoses
    text = render(replace(build(()), diagnoses=({**diagnosis, "headline": "</summary><img src=x>"},), compared=True))
    assert "<img" not in text.replace("\\<img", "")
