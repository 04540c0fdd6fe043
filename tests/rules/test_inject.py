import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.fetch.checks import (
    PreflightRequest,
    Success,
    cors_check,
    exposed_header_names,
    preflight_check,
    requested_header_names,
)
from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import CredentialsMode, Request, Response
from cors_addon.rules.decode import read_rules
from cors_addon.rules.errors import render_problems
from cors_addon.rules.inject import exposable_names, plan
from cors_addon.rules.matching import match
from cors_addon.rules.model import NO_RULES, RuleSet
from cors_addon.rules.plans import HeaderEdits, PreflightAnswer, answered, apply_edits, header_safe
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.transcript import parse_transcript

PAGE = "http://localhost:5173"


def rules_of(*rules: str) -> RuleSet:
    """Read rules from YAML, each in braces, without the keys that a test does not care for."""
    lines = []
    for number, text in enumerate(rules, 1):
        keys = {"name": f"r{number}", "hosts": '["api.test"]', "allow_origins": f'["{PAGE}"]'}
        own = text.replace("{", "").strip()
        lines.append(
            ", ".join([f"{key}: {value}" for key, value in keys.items() if f"{key}:" not in own] + [own] * bool(own))
        )
    text = "version: 1\nrules:\n" + "".join(f"  - {{{line}}}\n" for line in lines)
    reading = read_rules(text.encode())
    assert reading.rules is not None, render_problems(reading.problems, "rules.yaml")
    return reading.rules


def exchange(text: str) -> Exchange:
    [found] = parse_transcript(text)
    return found


def get(response: str = "< 200", url: str = "https://api.test/items", origin: str = PAGE, more: str = "") -> Exchange:
    return exchange(f"> GET {url}\n> Origin: {origin}\n{more}{response}")


def preflight(response: str = "", method: str = "PUT", names: str = "content-type,x-a", origin: str = PAGE) -> Exchange:
    asked = f"> Access-Control-Request-Headers: {names}\n" if names else ""
    return exchange(
        f"> OPTIONS https://api.test/items\n> Origin: {origin}\n"
        f"> Access-Control-Request-Method: {method}\n{asked}{response}"
    )


def edits_of(rules: RuleSet, subject: Exchange, page_origin: str | None = None) -> list[list[str]]:
    made = plan(rules, subject, page_origin)
    if made is None:
        return []
    assert isinstance(made, HeaderEdits)
    return made.as_data()


def delivered(rules: RuleSet, subject: Exchange, page_origin: str | None = None) -> Response:
    assert subject.response is not None
    made = plan(rules, subject, page_origin)
    if made is None:
        return subject.response
    assert isinstance(made, HeaderEdits)
    return apply_edits(subject.response, made.edits)


LEAST = rules_of("")
CREDENTIALS = rules_of("allow_credentials: true")


