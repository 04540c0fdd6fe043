import json

import pytest

from cors_addon.rules.decode import Reading, read_rules
from cors_addon.rules.document import LIBRARIES
from cors_addon.rules.errors import Level, render_problems
from cors_addon.rules.keys import DEFAULTS_KEYS, FILE_KEYS, GRANT_KEYS, OWN_KEYS, RULE_KEYS, SCOPE_KEYS, guess
from cors_addon.rules.model import PreflightMode, ResourcePolicy, Rule, RuleSet, UpstreamHeaders
from cors_addon.rules.problems import MOST_PROBLEMS

FULL = """\
version: 1
expires: 2h
defaults: {max_age: 0}
rules:
  - name: local SPA calls the staging API
    enabled: true
    hosts: [api.staging.example.com, "*.dev.example.test:8443", "localhost:3000"]
    paths: ["/v1/**"]
    methods: [GET, POST, PATCH]
    allow_origins: ["http://localhost:5173", "https://*.preview.example.test", "http://localhost:*"]
    allow_credentials: true
    allow_methods: requested
    allow_headers: requested
    expose_headers: all
    max_age: 0
    preflight: answer
    upstream_headers: replace
    on_errors: true
    resource_policy: null
    timing_allow_origin: false
    dry_run: false
    simulate: null
"""


def rule(**keys: str) -> str:
    """Return a rule as YAML: the least one, with other keys or values; a value of "" takes a key out."""
    merged = {"name": "a", "hosts": "[api.test]", "allow_origins": '["http://localhost:5173"]', **keys}
    lines = [f"{key}: {value}" for key, value in merged.items() if value]
    return "  - " + "\n    ".join(lines) + "\n"


def read(*rules: str, head: str = "") -> Reading:
    return read_rules(f"version: 1\n{head}rules:\n{''.join(rules)}".encode())


def only(reading: Reading) -> Rule:
    assert reading.problems == (), render_problems(reading.problems, "rules.yaml")
    assert reading.rules is not None
    [found] = reading.rules.rules
    return found


def codes(reading: Reading) -> list[str]:
    return [problem.code for problem in reading.problems]


def test_every_key_written_out() -> None:
    found = only(read_rules(FULL.encode()))
    assert found.name == "local SPA calls the staging API"
    assert [host.text for host in found.hosts] == [
        "api.staging.example.com",
        "*.dev.example.test:8443",
        "localhost:3000",
    ]
    assert [path.text for path in found.paths] == ["/v1/**"]
    assert found.methods == {"GET", "POST", "PATCH"}
    assert found.allow_credentials is True
    assert found.allow_methods is None
    assert found.expose_headers is None
    assert found.line == 5


def test_defaults_of_the_format() -> None:
    found = only(read(rule()))
    assert found == Rule(found.name, found.hosts, found.origins, line=found.line)
    assert found.enabled
    assert (found.paths, found.methods) == ((), None)
    assert not found.allow_credentials
    assert (found.allow_methods, found.allow_headers, found.expose_headers) == (None, None, None)
    assert found.max_age == 0
    assert found.preflight is PreflightMode.ANSWER
    assert found.upstream_headers is UpstreamHeaders.REPLACE
    assert found.on_errors
    assert (found.resource_policy, found.timing_allow_origin, found.dry_run, found.simulate) == (
        None,
        False,
        False,
        None,
    )
    assert read(rule()).rules == RuleSet((found,), 7200.0)


