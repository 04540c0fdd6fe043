"""What the body of an error says, and what it does not."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.fetch.headers import HeaderList
from cors_addon.traffic.body_hints import CODED, Hint, decoded_beginning, hints_in, reason_hints, response_hints

SAID = [
    ("Invalid CORS request", Hint.CORS_REFUSED),
    ("CORS Rejected - Invalid origin", Hint.ORIGIN_REFUSED),
    ("Disallowed CORS origin", Hint.ORIGIN_REFUSED),
    ("origin 'http://localhost:8099' is not allowed", Hint.ORIGIN_REFUSED),
    ("Disallowed CORS headers", Hint.HEADERS_REFUSED),
    ("CORSResponse: CORS is not enabled for this bucket.", Hint.BUCKET_WITHOUT_RULE),
    ("<Code>SignatureDoesNotMatch</Code>", Hint.SIGNATURE),
    ("<Message>Request has expired</Message>", Hint.EXPIRED),
    ('{"message":"Missing Authentication Token"}', Hint.NO_METHOD_HERE),
    ("Cannot OPTIONS /api/items", Hint.NO_ROUTE),
    ("CSRF token mismatch.", Hint.FORGERY),
    ("Invalid Host header", Hint.HOST_REFUSED_BY_WEBPACK),
    ('Blocked request. This host ("a.example") is not allowed.', Hint.HOST_REFUSED_BY_VITE),
    ("<b>Warning</b>:  Cannot modify header information - headers already sent by (output", Hint.OUTPUT_BEFORE_HEADERS),
    ("\nFatal error: Uncaught Exception", Hint.PHP_ERROR),
    ("<h1>413 Request Entity Too Large</h1>", Hint.TOO_LARGE),
    ('{"error":{"status":500,"message":"http://localhost:3000 is not a valid origin"}}', Hint.ORIGIN_REFUSED),
    ("Unauthorized header authorization", Hint.HEADERS_REFUSED),
    ("Jwt is missing", Hint.ENVOY_JWT),
    ('{"code":401,"message":"Invalid JWT"}', Hint.SUPABASE_JWT),
    ('{"code":"WORKER_LIMIT","message":"Function failed"}', Hint.FUNCTION_FAILED),
    ("error code: 1011", Hint.FIREWALL),
]


@pytest.mark.parametrize(("text", "hint"), SAID, ids=[hint.value + str(i) for i, (_, hint) in enumerate(SAID)])
def test_known_phrases(text: str, hint: Hint) -> None:
    assert hint in hints_in("text/plain", text)
    assert hint in hints_in("application/problem+json", text.encode())


@pytest.mark.parametrize("text", ["", "not allowed", "forbidden", "the origin of species", "an error occurred", "cors"])
def test_other_words_say_nothing(text: str) -> None:
    assert hints_in("text/plain", text) == ()


def test_only_what_can_be_read_and_only_its_beginning() -> None:
    assert hints_in("image/png", b"Invalid CORS request") == ()
    assert hints_in("text/plain", b" " * 5000 + b"Invalid CORS request") == ()


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("", bytes)])
def test_content_codings(coding: str, pack) -> None:  # type: ignore[no-untyped-def]
    headers = HeaderList([("Content-Type", "text/plain"), ("Content-Encoding", coding)])
    body = pack(b"Invalid CORS request" + b"." * 9000)
    assert response_hints(403, headers, body) == (Hint.CORS_REFUSED,)
    assert response_hints(200, headers, body) == (), "success says nothing of a refusal"


@given(st.sampled_from(["", "gzip", "deflate", "br", "x"]), st.binary(max_size=300))
def test_broken_codings_say_nothing_and_raise_nothing(coding: str, data: bytes) -> None:
    assert len(decoded_beginning(coding, data[:CODED])) <= 4096


@pytest.mark.parametrize(
    ("word", "hint"),
    [("origin", Hint.ORIGIN_REFUSED), ("method", Hint.METHOD_REFUSED), ("header", Hint.HEADERS_REFUSED)],
)
def test_the_reason_phrase_of_cors_code_counts_where_there_is_no_body(word: str, hint: Hint) -> None:
    """https://quarkus.io and Vert.x answer with 403, this reason and nothing else."""
    reason = f"CORS Rejected - Invalid {word}"
    assert reason_hints(403, reason) == (hint,)
    assert response_hints(403, HeaderList([]), b"", reason) == (hint,)
    assert reason_hints(200, reason) == ()


@pytest.mark.parametrize("reason", ["", "Forbidden", "Origin not allowed", "No CORS today"])
def test_other_reason_phrases_say_nothing(reason: str) -> None:
    assert reason_hints(403, reason) == ()


def test_json_that_is_sent_as_html_is_known() -> None:
    assert hints_in("text/html; charset=UTF-8", '[{"id": 1}]') == (Hint.DATA_AS_HTML,)
    assert hints_in("text/html", "<html></html>") == ()
    assert hints_in("application/json", '[{"id": 1}]') == ()
