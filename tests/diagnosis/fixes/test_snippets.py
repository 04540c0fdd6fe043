"""What is written into each stack: complete, careful, and closed to whatever comes from the wire."""

import ast
import json
import re
import shutil
import subprocess
from dataclasses import replace
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.diagnosis.fixes.required_headers import Need
from cors_addon.diagnosis.fixes.snippets import WRITERS, snippet_text
from cors_addon.diagnosis.fixes.snippets.templates import safe
from cors_addon.traffic.transcript import parse_transcript
from cors_addon.verdict.failure_details import inert
from cors_addon.verdict.redact import redact
from tests.verdict.judging import verdict_of

STACKS = [*WRITERS, None]
ORIGIN = "https://app.test"
GET = Need(ORIGIN, "GET", ("GET",), (), credentials=False, preflight=False)
PUT = Need(ORIGIN, "PUT", ("GET", "PUT"), ("content-type", "x-trace"), credentials=False, preflight=True)
WHOLE = Need(ORIGIN, "PUT", ("PUT",), ("content-type", "x-trace"), True, True, ("x-total",), True)
LOCAL = replace(WHOLE, credentials=False, developing=True)
NEEDS = {"get": GET, "put": PUT, "whole": WHOLE, "local": LOCAL}
NO_CREDENTIALS = {"gcs"}
"""Stacks that cannot allow credentials."""


def texts(need: Need) -> dict[str | None, str]:
    found = {stack: snippet_text(stack, need) for stack in STACKS}
    assert all(text is not None for stack, text in found.items() if stack not in NO_CREDENTIALS or not need.credentials)
    return {stack: text for stack, text in found.items() if text is not None}


@pytest.mark.parametrize("name", NEEDS)
def test_every_stack_gets_what_the_request_needs(name: str) -> None:
    need = NEEDS[name]
    for stack, text in texts(need).items():
        assert ORIGIN in text, stack
        assert need.method in text or need.method.lower() in text or not need.preflight, stack
        for header in need.header_names if need.preflight else ():
            assert header in text, stack
        for exposed in need.exposed:
            assert exposed in text, stack


@pytest.mark.parametrize("name", NEEDS)
def test_nothing_is_left_of_a_template_and_no_line_has_a_blank_at_its_end(name: str) -> None:
    for stack, text in texts(NEEDS[name]).items():
        for line in text.split("\n"):
            assert line == line.rstrip(), stack
        assert "%origin" not in text, stack
        assert "credentials%" not in text, stack
        assert "%preflight" not in text, stack
        assert "%answered" not in text, stack


def test_iis_refuses_no_request_for_its_origin() -> None:
    # https://learn.microsoft.com/iis/extensions/cors-module/cors-module-configuration-reference
    assert "failUnlistedOrigins" not in (snippet_text("iis", WHOLE) or "failUnlistedOrigins")


@pytest.mark.parametrize("name", NEEDS)
def test_reports_show_a_snippet_as_it_is(name: str) -> None:
    for stack, text in texts(NEEDS[name]).items():
        assert redact(text) == text, stack
        assert all(inert(line, 400) == line for line in text.splitlines()), stack


@pytest.mark.parametrize("stack", STACKS)
def test_nobody_but_the_page_is_allowed_and_credentials_only_where_they_are_needed(stack: str | None) -> None:
    without = snippet_text(stack, PUT) or ""
    paths = 1 if stack in ("rails", "laravel") else 0
    assert len(re.findall(r"""["']\*["']""", without)) == paths, stack
    assert not re.search(r"Allow-\w+\W+\*", without), stack
    says_no = ("AllowCredentials: false", "AccessControlAllowCredentials: false", "'supports_credentials' => false")
    for text in says_no:
        without = without.replace(text, "")
    assert "credentials" not in without.lower(), stack
    if stack not in (*NO_CREDENTIALS, "s3", "azureblob"):
        assert "credentials" in (snippet_text(stack, WHOLE) or "").lower(), stack


def test_a_page_on_a_developers_machine_is_remarked_where_a_remark_can_be() -> None:
    with_remark = {stack for stack, text in texts(LOCAL).items() if "developer's own machine" in text}
    assert with_remark == set(STACKS) - {"s3"}
    assert not any("developer's own machine" in text for text in texts(WHOLE).values())
    answer = "< 200\n< Server: nginx"
    for origin, url, developing in (
        ("http://localhost:5173", "https://api.test/a", True),
        ("http://127.0.0.1:5173", "https://api.test/a", True),
        ("http://localhost:5173", "http://localhost:8080/a", False),
        (ORIGIN, "https://api.test/a", False),
    ):
        exchanges = parse_transcript(f"> GET {url}\n> Origin: {origin}\n{FETCH}\n{answer}")
        shown = [one.text for finding in verdict_of(*exchanges).findings for one in finding.snippets]
        assert shown
        assert all(("developer's own machine" in text) is developing for text in shown)


