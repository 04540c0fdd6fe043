import pytest
from hypothesis import given

from cors_addon.rules.explain import explain, explain_request
from cors_addon.rules.matching import match
from cors_addon.rules.model import RuleSet
from cors_addon.traffic.exchange import Exchange

from .test_inject import PAGE, RULES, exchange, exchanges, get, preflight, rules_of


def test_the_whole_text() -> None:
    rules = rules_of(
        'name: v2 only, paths: ["/v2/**"]',
        "name: local SPA, allow_credentials: true",
        "name: the rest, allow_origins: any",
    )
    assert explain_request(rules, "PUT", "https://api.test/v1/items?x=1", PAGE) == [
        f"{PAGE} -> PUT https://api.test/v1/items?x=1",
        "  no   v2 only: its paths do not include /v1/items",
        f"  yes  local SPA: allows {PAGE} with credentials; a preflight is answered without asking the server",
        "  no   the rest: it would match, but the first matching rule wins",
    ]


@pytest.mark.parametrize(
    ("rule", "method", "url", "origin", "words", "why"),
    [
        ("", "GET", "https://other.test/", PAGE, "its hosts do not include other.test", "another host"),
        ('hosts: ["api.test:8443"]', "GET", "https://api.test/", PAGE, "is for port 8443, this is port 443", "a port"),
        (
            'hosts: ["*.api.test"]',
            "GET",
            "https://api.test/",
            PAGE,
            "names below api.test, not for itself",
            "a wildcard",
        ),
        ('paths: ["/V1/x"]', "GET", "https://api.test/v1/x", PAGE, "upper and lower case count", "case"),
        ('paths: ["/v1/"]', "GET", "https://api.test/v1", PAGE, "the slash at the end counts", "a slash"),
        ("methods: [PUT]", "GET", "https://api.test/", PAGE, "its methods do not include GET", "a method"),
        ("", "GET", "https://api.test/", "https://localhost:5173", "the scheme differs", "the scheme"),
        ("", "GET", "https://api.test/", "http://localhost:3000", "the port differs", "the port"),
        ("", "GET", "https://api.test/", "http://127.0.0.1:5173", "the same machine", "another loopback"),
        ("", "GET", "https://api.test/", "null", "sandboxed frames", "the opaque origin"),
        ("", "GET", "https://api.test/", "https://stranger.example", "do not include https://stranger", "a stranger"),
        (
            'allow_origins: ["https://*.app.test"]',
            "GET",
            "https://api.test/",
            "https://app.test",
            "not for itself",
            "*.",
        ),
        ("enabled: false", "GET", "https://api.test/", PAGE, "it is not enabled", "off"),
        ("simulate: method-not-allowed", "PUT", "https://api.test/", PAGE, "a preflight only", "a simulation"),
        ("simulate: corp-coep", "GET", "https://api.test/", PAGE, "requests without CORS only", "another one"),
        ("dry_run: true", "GET", "https://api.test/", PAGE, "nothing is changed", "a dry run"),
        ("", "GET", "https://api.test/", "https://api.test", "calls its own origin", "the same origin"),
        ("", "GET", "https://api.test/", f"{PAGE}/", f"browsers write it {PAGE})", "a slash at the end"),
        ("", "GET", "https://api.test/", PAGE.upper(), f"browsers write it {PAGE})", "capitals"),
        ("preflight: repair", "GET", "https://api.test/", PAGE, "its answer is corrected", "what it does"),
        ("preflight: forward", "GET", "https://api.test/", PAGE, "its answer gets the headers", "what it does"),
        (
            "simulate: allow-origin-missing",
            "GET",
            "https://api.test/",
            PAGE,
            "makes allow-origin-missing happen",
            "it does",
        ),
    ],
)
def test_reasons(rule: str, method: str, url: str, origin: str, words: str, why: str) -> None:
    assert words in "\n".join(explain_request(rules_of(rule), method, url, origin)), why


def test_a_preflight_is_told_by_what_it_asks_for() -> None:
    lines = explain(rules_of("methods: [GET]"), preflight())
    assert lines[0] == f"{PAGE} -> PUT https://api.test/items (its preflight)"
    assert "its methods do not include PUT (which the preflight asks for)" in lines[1]


def test_a_page_that_cannot_be_told() -> None:
    image = "> GET https://api.test/\n> Sec-Fetch-Mode: no-cors\n> Sec-Fetch-Site: cross-site\n< 200"
    lines = explain(rules_of("resource_policy: same-site"), exchange(image))
    assert "cannot be told" in lines[1]


def test_no_rules() -> None:
    assert explain(RuleSet(()), get())[-1] == "No rule matches: the response is left as it is, byte for byte."


@given(RULES, exchanges())
def test_the_explanation_agrees_with_the_match(rules: RuleSet, subject: Exchange) -> None:
    found = match(rules, subject)
    says_yes = any(line.startswith("  yes") for line in explain(rules, subject))
    assert says_yes == (found is not None)


@pytest.mark.parametrize("url", ["api.test/v1", "", "https://api.test:99999/", "https://[::1", "javascript:alert(1)"])
def test_what_is_no_url_is_an_error(url: str) -> None:
    with pytest.raises(ValueError, match="is no URL that a page can call"):
        explain_request(rules_of(""), "GET", url, PAGE)