@pytest.mark.parametrize(
    ("keys", "attribute", "value", "why"),
    [
        ({"enabled": "off"}, "enabled", False, "YAML's other words for false"),
        ({"enabled": "yes"}, "enabled", True, "and for true"),
        ({"max_age": "600"}, "max_age", 600, "seconds"),
        ({"max_age": "10m"}, "max_age", 600, "a duration"),
        ({"max_age": '"1h"'}, "max_age", 3600, "a duration in quotes"),
        ({"allow_methods": "[PUT, PURGE]"}, "allow_methods", ("PUT", "PURGE"), "a list"),
        ({"allow_headers": "[X-A]"}, "allow_headers", ("X-A",), "a list"),
        ({"expose_headers": "none"}, "expose_headers", (), "none"),
        ({"expose_headers": "[ETag]"}, "expose_headers", ("ETag",), "a list"),
        ({"preflight": "repair"}, "preflight", PreflightMode.REPAIR, "a word"),
        ({"upstream_headers": "keep", "preflight": "forward"}, "upstream_headers", UpstreamHeaders.KEEP, "a word"),
        ({"resource_policy": "cross-origin"}, "resource_policy", ResourcePolicy.CROSS_ORIGIN, "a word"),
        ({"resource_policy": "~"}, "resource_policy", None, "null"),
        ({"simulate": "allow-origin-missing"}, "simulate", "allow-origin-missing", "an id"),
        ({"simulate": "allow-origin-missing", "allow_origins": ""}, "simulate", "allow-origin-missing", "for any page"),
        ({"name": '"#1: the API"'}, "name", "#1: the API", "a text in quotes"),
        ({"name": "Büro-API 日本"}, "name", "Büro-API 日本", "any letters"),
    ],
)
def test_values(keys: dict[str, str], attribute: str, value: object, why: str) -> None:
    assert getattr(only(read(rule(**keys))), attribute) == value, why


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30m", 1800.0), ("90s", 90.0), ("1h30m", 5400.0), ("2d", 172800.0), ('"2h"', 7200.0)],
)
def test_expires(text: str, seconds: float) -> None:
    rules = read(rule(), head=f"expires: {text}\n").rules
    assert rules is not None
    assert rules.expires == seconds


def test_expires_never_is_allowed_and_warned_of() -> None:
    reading = read(rule(), head="expires: never\n")
    assert codes(reading) == ["expires-never"]
    assert reading.rules is not None
    assert reading.rules.expires is None


class TestDefaults:
    def test_a_rule_takes_them_and_overrides_them(self) -> None:
        head = 'defaults: {allow_credentials: true, max_age: 60, allow_origins: ["https://app.test"]}\n'
        reading = read(rule(allow_origins=""), rule(name="b", hosts="[b.test]", max_age="5"), head=head)
        assert reading.rules is not None
        a, b = reading.rules.rules
        assert (a.allow_credentials, a.max_age, a.origins.matches("https://app.test")) == (True, 60, True)
        assert (b.allow_credentials, b.max_age, b.origins.matches("https://app.test")) == (True, 5, False)

    def test_grants_of_the_defaults_are_not_for_a_rule_that_simulates(self) -> None:
        found = only(read(rule(simulate="allow-origin-missing"), head="defaults: {allow_credentials: true}\n"))
        assert not found.allow_credentials

    def test_any_of_the_defaults_and_credentials_of_the_rule(self) -> None:
        reading = read(rule(allow_origins="", allow_credentials="true"), head="defaults: {allow_origins: any}\n")
        assert codes(reading) == ["any-with-credentials"]

    def test_a_warning_about_them_is_given_once(self) -> None:
        reading = read(rule(), rule(name="b", hosts="[b.test]"), head="defaults: {max_age: 86400}\n")
        assert codes(reading) == ["max-age-capped"]