class TestWhatIsTouched:
    @pytest.mark.parametrize(
        ("rules", "subject", "why"),
        [
            (NO_RULES, get(), "there are no rules"),
            (LEAST, get(url="https://other.test/items"), "another host"),
            (LEAST, get(origin="http://localhost:3000"), "another page"),
            (LEAST, get(origin="null"), "an opaque origin"),
            (LEAST, exchange("> GET https://api.test/\n< 200"), "no Origin"),
            (LEAST, exchange("> GET https://api.test/\n> Referer: http://localhost:5173/\n< 200"), "only a Referer"),
            (rules_of("allow_origins: any"), get(origin="https://api.test"), "the page calls its own origin"),
            (
                LEAST,
                get(more="> Sec-Fetch-Mode: cors\n> Sec-Fetch-Site: same-origin\n"),
                "the browser says same-origin",
            ),
            (LEAST, get(more="> Sec-Fetch-Mode: navigate\n> Sec-Fetch-Site: cross-site\n"), "a form's navigation"),
            (LEAST, get(more="> Sec-Fetch-Mode: no-cors\n> Sec-Fetch-Site: cross-site\n"), "a request in mode no-cors"),
            (LEAST, get(more="> Upgrade: websocket\n> Connection: Upgrade\n", response="< 101"), "a WebSocket"),
            (LEAST, get(response="< 101"), "switched protocols"),
            (rules_of("enabled: false"), get(), "the rule is off"),
            (rules_of('paths: ["/v2/**"]'), get(), "another path"),
            (rules_of("methods: [PUT]"), get(), "another method"),
            (rules_of("methods: [GET]"), preflight("< 404"), "a preflight goes by the method that it asks for"),
            (rules_of("on_errors: false"), get("< 500"), "an error response"),
            (
                LEAST,
                exchange(f"> OPTIONS https://other.test/\n> Origin: {PAGE}\n> Access-Control-Request-Method: PUT"),
                "host",
            ),
            (LEAST, get(origin=f"{PAGE}, https://evil.example"), "an Origin that is a list"),
            (LEAST, get(url="ftp://api.test/"), "another scheme"),
            (LEAST, get(url="nonsense"), "no URL"),
        ],
    )
    def test_left_alone(self, rules: RuleSet, subject: Exchange, why: str) -> None:
        assert plan(rules, subject) is None, why

    def test_a_preflight_to_the_pages_own_server_is_answered_for_it(self) -> None:
        lines = "> OPTIONS https://api.test/items\n> Origin: https://api.test\n> Access-Control-Request-Method: PUT"
        own = rules_of("allow_origins: ['https://api.test']")
        assert plan(own, exchange(lines)) is not None, "browsers send it after a redirect from elsewhere only"

    def test_options_without_a_requested_method_goes_to_the_server(self) -> None:
        subject = exchange(f"> OPTIONS https://api.test/items\n> Origin: {PAGE}")
        assert plan(LEAST, subject) is None
        with_response = subject.with_response(Response(200, HeaderList()))
        assert ["set", "access-control-allow-origin", PAGE] in edits_of(LEAST, with_response)

    def test_the_first_matching_rule_wins(self) -> None:
        rules = rules_of('name: narrow, paths: ["/items"], max_age: 5', "name: wide, max_age: 7")
        found = match(rules, get())
        assert found is not None
        assert found.rule.name == "narrow"
        found = match(rules, get(url="https://api.test/other"))
        assert found is not None
        assert found.rule.name == "wide"

    def test_a_request_is_there_before_its_response(self) -> None:
        assert plan(LEAST, exchange(f"> GET https://api.test/\n> Origin: {PAGE}")) is None

    def test_what_is_no_browser_s_is_served_too(self) -> None:
        subject = exchange(f"> GET https://api.test/\n> Origin: {PAGE}\n> User-Agent: curl/8\n< 200")
        assert ["set", "access-control-allow-origin", PAGE] in edits_of(LEAST, subject)


