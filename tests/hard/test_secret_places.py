"""Where secrets were seen in URLs: by name in values of every kind, in paths, and by nothing but their look."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.mitm.contentview import text_for
from cors_addon.mitm.probe import told
from cors_addon.report.formats import SUFFIXES
from cors_addon.verdict.redact import HIDDEN, redact, redact_header
from tests.mitm.support import APP, cors_get, make_flow, make_response
from tests.page.test_page import browser

NAMED = "Zq7s3cr3tv4lue"
"""What only its name or its place gives away."""
RANDOM = "kX9fQ2mL7vT4bN8wR3yD6hJ1"
"""What its look gives away."""


def encoded(text: str, times: int = 1) -> str:
    for _ in range(times):
        text = quote(text, safe="")
    return text


BY_NAME = [
    *(f"/?{name}={NAMED}" for name in ("token", "pw", "pat", "appid", "login", "private", "sig", "Policy", "hdnts")),
    *(f"/?{name}={NAMED}" for name in ("X-Amz-Credential", "X-Amz-Anything", "X-Goog-Signature", "x-ms-sig", "hdnea")),
    *(f"/?a=1&{name}={NAMED}&b=2" for name in ("code", "apiKey", "client_secret", "mac", "invite", "SAMLassertion")),
    *(f"/?{name}={NAMED}" for name in ("totp", "mfa", "2fa_code", "cvv", "ssn", "mnemonic", "recovery-phrase", "PIN")),
    *(f"/acs?{name}={NAMED}" for name in ("SAMLRequest", "SAMLResponse", "RelayState", "iban", "login_hint")),
    f"/?token=a;{NAMED}",
    f"/?token=a;b;{NAMED}&x=1",
    f"/?a=1,token={NAMED}",
    f"/?a=1|token={NAMED}",
    f"/?a=1~token={NAMED}",
    f"/v.m3u8?hdnts=exp=1~acl=/*~hmac={NAMED}",
    f"/v.m3u8?t=exp=1~acl=/*~hmac={NAMED}",
    f"/?sv=1&se=2&sig={NAMED}",
    f"/cb?next=http://c.test/in?access_token={NAMED}",
    f"/proxy?url=https://maps.test/api?key={NAMED}",
    f"/proxy?url=https://maps.test/api?x=1#key={NAMED}",
    f"/x;jsessionid={NAMED}",
    *(f"/?next={encoded(f'/cb?token={NAMED}', times)}" for times in (1, 2, 3)),
    *(f"/?next={encoded(f'http://u:{NAMED}@c.test/', times)}" for times in (1, 2)),
    f"/?a={encoded('b=' + encoded(f'token={NAMED}'))}",
    f"/g?variables={encoded(json.dumps({'password': NAMED}))}",
    f"/g?variables={encoded(json.dumps({'a': {'input': {'apiKey': NAMED}}}))}",
    f"/g?variables={encoded(json.dumps({'pin': NAMED, 'b': 1}, indent=1))}",
    f"/g?variables={encoded(json.dumps({'token': NAMED}), 2)}",
    f'/g?v={{"token":"{NAMED}"}}',
    f"/#access_token={NAMED}&state=1",
    f"/#/route?token={NAMED}",
    f"/?a[token]={NAMED}",
    f"/?SAMLResponse={NAMED}",
    f"/?t%256Fken={NAMED}",
    f"/?fields=token:{NAMED}",
]
IN_PATHS = [
    *(
        f"/{place}/{NAMED}"
        for place in (
            "reset",
            "password-reset",
            "reset-password",
            "password",
            "magic",
            "magic-link",
            "invite",
            "invitations",
        )
    ),
    *(
        f"/{place}/{NAMED}"
        for place in ("verify", "verify-email", "email-verification", "confirm", "account/activation")
    ),
    *(f"/{place}/{NAMED}-5a1d2f4e6b8c" for place in ("accounts/reset/MQ", "verify-email/1", "activate/b3Jn")),
    *(f"/a/{place}/{NAMED}/b" for place in ("activate", "unsubscribe", "recover", "token", "tokens", "key")),
    *(f"/magic/{NAMED}-{tail}" for tail in ("account", "account-settings", "x")),
    f"/services/T0/B0/{NAMED}",
    f"/services/T0AB12CD/B0AB12CD/{NAMED}?x=1",
]
BY_LOOK = [
    *(f"/{place}{RANDOM}" for place in ("", "d/", "share/", "x?q=", "x?a=1&zz=", "x#", "x?next=/y/")),
    *(f"/{place}{RANDOM.lower()[:4]}{RANDOM}" for place in ("", "x?q=")),
    f"/x?q={encoded(f'/y/{RANDOM}', 2)}",
    f"/{'0123456789abcdef' * 2}",
    f"/x?q={'0123456789ABCDEF' * 4}",
]
ISSUED = [
    *(
        f"{mark}{RANDOM}"
        for mark in ("glpat-", "sk_live_", "rk_test_", "ghp_", "npm_", "shpat_", "a-much-longer-mark_")
    ),
    *(f"{mark}onlylettersand1digit" for mark in ("glpat-", "sk_live_", "ghp_", "xoxb-", "npm_", "sk-ant-")),
    *(f"{mark}{'0123456789abcdef' * 2}" for mark in ("dop_v1_", "key-", "app_")),
    f"{'0123456789abcdef' * 2}-us12",
]
"""Whoever issues a secret marks it: the mark may be read, and what stands behind it not."""
PLACES = [(place, NAMED) for place in (*BY_NAME, *IN_PATHS)] + [
    (place, RANDOM if RANDOM in place else place.rpartition("/")[2].rpartition("=")[2]) for place in BY_LOOK
]
CARRIERS = ["http://api.test{}", "a redirect to https://b.test{} that nobody follows", 'Location: "//b.test{}"']


def test_there_are_many_places() -> None:
    assert len({place for place, _ in PLACES}) * len(CARRIERS) >= 150


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize(("place", "secret"), PLACES)
def test_a_secret_is_taken_out(carrier: str, place: str, secret: str) -> None:
    assert secret not in redact(carrier.format(place))


@pytest.mark.parametrize("place", ["/p/{}/items", "/x?q={}", "/x#{}", "X-Custom: {}"])
@pytest.mark.parametrize("secret", ISSUED)
def test_behind_the_mark_of_who_issued_it(place: str, secret: str) -> None:
    shown = redact(place.format(secret))
    assert secret not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "path",
    [
        "/assets/index-BkX9fQ2m.js",
        "/api/v2/users/1234/posts/how-to-configure-cors-in-spring-boot-3-2024-11",
        "/o/3f2a9c8b-7d6e-4f4a-9b2c-0123456789ab/SomeVeryLongCamelCaseName_with_2_parts",
        "/static/js/vendors~main.3f2a9c8b7d6e5f4a.chunk.js",
    ],
)
def test_what_a_developer_needs_is_left(path: str) -> None:
    assert redact(f"https://api.test{path}") == f"https://api.test{path}"


IN_HEADERS = [
    ("Access-Control-Allow-Headers", "authorization: {}"),
    ("Access-Control-Allow-Headers", "X-Api-Key: {}, Content-Type"),
    ("Access-Control-Allow-Headers", "X-Api-Key:{}"),
    ("Access-Control-Allow-Headers", "X-Api-Key={}"),
    ("Access-Control-Allow-Headers", "X-A, Authorization: Bearer {}"),
    ("Access-Control-Allow-Headers", "x-a, token={}"),
    ("Access-Control-Allow-Methods", "GET; api_key={}"),
    ("Access-Control-Allow-Origin", "null; token={}"),
    ("Access-Control-Max-Age", "session: {}"),
    ("Access-Control-Allow-Credentials", "X-A: password={}"),
    ("Vary", "secret={}"),
    ("CF-Ray", "secret={}"),
    ("WWW-Authenticate", 'Bearer realm="a", token="{}"'),
    ("WWW-Authenticate", 'Basic realm="token={}"'),
    ("WWW-Authenticate", 'Digest realm="a b", nonce="{}", qop="auth"'),
    ("WWW-Authenticate", "Digest opaque={}, realm=a"),
    ("WWW-Authenticate", "Negotiate {}"),
]


@pytest.mark.parametrize(("name", "value"), IN_HEADERS)
def test_one_that_a_server_writes_into_a_header_is_shown_nowhere(name: str, value: str, tmp_path: Path) -> None:
    """A list that somebody filled with names and values, and what a client proves its secret with."""
    line = f"{name}: {value.format(NAMED)}"
    paths = [tmp_path / f"cors{ending}" for ending in SUFFIXES]
    with browser(cors_report=[str(path) for path in paths]) as page:
        preflight = make_flow(
            *(f"Origin: {APP}", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-a"),
            method="OPTIONS",
            response=make_response(200, line, f"Access-Control-Allow-Origin: {APP}"),
        )
        given = [preflight, cors_get(line, status=401)]
        for each in given:
            page.through.send(each)
        shown = [page.open(), json.dumps(page.through.addon.commands.rules_suggest(given)), *map(text_for, given)]
    shown += [path.read_text(encoding="utf-8") for path in paths]
    assert [_around(text) for text in shown if NAMED in text] == []


@pytest.mark.parametrize(
    "value",
    [
        'Bearer realm="https://a.test/t", error="invalid_token"',
        'Digest realm="api", qop="auth", algorithm=SHA-256',
        "Negotiate",
    ],
)
def test_a_challenge_keeps_its_scheme_and_realm(value: str) -> None:
    assert redact_header("WWW-Authenticate", value) == value


@pytest.mark.parametrize(
    "text", ["Bad HTTP response line: b'garbage token={}'", "http://app.test password={}", "X-A: token={}"]
)
def test_a_parameter_written_out_in_any_text_loses_its_value(text: str) -> None:
    assert redact(text.format(NAMED)) == text.format(HIDDEN)


def test_a_cookie_keeps_name_and_attributes() -> None:
    said = redact("Set-Cookie: session=abc123def; SameSite=None; Secure")
    assert said == f"Set-Cookie: session={HIDDEN}; SameSite=None; Secure"


WORDS = ["correct-horse-battery", "my+dog", "hunter2", "1234", "geheim"]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    "name", ["password", "passphrase", "pin", "pwd", "otp", "user_password", "userPin", "mot_de_passe"]
)
def test_a_secret_that_is_a_word_is_taken_out_by_its_name(name: str, word: str) -> None:
    assert redact(f"http://a.test/?x=1&{name}={word}&y=2") == f"http://a.test/?x=1&{name}={HIDDEN}&y=2"


UNREADABLE = [
    *("kxqavzmwpltrbnah", "correct-horse-battery-staple", "kXfQmLvTbNwR", "ABCDEFGH", "qwrt-zxcv-bnmp-kl", "Xk-Qf-mLv"),
    *("a-b-c-d-e-f-g-h-i-j", "account-settings-7", "accountSettingsZq7", "abcdefghijklmnopqrstuvwxyz-page"),
]
"""No words, or as many of them as a pass phrase has."""


@pytest.mark.parametrize("secret", UNREADABLE)
@pytest.mark.parametrize("place", ["reset", "magic-link", "invite", "activate"])
def test_letters_that_are_no_words_are_a_secret(place: str, secret: str) -> None:
    assert redact(f"http://a.test/{place}/{secret}").endswith(HIDDEN)


READABLE = [
    *("/items/42?page=2&sort=name", "/users/2f1e9c7a-1b2c-4d3e-8f90-a1b2c3d4e5f6", "/assets/index-B3kd92aQ.js"),
    *("/blog/how-to-fix-cors-in-2026-with-examples", "/api/getUserProfileByIdV2", "/maps?center=52.5200,13.4050"),
    *("/reset/password", "/confirm/email", "/static/js/main.3f2a9c81.chunk.js", "/v1/customers/cus_42/subscriptions"),
    *("/?sv=2024-01-01&page=1", '/?filter={"name":"x"}', "/?redirect=%2Fhome%3Ftab%3D1", "/2026/11/28/report.pdf"),
    *("/activate/account-settings", "/verify/email-address-change", "/reset/passwordForm", "/token/refreshMyToken?a=1"),
    *("/confirm/Password_Reset", "/invitations/my-pending-invitations/list", "/unsubscribe/all-newsletters"),
    *("/services/team/board/list", "/key/", "/tokens", "/search?q=what+is+a+cross-origin+request"),
]


@pytest.mark.parametrize("path", READABLE)
def test_what_is_no_secret_can_still_be_read(path: str) -> None:
    assert redact(f"http://api.test{path}") == f"http://api.test{path}"


@pytest.mark.parametrize(
    "text",
    [
        "Access-Control-Allow-Headers: X-Amz-Content-Sha256, X-Requested-With, Sec-WebSocket-Extensions, Content-Type",
        "X-CSRF-Token: Required",
        "Set-Cookie: theme=abc123def; SameSite=None; Secure",
        "status code: 404123, key: abc123def, supports_credentials=True, http://token:808080/, 'include1' is no mode",
        "Access-Control-Allow-Headers is not a list of header names: X-A: 1, X-B: 2",
        "Referrer-Policy: strict-origin-when-cross-origin",
        "PreflightDisallowedRedirect CORSPreflightDidNotSucceed WildcardOriginNotAllowed",
        "flow 65ec2fac-c847-412c-bc08-e11e1203a56c",
        "Access-Control-Allow-Origin: https://preview-3f2a9c81-my-app.vercel.app",
    ],
)
def test_what_messages_are_made_of_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", min_size=12, max_size=40))
def test_taking_out_once_is_enough(value: str) -> None:
    for text in (f"/?token={value}", f"/a/{value}", f"/?q={encoded(f'/b?key={value}')}", f"/?a=1|pw={value}"):
        once = redact(text)
        assert redact(once) == once


def _around(text: str) -> str:
    at = text.find(NAMED) if NAMED in text else text.find(RANDOM)
    return text[max(0, at - 100) : at + 40]


def test_no_place_shows_it_in_any_output(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = {ending: tmp_path / f"cors{ending}" for ending in SUFFIXES}
    seen: dict[str, str] = {}
    with browser(cors_report=[str(path) for path in paths.values()]) as page:
        given = []
        for place, _ in PLACES:
            url = f"http://api.test{place}"
            given += [cors_get(url=url), cors_get(f"Location: {url}", status=302)]
            given.append(make_flow(f"Origin: {APP}", f"Referer: {url}", response=make_response(200)))
        for each in given:
            page.through.send(each)
        commands = page.through.addon.commands
        seen["comments"] = "\n".join(each.comment for each in given)
        seen["metadata"] = "\n".join(json.dumps(each.metadata) for each in given)
        seen["content view"] = "\n".join(map(text_for, given[:60]))
        seen["cors.rules.suggest"] = json.dumps(commands.rules_suggest(given))
        seen["live page"] = page.open()
    seen["log"] = "\n".join(record.getMessage() for record in caplog.records if record.name == "cors_addon")
    for ending, path in paths.items():
        seen[f"report{ending}"] = path.read_text(encoding="utf-8")
    shown = {where: text for where, text in seen.items() if NAMED in text or RANDOM in text}
    assert {where: _around(text) for where, text in shown.items()} == {}
    assert HIDDEN in seen["report.json"]


def test_the_probe_says_no_secret() -> None:
    assert not [line for line in told("GET", f"http://b.test/items?access_token={NAMED}&q=1", []) if NAMED in line]


def test_no_line_of_the_log_shows_one(caplog: pytest.LogCaptureFixture) -> None:
    with browser():
        logging.getLogger("cors_addon").warning("CORS: %s of %s", f"http://a.test/?token={NAMED}", 5)
    assert caplog.messages[-1] == f"CORS: http://a.test/?token={HIDDEN} of 5"
