import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.rules.decode import read_rules
from cors_addon.rules.inject import plan
from cors_addon.rules.suggest import BlockedRequest, suggest
from cors_addon.traffic.transcript import parse_transcript

PAGE = "http://localhost:5173"


def test_the_smallest_rule() -> None:
    assert suggest([BlockedRequest(PAGE, "https://api.dev.test/v1/items", "PUT")]).text == (
        '  - name: "localhost:5173 calls api.dev.test"\n'
        '    hosts: ["api.dev.test"]   # the server being called\n'
        '    allow_origins: ["http://localhost:5173"]   # the page that calls it\n'
        '    # paths: ["/v1/items"]   # to narrow it to what was seen\n'
        "    # methods: [PUT]\n"
    )


def test_what_else_is_needed_is_said_with_its_reason() -> None:
    text = suggest(
        [
            BlockedRequest(PAGE, "https://api.dev.test:8443/a", credentials="the request carried a cookie"),
            BlockedRequest(PAGE, "https://api.dev.test:8443/b", findings=("corp-not-same-site",)),
            BlockedRequest(PAGE, "https://api.dev.test:8443/b", findings=("timing-allow-origin-missing",)),
        ]
    ).text
    assert 'hosts: ["api.dev.test:8443"]' in text
    assert "allow_credentials: true   # because the request carried a cookie" in text
    assert "resource_policy: cross-origin" in text
    assert "timing_allow_origin: true" in text
    assert text.count("- name:") == 1


def test_each_pair_of_page_and_server_has_its_rule() -> None:
    requests = [
        BlockedRequest(PAGE, "https://api.dev.test/a"),
        BlockedRequest(PAGE, "https://b.dev.test/a"),
        BlockedRequest("http://localhost:3000", "https://api.dev.test/a"),
        BlockedRequest(PAGE, "https://api.dev.test/b"),
    ]
    made = suggest(requests)
    assert made.text.count("- name:") == 3
    reading = read_rules(made.as_file().encode())
    assert reading.rules is not None
    assert [problem.code for problem in reading.problems] == []


def test_names_that_exist_are_not_taken() -> None:
    taken = ["localhost:5173 calls api.dev.test"]
    assert (
        '"localhost:5173 calls api.dev.test (2)"'
        in suggest([BlockedRequest(PAGE, "https://api.dev.test/")], taken).text
    )


@pytest.mark.parametrize(
    ("request_", "reason", "why"),
    [
        (BlockedRequest("null", "https://api.dev.test/"), "its origin is null", "the opaque origin"),
        (
            BlockedRequest(PAGE, "https://api.dev.test/", credentials="a cookie was sent", tainted=True),
            "which null never gets",
            "a redirect made its origin null",
        ),
        (
            BlockedRequest(PAGE, "https://api.dev.test/", tainted=True, proven=False),
            "its Referer does not show its page",
            "the same, and anybody may have asked",
        ),
        (BlockedRequest(PAGE, "http://localhost:5173/api"), "its own origin", "the same origin"),
        (BlockedRequest("https://github.io", "https://api.dev.test/"), "public suffix", "a page on a public suffix"),
        (BlockedRequest(PAGE, "https://co.uk/"), "public suffix", "a server on a public suffix"),
        (BlockedRequest("https://*.dev.test", "https://api.dev.test/"), "holds a *", "an Origin that is a pattern"),
        (BlockedRequest("any", "https://api.dev.test/"), "", "an Origin that is a word of the rule file"),
        (BlockedRequest('http://a"b', "https://api.dev.test/"), "", "an Origin with a quote"),
        (BlockedRequest("http://a\n    hosts: [x]", "https://api.dev.test/"), "", "an Origin with a line break"),
        (BlockedRequest(PAGE, "ftp://api.dev.test/"), "not an http", "another scheme"),
        (BlockedRequest(PAGE, 'https://a"b.test/'), "", "a host with a quote"),
        (BlockedRequest(PAGE, "https://api.dev.test/", findings=("redirect-scheme",)), "away from http", "incurable"),
        (BlockedRequest(PAGE, "https://api.dev.test/", findings=("network-error",)), "cannot be reached", "incurable"),
    ],
)
def test_refused(request_: BlockedRequest, reason: str, why: str) -> None:
    made = suggest([request_])
    assert made.text == "", why
    [(refused, said)] = made.refused
    assert refused is request_
    assert said, why
    assert reason in said, why


def test_what_is_refused_does_not_keep_the_others() -> None:
    made = suggest([BlockedRequest("null", "https://a.dev.test/"), BlockedRequest(PAGE, "https://b.dev.test/")])
    assert made.text.count("- name:") == 1
    assert len(made.refused) == 1


texts = st.text(max_size=12) | st.sampled_from(["localhost", "a.test", '"', "\n", "# x", "*", "[::1]", "{a: b}"])
origins = st.builds("{}://{}".format, st.sampled_from(["http", "https", "file", ""]), texts) | texts
urls = st.builds("{}://{}/{}".format, st.sampled_from(["http", "https", "ws"]), texts, texts)


@given(st.lists(st.builds(BlockedRequest, origins, urls, texts, credentials=texts), max_size=4))
def test_whatever_was_blocked_the_text_is_a_rule_file_for_just_that(requests: list[BlockedRequest]) -> None:
    made = suggest(requests)
    assert len(made.refused) + made.text.count("- name:") <= len(requests)
    if not made.text:
        return
    rules = read_rules(made.as_file().encode()).rules
    assert rules is not None
    for rule in rules.rules:
        assert not any(host.wildcard or host.network for host in rule.hosts)
        assert rule.origins.patterns is not None
        assert all(pattern.exact is not None for pattern in rule.origins.patterns)


def test_the_rule_lets_the_request_through() -> None:
    rules = read_rules(suggest([BlockedRequest(PAGE, "http://[::1]:3000/a")]).as_file().encode()).rules
    assert rules is not None
    [subject] = parse_transcript(f"> GET http://[::1]:3000/a\n> Origin: {PAGE}\n< 200")
    assert plan(rules, subject) is not None