@pytest.mark.parametrize("stack", ["rails", "axum", "s3", "gcs", "cloudfront", "apigateway"])
def test_what_a_stack_cannot_name_is_not_written(stack: str) -> None:
    assert snippet_text(stack, Need(ORIGIN, "PURGE", ("PURGE",), (), False, True)) is None


def test_a_store_without_credentials_gets_nothing_for_a_request_with_them() -> None:
    assert snippet_text("gcs", WHOLE) is None


@pytest.mark.parametrize("stack", STACKS)
def test_every_page_that_the_server_has_to_allow_is_named(stack: str | None) -> None:
    other = "https://other.test:8443"
    text = snippet_text(stack, replace(PUT, also=(other,)))
    assert text is not None
    assert other in text or stack is None
    assert text.count(ORIGIN) - text.count(other) in ((0,) if stack not in ("apigateway", None) else (1, 2))


def test_a_page_list_that_cannot_hold_a_wildcard_is_not_written_in_its_place() -> None:
    anybody = replace(PUT, any_page=True)
    assert snippet_text("express", anybody) is None
    assert '"*"' in (snippet_text("fastapi", anybody) or "")


# --- each in its own language -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NEEDS)
@pytest.mark.parametrize("stack", ["fastapi", "flask", "django"])
def test_python_parses(stack: str, name: str) -> None:
    ast.parse(texts(NEEDS[name])[stack])


@pytest.mark.parametrize("name", ["get", "put"])
@pytest.mark.parametrize("stack", ["s3", "gcs"])
def test_json_parses(stack: str, name: str) -> None:
    text = texts(NEEDS[name])[stack]
    (rule,) = json.loads(text[text.index("[") : text.rindex("]") + 1])
    assert (rule.get("AllowedOrigins") or rule.get("origin")) == [ORIGIN]


@pytest.mark.parametrize("name", NEEDS)
def test_xml_parses(name: str) -> None:
    root = ElementTree.fromstring(texts(NEEDS[name])["iis"].partition("\n<!-- remove")[0].rpartition("-->\n")[2])
    (origin,) = root.findall("./system.webServer/cors/add")
    assert origin.get("origin") == ORIGIN
    assert (origin.get("allowCredentials") == "true") is NEEDS[name].credentials


@pytest.mark.parametrize("name", NEEDS)
def test_yaml_parses(name: str) -> None:
    texts_of = texts(NEEDS[name])
    traefik = yaml.safe_load(texts_of["traefik"])["http"]["middlewares"]["cors"]["headers"]
    assert traefik["accessControlAllowOriginList"] == [ORIGIN]
    assert traefik["addVaryHeader"] is True
    route, _, filters = texts_of["envoy"].partition("\n\n")
    policy = yaml.safe_load(route)["typed_per_filter_config"]["envoy.filters.http.cors"]
    assert policy["allow_origin_string_match"] == [{"exact": ORIGIN}]
    assert yaml.safe_load(filters)[0]["name"] == "envoy.filters.http.cors"
    for stack in ("cloudfront", "apigateway"):
        assert yaml.safe_load(texts_of[stack].replace("!Ref ", ""))