class TestActualRequests:
    def test_the_least_rule(self) -> None:
        assert edits_of(LEAST, get()) == [
            ["set", "access-control-allow-origin", PAGE],
            ["set", "vary", "Origin"],
            ["set", "cache-control", "no-store"],
            ["set", "x-cors-addon", "r1"],
        ]

    def test_with_credentials_and_headers_to_expose(self) -> None:
        response = "< 500\n< ETag: x\n< Content-Type: text/plain\n< Set-Cookie: a=b\n< X-Request-Id: 7\n< Vary: Accept"
        assert edits_of(CREDENTIALS, get(response)) == [
            ["set", "access-control-allow-origin", PAGE],
            ["set", "access-control-allow-credentials", "true"],
            ["set", "access-control-expose-headers", "etag, x-request-id"],
            ["set", "vary", "Accept, Origin"],
            ["set", "cache-control", "no-store"],
            ["set", "x-cors-addon", "r1"],
        ]

    def test_what_the_server_sends_is_replaced_and_never_doubled(self) -> None:
        response = (
            "< 200\n< Access-Control-Allow-Origin: *\n< access-control-allow-origin: https://other.test\n"
            "< Access-Control-Allow-Credentials: true\n< Access-Control-Expose-Headers: *"
        )
        made = delivered(LEAST, get(response))
        assert made.headers.get_all("access-control-allow-origin") == (PAGE,)
        assert made.headers.get_all("access-control-allow-credentials") == ()
        assert made.headers.get_all("access-control-expose-headers") == ()

    @pytest.mark.parametrize(
        ("before", "after", "why"),
        [
            ("", "Origin", "none"),
            ("< Vary: Accept-Encoding", "Accept-Encoding, Origin", "another name"),
            ("< Vary: Accept\n< Vary: X-A", "Accept, X-A, Origin", "two lines"),
            ("< Vary: origin", "origin", "there already, in other letters"),
            ("< Vary: Accept, ORIGIN", "Accept, ORIGIN", "there already, behind another"),
            ("< Vary: *", "*", "a star covers it"),
        ],
    )
    def test_vary(self, before: str, after: str, why: str) -> None:
        made = delivered(LEAST, get(f"< 200\n{before}" if before else "< 200"))
        assert made.headers.get("vary") == after, why

    @pytest.mark.parametrize(
        ("rule", "exposed", "why"),
        [
            ("", "etag, x-a", "all by name"),
            ("expose_headers: all", "etag, x-a", "the same, written out"),
            ("expose_headers: none", None, "none"),
            ("expose_headers: [X-B, ETag]", "X-B, ETag", "a list, as written"),
        ],
    )
    def test_exposed(self, rule: str, exposed: str | None, why: str) -> None:
        subject = get("< 200\n< ETag: x\n< X-A: y\n< Access-Control-Expose-Headers: X-Old")
        assert delivered(rules_of(rule), subject).headers.get("access-control-expose-headers") == exposed, why

    def test_embedding_and_timing(self) -> None:
        rules = rules_of("resource_policy: cross-origin, timing_allow_origin: true")
        made = delivered(rules, get())
        assert made.headers.get("cross-origin-resource-policy") == "cross-origin"
        assert made.headers.get("timing-allow-origin") == PAGE

    def test_a_redirect_is_a_response_like_any_other(self) -> None:
        made = delivered(LEAST, get("< 302\n< Location: https://api.test/next"))
        assert (made.status, made.headers.get("location")) == (302, "https://api.test/next")
        assert made.headers.get("access-control-allow-origin") == PAGE

    def test_a_tainted_hop_of_a_listed_page(self) -> None:
        hop = get(origin="null")
        made = delivered(CREDENTIALS, hop, PAGE).headers
        assert made.get("access-control-allow-origin") == "null"
        assert made.get("access-control-allow-credentials") is None
        assert plan(CREDENTIALS, hop, "https://stranger.example") is None
        # Where the Origin is not null, the page is who it says.
        assert plan(LEAST, get(origin="https://stranger.example"), PAGE) is None

    def test_the_null_origin_is_one_of_any(self) -> None:
        assert (
            delivered(rules_of("allow_origins: any"), get(origin="null")).headers.get("access-control-allow-origin")
            == "null"
        )

    def test_a_304_is_changed_like_any_other(self) -> None:
        assert delivered(LEAST, get("< 304\n< ETag: x")).headers.get("access-control-allow-origin") == PAGE

    def test_a_failure_of_the_flow_is_left(self) -> None:
        failed = get("! connection lost").with_response(Response(502, HeaderList()))
        assert plan(LEAST, failed) is None