class TestReachability:
    WIDE = rule(name="wide", hosts='["*.dev.test"]', allow_origins='["http://localhost:*"]')

    @pytest.mark.parametrize(
        ("first", "second", "expected", "why"),
        [
            (rule(), rule(name="b"), ["unreachable"], "the same scope, and nothing said differently"),
            (rule(), rule(name="b", max_age="5"), ["contradiction"], "the same scope, and something else said"),
            (WIDE, rule(name="b", hosts="[a.dev.test]"), ["unreachable"], "a narrower host and origin"),
            (WIDE, rule(name="b", hosts="[dev.test]"), [], "the name itself is not below it"),
            (WIDE, rule(name="b", hosts="[a.dev.test]", allow_origins='["http://a.test"]'), [], "another page"),
            (WIDE, rule(name="b", hosts="[a.dev.test, b.test]"), [], "one host of two is left"),
            (rule(enabled="false"), rule(name="b"), [], "the first is off"),
            (rule(), rule(name="b", enabled="false"), [], "the second is off"),
            (rule(paths='["/v1/**"]'), rule(name="b"), [], "paths are left"),
            (rule(paths='["/**"]'), rule(name="b"), ["unreachable"], "all paths, written out"),
            (rule(paths='["/v1/**"]'), rule(name="b", paths='["/v1/x"]'), ["unreachable"], "a path below"),
            (rule(methods="[GET, PUT]"), rule(name="b", methods="[PUT]"), ["unreachable"], "a method of several"),
            (rule(methods="[GET]"), rule(name="b"), [], "methods are left"),
            (rule(allow_origins="any"), rule(name="b"), ["unreachable"], "any page"),
            (rule(), rule(name="b", allow_origins="any"), [], "pages are left"),
            (rule(hosts='["api.test:443"]'), rule(name="b"), [], "ports are left"),
            (rule(), rule(name="b", hosts='["api.test:443"]'), ["unreachable"], "a port of all ports"),
            (
                rule(hosts='["10.0.0.0/8"]'),
                rule(name="b", hosts="[10.1.1.1]"),
                ["unreachable"],
                "an address of a network",
            ),
            (rule(simulate="allow-origin-missing"), rule(name="b"), [], "one that simulates is switched off again"),
            (rule(), rule(name="b", simulate="allow-origin-missing"), ["contradiction"], "a simulation behind a grant"),
            (rule(), rule(name="b", simulate="corp-coep"), [], "which says nothing about requests without CORS"),
            (rule(), rule(name="b", resource_policy="cross-origin"), [], "nor does it here"),
            (
                rule(timing_allow_origin="true"),
                rule(name="b", resource_policy="cross-origin"),
                ["contradiction"],
                "but here it does",
            ),
        ],
    )
    def test_two_rules(self, first: str, second: str, expected: list[str], why: str) -> None:
        assert [code for code in codes(read(first, second)) if code in ("unreachable", "contradiction")] == expected, (
            why
        )

    def test_several_rules_hide_one_together(self) -> None:
        reading = read(rule(), rule(name="b", hosts="[b.test]"), rule(name="c", hosts="[api.test, b.test]"))
        assert codes(reading) == ["unreachable"]
        assert len(reading.problems[0].related) == 2


@pytest.mark.parametrize(
    ("host", "public", "why"),
    [
        ("localhost", False, "this machine"),
        ("127.0.0.1", False, "this machine"),
        ("192.168.1.10", False, "a private address"),
        ("169.254.1.1", False, "a link-local address"),
        ('"10.0.0.0/8"', False, "a private network"),
        ('"[fd00::1]"', False, "a private IPv6 address"),
        ("backend", False, "a single label"),
        ("api.test", False, "a reserved name"),
        ("printer.home.arpa", False, "a reserved name of two labels"),
        ("api.staging.example.com", False, "says staging"),
        ("api-staging.example.com", False, "says staging within a label"),
        ("dev2.example.com", False, "says dev, with a number"),
        ("pr-17.preview.example.com", False, "says preview"),
        ("api.example.com", True, "says nothing"),
        ('"*.example.com"', True, "nor does a wildcard"),
        ("device.example.com", True, "dev is not all of the word"),
        ("latest.example.com", True, "nor test"),
        ("web.dev", True, "a registry's top level says nothing"),
        ("8.8.8.8", True, "a public address"),
        ('"2001:4860::/32"', True, "a public network"),
    ],
)
def test_public_hosts(host: str, public: bool, why: str) -> None:
    assert ("public-host" in codes(read(rule(hosts=f"[{host}]")))) is public, why


