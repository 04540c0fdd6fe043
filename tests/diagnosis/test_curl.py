"""Commands to try: they say what the browser said, a shell reads them as meant, and they hold no secret."""

import shlex

from hypothesis import given
from hypothesis import strategies as st

from cors_addon.diagnosis.curl import preflight_command, request_command
from cors_addon.fetch.headers import HeaderList

APP = "https://app.test"


def test_a_preflight_is_asked_as_the_browser_asks_it() -> None:
    assert preflight_command("https://api.test/items?a=1&b=2", APP, "PUT", ["content-type", "x-a"]) == (
        "curl -i -X OPTIONS 'https://api.test/items?a=1&b=2' -H 'Origin: https://app.test'"
        " -H 'Access-Control-Request-Method: PUT' -H 'Access-Control-Request-Headers: content-type,x-a'"
    )


def test_a_request_has_the_headers_that_the_page_sets_and_variables_for_secrets() -> None:
    sent = HeaderList(
        [("Content-Type", "application/json"), ("Authorization", "Bearer SECRET"), ("Cookie", "sid=SECRET")]
    )
    command = request_command("https://api.test/", APP, "POST", ["authorization", "content-type"], sent)
    assert "SECRET" not in command
    assert """-H 'authorization: '"$AUTHORIZATION" -H 'content-type: application/json'""" in command
    assert """-H 'cookie: '"$COOKIE\"""" in command
    assert command.endswith("--data ''")


def test_what_was_not_seen_is_left_to_the_reader() -> None:
    command = request_command("https://api.test/", APP, "DELETE", ["x-a"], None)
    assert command == """curl -i -X DELETE https://api.test/ -H 'Origin: https://app.test' -H 'x-a: '"$X_A\""""


def test_brackets_in_a_url_are_no_pattern_of_curl() -> None:
    assert " -g " in preflight_command("https://api.test/?a[]=1", APP, "PUT", [])


def test_a_secret_in_the_url_is_left_out() -> None:
    for url in ("https://me:SECRET@api.test/", "https://api.test/?access_token=SECRET"):
        assert "SECRET" not in preflight_command(url, APP, "PUT", [])


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_no_value_gets_out_of_its_quotes(value: str, method: str, name: str) -> None:
    sent = HeaderList([(name, value)])
    command = request_command(f"https://api.test/{value}", value, method, [name], sent)
    words = shlex.split(command)
    assert words[0] == "curl"
    assert command.isprintable()
    flags = [word for word in words if word == "-H"]
    assert len(flags) >= 2
    assert not {";", "|", "&&", "`"} & set(words) - {value, method}