class TestNoCors:
    NEIGHBOURS = rules_of("resource_policy: same-site, timing_allow_origin: true")
    IMAGE = (
        "> GET https://api.test/a.png\n> Referer: http://localhost:5173/\n> Sec-Fetch-Mode: no-cors\n"
        "> Sec-Fetch-Site: cross-site\n> Sec-Fetch-Dest: image\n< 200"
    )

    def test_only_what_is_asked_for_by_name(self) -> None:
        assert edits_of(self.NEIGHBOURS, exchange(self.IMAGE)) == [
            ["set", "cross-origin-resource-policy", "same-site"],
            ["set", "timing-allow-origin", PAGE],
            ["set", "vary", "Origin"],
            ["set", "cache-control", "no-store"],
            ["set", "x-cors-addon", "r1"],
        ]

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            (IMAGE.replace("http://localhost:5173/", "https://stranger.example/"), "another page"),
            (IMAGE.replace("> Referer: http://localhost:5173/\n", ""), "a page that cannot be told"),
            (IMAGE.replace("cross-site", "same-origin"), "the same origin"),
            (IMAGE.replace("no-cors", "navigate"), "a navigation"),
        ],
    )
    def test_left_alone(self, text: str, why: str) -> None:
        assert plan(self.NEIGHBOURS, exchange(text)) is None, why

    def test_any_page_need_not_be_told(self) -> None:
        rules = rules_of("allow_origins: any, resource_policy: cross-origin")
        text = self.IMAGE.replace("> Referer: http://localhost:5173/\n", "")
        assert ["set", "cross-origin-resource-policy", "cross-origin"] in edits_of(rules, exchange(text))

    def test_without_fetch_metadata_the_referer_tells(self) -> None:
        text = "> GET http://api.test/a.png\n> Referer: http://localhost:5173/\n< 200"
        assert ["set", "cross-origin-resource-policy", "same-site"] in edits_of(self.NEIGHBOURS, exchange(text))

    def test_rule_sets_say_whether_they_look_at_them(self) -> None:
        assert self.NEIGHBOURS.reaches_without_origin
        assert not LEAST.reaches_without_origin
        assert not self.NEIGHBOURS.with_enabled("r1", False).reaches_without_origin


class TestPreflights:
    def test_answered_without_the_server(self) -> None:
        made = plan(CREDENTIALS, preflight())
        assert made == PreflightAnswer(
            "r1",
            204,
            (
                ("access-control-allow-origin", PAGE),
                ("access-control-allow-credentials", "true"),
                ("access-control-allow-methods", "PUT"),
                ("access-control-allow-headers", "content-type, x-a"),
                ("access-control-max-age", "0"),
                ("vary", "Origin"),
                ("x-cors-addon", "r1"),
            ),
        )

    def test_lists_are_sent_as_they_are(self) -> None:
        made = plan(
            rules_of("allow_methods: [PUT, PURGE], allow_headers: [X-A], max_age: 10m"), preflight(method="DELETE")
        )
        assert isinstance(made, PreflightAnswer)
        assert dict(made.headers)["access-control-allow-methods"] == "PUT, PURGE"
        assert dict(made.headers)["access-control-allow-headers"] == "X-A"
        assert dict(made.headers)["access-control-max-age"] == "600"

    def test_what_is_no_token_is_not_echoed(self) -> None:
        made = plan(LEAST, preflight(method="G(E)T", names="x-a, x b, (c),,x-d"))
        assert isinstance(made, PreflightAnswer)
        assert "access-control-allow-methods" not in dict(made.headers)
        assert dict(made.headers)["access-control-allow-headers"] == "x-a, x-d"

    def test_an_old_chromium_asks_for_the_private_network(self) -> None:
        subject = exchange(
            f"> OPTIONS https://api.test/\n> Origin: {PAGE}\n> Access-Control-Request-Method: GET\n"
            "> Access-Control-Request-Private-Network: true"
        )
        made = plan(LEAST, subject)
        assert isinstance(made, PreflightAnswer)
        assert dict(made.headers)["access-control-allow-private-network"] == "true"

    @pytest.mark.parametrize("mode", ["repair", "forward"])
    def test_the_server_is_asked_first(self, mode: str) -> None:
        assert plan(rules_of(f"preflight: {mode}"), preflight()) is None

    @pytest.mark.parametrize(
        ("response", "status", "why"),
        [
            ("< 404", 200, "no route"),
            ("< 401\n< WWW-Authenticate: Basic", 200, "authentication first"),
            ("< 301\n< Location: https://api.test/items/", 200, "a redirect"),
            ("< 304", 204, "a status that comes without a body"),
            ("< 200", 200, "right already"),
            ("< 204", 204, "right already"),
        ],
    )
    def test_repaired(self, response: str, status: int, why: str) -> None:
        made = delivered(rules_of("preflight: repair"), preflight(response))
        assert made.status == status, why
        assert "location" not in made.headers
        assert made.headers.get("access-control-allow-methods") == "PUT"

    def test_forwarded_gets_the_headers_and_keeps_its_status(self) -> None:
        made = delivered(rules_of("preflight: forward"), preflight("< 404\n< Access-Control-Allow-Headers: x-b"))
        assert made.status == 404
        assert made.headers.get_all("access-control-allow-headers") == ("content-type, x-a",)

    def test_forwarded_errors_are_left_where_the_rule_leaves_errors(self) -> None:
        assert plan(rules_of("preflight: forward, on_errors: false"), preflight("< 404")) is None

    def test_an_answer_needs_no_second_plan(self) -> None:
        made = plan(CREDENTIALS, preflight())
        assert isinstance(made, PreflightAnswer)
        assert plan(CREDENTIALS, preflight().with_response(answered(made))) is None