@pytest.mark.parametrize(
    ("host", "refused", "why"),
    [
        ("com", True, "a top level"),
        ("co.uk", True, "a second level of a registry"),
        ("com.au", True, "another"),
        ("github.io", True, "a hosting service"),
        ("pages.dev", True, "another"),
        ("vercel.app", True, "another"),
        ("s3.eu-west-1.amazonaws.com", True, "a service with its region"),
        ("nip.io", True, "names for any address"),
        ("k12.ca.us", True, "from the list that mitmproxy brings along"),
        ("example.com", False, "somebody's own"),
        ("me.github.io", False, "a customer's own"),
        ("test", False, "reserved, nobody sells it"),
        ("localhost", False, "reserved"),
        ("127.0.0.1.nip.io", False, "one address"),
    ],
)
def test_public_suffixes(host: str, refused: bool, why: str) -> None:
    assert ("public-suffix" in codes(read(rule(hosts=f'["*.{host}"]')))) is refused, why
    assert ("public-suffix" in codes(read(rule(allow_origins=f'["https://*.{host}"]')))) is refused, why


@pytest.mark.parametrize(
    ("key", "known", "meant"),
    [
        ("origins", RULE_KEYS, "allow_origins"),
        ("allowedOrigins", RULE_KEYS, "allow_origins"),
        ("AllowedOrigins", RULE_KEYS, "allow_origins"),
        ("allow-origins", RULE_KEYS, "allow_origins"),
        ("alow_origins", RULE_KEYS, "allow_origins"),
        ("supportsCredentials", RULE_KEYS, "allow_credentials"),
        ("credentials", RULE_KEYS, "allow_credentials"),
        ("exposed_headers", RULE_KEYS, "expose_headers"),
        ("maxAge", RULE_KEYS, "max_age"),
        ("max_age_seconds", RULE_KEYS, "max_age"),
        ("domain", RULE_KEYS, "hosts"),
        ("preflightContinue", RULE_KEYS, "preflight"),
        ("when_present", RULE_KEYS, "upstream_headers"),
        ("ruls", FILE_KEYS, "rules"),
        ("default", FILE_KEYS, "defaults"),
        ("allowCredentials", DEFAULTS_KEYS, "allow_credentials"),
    ],
)
def test_guesses(key: str, known: tuple[str, ...], meant: str) -> None:
    found = guess(key, known)
    assert found is not None
    assert found.key == meant
    assert meant in found.remedy


def test_no_guess_where_nothing_is_near() -> None:
    assert guess("frobnicate", RULE_KEYS) is None


def test_the_keys_are_one_set() -> None:
    assert set(RULE_KEYS) == {*SCOPE_KEYS, *GRANT_KEYS, "dry_run", "simulate"}
    assert set(DEFAULTS_KEYS) == set(RULE_KEYS) - set(OWN_KEYS)


def test_problems_are_in_the_order_of_the_file_and_end_somewhere() -> None:
    reading = read(*(rule(name=f"r{n}", hosts=f"[h{n}.test]", max_age="-1") for n in range(300)))
    assert len(reading.problems) == MOST_PROBLEMS
    assert list(reading.problems) == sorted(reading.problems, key=lambda problem: problem.span)


def test_warnings_leave_the_rules_in_force() -> None:
    reading = read(rule(hosts="[api.example.com]"))
    assert [problem.level for problem in reading.problems] == [Level.WARNING]
    assert reading.rules is not None


def test_switching_a_rule() -> None:
    reading = read(rule(), rule(name="b", hosts="[b.test]"))
    assert reading.rules is not None
    off = reading.rules.with_enabled("b", False)
    assert [r.enabled for r in off.rules] == [True, False]
    assert off.with_enabled("b", True) == reading.rules
    assert off.find("b") is off.rules[1]
    assert off.find("c") is None


def test_a_rule_that_is_switched_on_may_hide_another() -> None:
    """It is for its user to see: only the file is checked, and the first rule wins as ever."""
    reading = read(rule(enabled="false"), rule(name="b"))
    assert reading.rules is not None
    assert reading.rules.with_enabled("a", True).rules[0].enabled


@pytest.mark.parametrize("library", LIBRARIES)
def test_json_without_spaces_is_yaml(library: str) -> None:
    data = {"version": 1, "rules": [{"name": "a", "hosts": ["api.dev.test"], "allow_origins": ["http://app.test"]}]}
    reading = read_rules(json.dumps(data, separators=(",", ":")).encode(), LIBRARIES[library])
    assert reading.problems == ()
    assert reading.rules is not None
    assert [rule.name for rule in reading.rules.rules] == ["a"]
