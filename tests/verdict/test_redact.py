import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.verdict.redact import HIDDEN, NOT_SHOWN, names_a_secret, redact, redact_header

SECRET = "s3cr3t-v4lue"


@pytest.mark.parametrize(
    ("text", "shown", "reason"),
    [
        ("https://api.test/a?page=2", "https://api.test/a?page=2", "nothing in it"),
        (f"https://u:{SECRET}@api.test/a", "https://api.test/a", "user name and password"),
        (f"https://{SECRET}@api.test/a", "https://api.test/a", "a user name alone"),
        (f"https://u:a@{SECRET}@api.test/a", "https://api.test/a", "up to the last @"),
        (f"//u:{SECRET}@api.test", "//api.test", "a reference without scheme"),
        ("https://...@api.test/", "https://...@api.test/", "what says that there was user info stays"),
        ("https://api.test/@user", "https://api.test/@user", "an @ in the path"),
        ("mail a@b.test", "mail a@b.test", "an @ in a sentence"),
        (f"/cb?code={SECRET}&lang=de", f"/cb?code={HIDDEN}&lang=de", "an authorization code"),
        (f"/cb#access_token={SECRET}&n=1", f"/cb#access_token={HIDDEN}&n=1", "a fragment"),
        (f"/a?x=1;token={SECRET}", f"/a?x=1;token={HIDDEN}", "a semicolon between parameters"),
        (f"/a?%74oken={SECRET}", f"/a?%74oken={HIDDEN}", "an encoded name"),
        (f"/a?token[]={SECRET}", f"/a?token[]={HIDDEN}", "an array's name"),
        ("/a?token=", "/a?token=", "an empty value says nothing"),
        ("/a?token", "/a?token", "a name without value"),
        (
            f"/login?next=https%3A%2F%2Fapp.test%2F%3Ftoken%3D{SECRET}%26a%3D1",
            f"/login?next=https%3A%2F%2Fapp.test%2F%3Ftoken%3D{HIDDEN}%26a%3D1",
            "a URL in a URL",
        ),
        (
            f"/login?next=https%3A%2F%2Fu%3A{SECRET}%40app.test%2F",
            "/login?next=https%3A%2F%2Fapp.test%2F",
            "user info of a URL in a URL",
        ),
        (
            f"a redirect to https://b.test/?sig={SECRET}, not followed",
            f"a redirect to https://b.test/?sig={HIDDEN} not followed",
            "in a message",
        ),
        (f'"https://b.test/?key={SECRET}"', f'"https://b.test/?key={HIDDEN}"', "quotes end a value"),
        (f"Bearer {SECRET}", f"Bearer {HIDDEN}", "a bearer token"),
        ("basic dXNlcjpwYXNz=", f"basic {HIDDEN}", "Basic credentials"),
        ("Basic information follows", "Basic information follows", "a word of prose"),
        ("x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.sig y", f"x {HIDDEN} y", "a JSON Web Token anywhere"),
        (
            "Access-Control-Allow-Origin: https://app.test",
            "Access-Control-Allow-Origin: https://app.test",
            "a header line",
        ),
    ],
)
def test_texts(text: str, shown: str, reason: str) -> None:
    assert redact(text) == shown, reason


@pytest.mark.parametrize(
    "name",
    [
        *("token", "access_token", "accessToken", "X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Credential"),
        *("AWSAccessKeyId", "key", "api_key", "apiKey", "api-key", "APIKEY", "Key-Pair-Id", "sig", "hmac"),
        *("password", "passwd", "pwd", "pass", "passphrase", "code", "otp", "pin", "client_secret", "clientSecret"),
        *("session", "sessionid", "PHPSESSID", "JSESSIONID", "sid", "auth", "oauth_verifier", "Authorization"),
        *("jwt", "id_token_hint", "SAMLassertion", "csrf", "xsrf-token", "Cookie", "Set-Cookie", "ticket", "nonce"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert names_a_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *("page", "q", "monkey", "keyboard", "zip", "postcode", "design", "author", "id", "lang", "pinned", "broken"),
        *("Content-Type", "Location", "Origin", "Vary", "", "passenger", "compass", "side", "barcode"),
    ],
)
def test_names_of_nothing_secret(name: str) -> None:
    assert not names_a_secret(name)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Cookie", "a=b", NOT_SHOWN),
        ("set-cookie", "a=b; Path=/", NOT_SHOWN),
        ("Authorization", "Bearer abc", NOT_SHOWN),
        ("Proxy-Authorization", "x", NOT_SHOWN),
        ("X-Api-Key", "x", NOT_SHOWN),
        ("X-CSRF-Token", "x", NOT_SHOWN),
        ("Access-Control-Request-Headers", "authorization, x-api-key", "authorization, x-api-key"),
        ("Access-Control-Allow-Headers", "X-Auth-Token", "X-Auth-Token"),
        ("Location", "/cb?code=1", f"/cb?code={HIDDEN}"),
    ],
)
def test_header_lines(name: str, value: str, shown: str) -> None:
    assert redact_header(name, value) == shown


@given(st.text(alphabet="ab=&?;#@:/%3D4025eyJ._- \u00e9\ud800", max_size=60))
def test_any_text_is_taken(text: str) -> None:
    redact(text)
    redact_header(text, text)


@given(
    st.text(alphabet="abcXYZ0123456789-_.~", min_size=8, max_size=40),
    st.sampled_from(["token", "code", "X-Sig", "pwd"]),
)
def test_no_value_of_a_secret_parameter_is_left(value: str, name: str) -> None:
    marked = f"Q{value}Q"
    for text in (
        f"https://h.test/?a=1&{name}={marked}",
        f"https://h.test/?{name}={marked}&a=1#b",
        f"see #{name}={marked}",
    ):
        assert marked not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        *("?" + "a=b&" * 30_000, "//" + "a@" * 50_000, "//" + "a" * 100_000, "eyJ" * 50_000, "eyJaaaa." * 20_000),
        *("bearer " * 30_000, "&" + "a" * 200_000 + "=1", "?u=" + "%253Ftoken%253D" * 10_000, "=" * 100_000),
    ],
    ids=lambda text: text[:8],
)
def test_hostile_texts_end(text: str) -> None:
    """Each of these took minutes with a careless pattern; the suite's own time limit holds them."""
    redact(text)