class TestUpstreamHeaders:
    RIGHT = f"< 200\n< Access-Control-Allow-Origin: {PAGE}\n< Access-Control-Allow-Credentials: true"

    @pytest.mark.parametrize("mode", ["fill", "keep"])
    @pytest.mark.parametrize("more", ["", "\n< ETag: x", "\n< Vary: Accept"])
    def test_a_server_that_is_right_is_left(self, mode: str, more: str) -> None:
        rules = rules_of(f"allow_credentials: true, upstream_headers: {mode}, preflight: repair")
        assert plan(rules, get(self.RIGHT + more)) is None
        right = self.RIGHT + "\n< Access-Control-Allow-Methods: PUT\n< Access-Control-Allow-Headers: content-type, x-a"
        assert plan(rules, preflight(right + more)) is None

    def test_fill_adds_what_is_missing_and_leaves_the_rest(self) -> None:
        rules = rules_of("allow_credentials: true, upstream_headers: fill, preflight: repair")
        made = delivered(rules, get(f"< 200\n< Access-Control-Allow-Origin: {PAGE}"))
        assert made.headers.get_all("access-control-allow-credentials") == ("true",)
        made = delivered(rules, preflight(self.RIGHT.replace("200", "404") + "\n< Access-Control-Allow-Methods: PATCH"))
        assert made.status == 200
        assert made.headers.get_all("access-control-allow-methods") == ("PATCH",)
        assert made.headers.get_all("access-control-allow-headers") == ("content-type, x-a",)

    def test_fill_puts_no_credentials_beside_a_wildcard(self) -> None:
        rules = rules_of("allow_credentials: true, upstream_headers: fill, expose_headers: [x-a]")
        made = delivered(rules, get("< 200\n< Access-Control-Allow-Origin: *"))
        assert made.headers.get("access-control-allow-origin") == "*"
        assert "access-control-allow-credentials" not in made.headers
        assert made.headers.get("access-control-expose-headers") == "x-a"

    def test_keep_leaves_whatever_the_server_says(self) -> None:
        rules = rules_of("allow_credentials: true, upstream_headers: keep")
        assert plan(rules, get("< 200\n< Access-Control-Allow-Origin: https://other.test")) is None
        assert ["set", "access-control-allow-origin", PAGE] in edits_of(rules, get())

    def test_a_list_to_expose_is_a_need_of_its_own(self) -> None:
        rules = rules_of("upstream_headers: fill, expose_headers: [ETag]")
        response = f"< 200\n< Access-Control-Allow-Origin: {PAGE}\n< ETag: x"
        assert ["set", "access-control-expose-headers", "ETag"] in edits_of(rules, get(response))
        assert plan(rules, get(response + "\n< Access-Control-Expose-Headers: etag")) is None