@pytest.mark.once
@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("name", NEEDS)
def test_javascript_parses(name: str) -> None:
    for stack in ("express", "fastify", "koa", "nestjs", "firebase", "cloudflare", "netlify", "vercel"):
        text = texts(NEEDS[name])[stack]
        module = stack in ("cloudflare", "netlify", "vercel")
        code = text if module else f"async function main(app, require, exports) {{\n{text}}}\n"
        checked = subprocess.run(
            ["node", f"--input-type={'module' if module else 'commonjs'}", "--check"],
            input=code,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert checked.returncode == 0, f"{stack}\n{text}\n{checked.stderr}"


# --- hostile values ---------------------------------------------------------------------------------------------------

HOSTILE_ORIGINS = [
    'https://a"; return 200; #.test',
    "https://a'.test",
    "https://a\\.test",
    "https://$http_host",
    "https://${evil}.test",
    "https://{{evil}}",
    "https://a.test/<script>",
    "https://a.test\nevil: 1",
    "https://a.test evil",
    "https://`id`.test",
    "https://%{REQUEST_URI}",
    "https://a.test;",
    "https://a.test,https://b.test",
    "https://%origin%",
    "https://é.test",
    "null",
    "*",
    "",
]
HOSTILE_TOKENS = ["x-$foo", "x-`id`", "x'", "x|y", "x%23", "x#y", "x*", "*", "x!", "x&y", "x+y", "x~y", "-x", ""]


@pytest.mark.parametrize("origin", HOSTILE_ORIGINS)
def test_a_hostile_origin_gets_no_snippet(origin: str) -> None:
    need = Need(origin, "PUT", ("PUT",), (), False, True)
    assert [stack for stack in STACKS if snippet_text(stack, need) is not None] == []


@pytest.mark.parametrize("token", HOSTILE_TOKENS)
def test_a_hostile_header_name_or_method_gets_no_snippet(token: str) -> None:
    for need in (Need(ORIGIN, "PUT", ("PUT",), (token,), False, True), Need(ORIGIN, token, (token,), (), False, True)):
        assert [stack for stack in STACKS if snippet_text(stack, need) is not None] == []


def test_a_hostile_name_to_expose_is_left_out() -> None:
    text = snippet_text("nginx", Need(ORIGIN, "GET", ("GET",), (), False, False, ("x-$foo", "x-total"))) or ""
    assert "x-total" in text
    assert "x-$foo" not in text


def test_too_much_is_not_written_out() -> None:
    assert safe(Need(ORIGIN, "PUT", ("PUT",), tuple(f"x-{n}" for n in range(41)), False, True)) is None
    assert safe(Need(ORIGIN, "PUT", tuple(f"M{n}" for n in range(13)), (), False, True)) is None


@given(
    st.text(max_size=30),
    st.lists(st.text(max_size=12), max_size=3),
    st.lists(st.text(max_size=12), max_size=3),
    st.sampled_from(STACKS),
)
def test_only_harmless_characters_get_into_a_snippet(
    host: str, names: list[str], exposed: list[str], stack: str | None
) -> None:
    need = Need(f"https://{host}", "PUT", ("PUT",), tuple(names), False, True, tuple(exposed))
    text = snippet_text(stack, need)
    if text is None:
        return
    harmless = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:/[]")
    for value in (host, *names):
        assert set(value) <= harmless
    for value in exposed:
        assert value not in text or set(value) <= harmless | set(text)


# --- on a verdict -----------------------------------------------------------------------------------------------------

FETCH = "> Sec-Fetch-Mode: cors\n> Sec-Fetch-Site: cross-site\n> Sec-Fetch-Dest: empty"


def written(origin: str, answer: str) -> list[tuple[str, str]]:
    text = f"> GET https://api.test/a\n> Origin: {origin}\n{FETCH}\n{answer}"
    verdict = verdict_of(*parse_transcript(text), audit=True)
    assert verdict.findings
    return [(one.stack, one.because) for finding in verdict.findings for one in finding.snippets]


def test_a_finding_carries_the_snippet_for_the_stack_that_answered() -> None:
    answer = "< 200\n< Server: nginx/1.22\n< X-Powered-By: Express"
    assert written(ORIGIN, answer) == [("Express", "x-powered-by: Express"), ("nginx", "server: nginx/1.22")]


def test_an_unknown_stack_gets_the_header_lines_and_no_guess() -> None:
    assert written(ORIGIN, "< 200") == [("any server", "")]


def test_where_the_stack_is_hardly_more_than_a_guess_the_header_lines_come_along() -> None:
    assert written(ORIGIN, "< 200\n< Server: puma") == [("Rails", "server: puma"), ("any server", "")]


def test_a_hostile_origin_gets_none_at_all() -> None:
    assert written('https://a";evil.test', "< 200\n< Server: nginx") == []


def test_what_no_snippet_cures_carries_none() -> None:
    text = "> GET https://api.test/a\n> Origin: https://app.test\n" + FETCH + "\n! connection refused"
    verdict = verdict_of(*parse_transcript(text), audit=True)
    assert [finding.snippets for finding in verdict.findings] == [()]
    passed = f"> GET https://api.test/a\n> Origin: https://app.test\n{FETCH}\n< 200\n"
    passed += "< Access-Control-Allow-Origin: https://app.test\n< Vary: Origin\n< X-Total: 3"
    information = verdict_of(*parse_transcript(passed), audit=True)
    assert [finding.snippets for finding in information.findings] == [()]


def test_advice_is_taken_in_a_line_and_gets_no_snippet() -> None:
    answer = "< 200\n< Access-Control-Allow-Origin: *\n< Access-Control-Allow-Credentials: true"
    verdict = verdict_of(
        *parse_transcript(f"> GET https://api.test/a\n> Origin: {ORIGIN}\n{FETCH}\n{answer}"), audit=True
    )
    assert [(finding.id, finding.snippets) for finding in verdict.findings] == [("allow-credentials-with-wildcard", ())]
    assert verdict.way is not None
    assert [step.text for step in verdict.way.steps] == ["remove Access-Control-Allow-Credentials: true"]