def test_dry_run_says_what_would_change() -> None:
    made = plan(rules_of("dry_run: true"), get())
    assert isinstance(made, HeaderEdits)
    assert made.dry_run
    assert made.edits
    answer = plan(rules_of("dry_run: true"), preflight())
    assert isinstance(answer, PreflightAnswer)
    assert answer.dry_run


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("local SPA", "local SPA"),
        ("Büro", "B%C3%BCro"),
        ("100 %", "100 %25"),
        ("a\r\nX: b", "a%0D%0AX: b"),
        (" a ", "a"),
    ],
)
def test_names_in_headers(name: str, value: str) -> None:
    assert header_safe(name) == value


def test_very_many_headers_are_not_all_exposed() -> None:
    names = exposable_names(HeaderList((f"x-{number}", "v") for number in range(10_000)))
    assert 100 < len(names) < 2000


# ------------------------------------------------------------------------------------------------------- properties

MODES = st.sampled_from(["replace", "fill", "keep"])
PREFLIGHTS = st.sampled_from(["answer", "repair", "forward"])
BOOLEANS = st.sampled_from(["true", "false"])
VALUES = st.sampled_from(
    [
        PAGE,
        "*",
        "null",
        "https://other.test",
        "true",
        "True",
        "",
        "GET, PUT",
        "x-a, content-type",
        "(",
        "Origin",
        "a\r\n b",
    ]
)
NAMES = st.sampled_from(
    [
        "Access-Control-Allow-Origin",
        "access-control-allow-credentials",
        "Access-Control-Allow-Methods",
        "Access-Control-Allow-Headers",
        "Access-Control-Expose-Headers",
        "Access-Control-Max-Age",
        "Vary",
        "ETag",
        "Location",
        "Set-Cookie",
        "Cache-Control",
        "X-A",
        "Cross-Origin-Resource-Policy",
        "Timing-Allow-Origin",
        "x-cors-addon",
    ]
)
RESPONSES = st.builds(
    Response,
    st.sampled_from([200, 204, 206, 301, 302, 304, 401, 404, 500, 503]),
    st.lists(st.tuples(NAMES, VALUES), max_size=6).map(HeaderList),
)
RULES = st.builds(
    lambda credentials, mode, how, errors, policy, timing, expose: rules_of(
        f"allow_credentials: {credentials}, upstream_headers: {mode}, preflight: {how}, on_errors: {errors}, "
        f"resource_policy: {policy}, timing_allow_origin: {timing}, expose_headers: {expose}"
    ),
    BOOLEANS,
    MODES,
    PREFLIGHTS,
    BOOLEANS,
    st.sampled_from(["null", "same-site", "cross-origin"]),
    BOOLEANS,
    st.sampled_from(["all", "none", "[ETag]"]),
)
METHODS = st.sampled_from(["GET", "PUT", "PATCH", "patch", "DELETE", "x y"])
ORIGINS = st.sampled_from([PAGE, "null", "https://stranger.example", "https://api.test", "a\r\nb", ""])
HEADER_TEXT = st.text(st.characters(max_codepoint=255), max_size=30)


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    headers = [("Origin", draw(ORIGINS | HEADER_TEXT)), ("User-Agent", "Mozilla/5.0 Chrome/156.0")]
    method = draw(METHODS)
    if draw(st.booleans()):
        headers.append(("Access-Control-Request-Method", method))
        headers.append(
            ("Access-Control-Request-Headers", draw(st.sampled_from(["x-a", "content-type,x-a"]) | HEADER_TEXT))
        )
        method = "OPTIONS"
    url = draw(st.sampled_from(["https://api.test/items", "http://api.test/", "https://other.test/"]))
    request = Request(method, url, HeaderList(headers))
    return Exchange("1", request, draw(st.none() | RESPONSES))


@given(RULES, exchanges(), st.sampled_from([None, PAGE, "https://stranger.example"]))
def test_planned_values_can_stand_in_headers(rules: RuleSet, subject: Exchange, page: str | None) -> None:
    made = plan(rules, subject, page)
    for _, name, value in [] if made is None else made.as_data():
        assert name == name.lower()
        assert not set("\r\n\0") & set(name + value)
        assert value.isascii()


@given(RULES, exchanges())
def test_strangers_get_nothing(rules: RuleSet, subject: Exchange) -> None:
    if subject.request.headers.get("Origin") != PAGE or "other.test" in subject.request.url:
        assert plan(rules, subject) is None


@given(RULES, exchanges())
def test_a_delivered_response_needs_no_second_plan(rules: RuleSet, subject: Exchange) -> None:
    made = plan(rules, subject)
    if isinstance(made, HeaderEdits) and subject.response is not None:
        once = apply_edits(subject.response, made.edits)
        again = plan(rules, subject.with_response(once))
        assert again is None or apply_edits(once, again.edits if isinstance(again, HeaderEdits) else ()) == once


@given(BOOLEANS, RESPONSES, st.sampled_from(["GET", "PUT", "patch"]))
def test_what_a_rule_grants_passes_the_cors_check(credentials: str, response: Response, method: str) -> None:
    rules = rules_of(f"allow_credentials: {credentials}")
    subject = Exchange(
        "1",
        Request(method, "https://api.test/items", HeaderList([("Origin", PAGE), ("User-Agent", "Chrome/1")])),
        response,
    )
    made = delivered(rules, subject)
    modes = list(CredentialsMode) if credentials == "true" else [CredentialsMode.NOT_INCLUDE]
    for mode in modes:
        assert isinstance(cors_check(PAGE, mode, made.headers), Success)
        assert set(exposable_names(response.headers)) <= exposed_header_names(mode, made.headers)
    assert len(made.headers.get_all("access-control-allow-origin")) == 1
    assert made.headers.get("access-control-allow-credentials") == ("true" if credentials == "true" else None)


@given(BOOLEANS, RESPONSES, METHODS, st.sampled_from(["", "x-a", "authorization,content-type,x-a"]))
def test_granted_preflights_pass(credentials: str, response: Response, method: str, names: str) -> None:
    subject = preflight(method="PUT" if " " in method else method, names=names)
    modes = list(CredentialsMode) if credentials == "true" else [CredentialsMode.NOT_INCLUDE]
    asked = PreflightRequest(
        PAGE,
        subject.request.headers.get("Access-Control-Request-Method") or "",
        requested_header_names(subject.request.headers),
    )
    answer = plan(rules_of(f"allow_credentials: {credentials}"), subject)
    assert isinstance(answer, PreflightAnswer)
    repaired = delivered(
        rules_of(f"allow_credentials: {credentials}, preflight: repair"), subject.with_response(response)
    )
    for mode in modes:
        assert isinstance(preflight_check(asked, mode, answered(answer)), Success)
        assert isinstance(preflight_check(asked, mode, repaired), Success)


@given(RULES, exchanges())
def test_other_lines_keep_their_bytes(rules: RuleSet, subject: Exchange) -> None:
    made = plan(rules, subject)
    if isinstance(made, HeaderEdits) and subject.response is not None:
        edited = {name for _, name, _ in made.edits}
        before = [line for line in subject.response.headers if line[0].lower() not in edited]
        after = [line for line in apply_edits(subject.response, made.edits).headers if line[0].lower() not in edited]
        assert before == after
