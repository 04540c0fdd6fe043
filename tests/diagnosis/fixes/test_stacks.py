"""Stacks are recognised from what they send, with how sure that is, and never by guesswork."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.diagnosis.fixes.snippets import WRITERS
from cors_addon.diagnosis.fixes.stack_signatures import LAYER_OF, NAMES, Layer
from cors_addon.diagnosis.fixes.stacks import best_places, recognise
from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import Request, Response
from cors_addon.verdict.model import Confidence

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW
URL = "https://api.test/items"


def answer(*lines: str, status: int = 200) -> Response:
    pairs = (line.partition(":") for line in lines)
    return Response(status, HeaderList((name, value.strip()) for name, _, value in pairs))


def found(*lines: str, url: str = URL, status: int = 200) -> dict[str, Confidence]:
    recognised = recognise(Request("GET", url, HeaderList()), answer(*lines, status=status))
    return {each.stack: each.confidence for each in recognised}


HARDENED = ("Cache-Control: no-cache, no-store, max-age=0, must-revalidate", "Pragma: no-cache", "Expires: 0")
TOLD = [
    (["Server: nginx/1.22.1"], {"nginx": HIGH}, "its own Server"),
    (["Server: openresty/1.21.4.1"], {"nginx": HIGH}, "nginx with Lua"),
    (["Server: Apache/2.4.58 (Debian)"], {"apache": HIGH}, "its own Server"),
    (["Server: Apache-Coyote/1.1"], {}, "Tomcat is no Apache httpd"),
    (["Server: Caddy"], {"caddy": HIGH}, "its own Server"),
    (["Via: 1.1 Caddy"], {"caddy": MEDIUM}, "newer ones say it in Via"),
    (["Server: Microsoft-IIS/10.0"], {"iis": HIGH}, "its own Server"),
    (["Server: envoy", "X-Envoy-Upstream-Service-Time: 3"], {"envoy": HIGH}, "both of its headers"),
    (["Server: istio-envoy"], {"envoy": HIGH}, "in a mesh"),
    (["CF-Ray: 8a1-FRA", "Server: cloudflare"], {"cloudflare": HIGH}, "both of its headers"),
    (["X-Amz-Cf-Id: x==", "Via: 1.1 abc.cloudfront.net (CloudFront)"], {"cloudfront": HIGH}, "both of its headers"),
    (["X-Amz-Apigw-Id: x"], {"apigateway": HIGH}, "a REST API"),
    (["Apigw-Requestid: x"], {"apigateway": HIGH}, "an HTTP API"),
    (["X-Amzn-ErrorType: AccessDeniedException"], {"apigateway": LOW}, "AWS's own APIs send it too"),
    (["X-Powered-By: Phusion Passenger(R) 6.1.2"], {"rails": LOW}, "Passenger runs Python and Node.js too"),
    (["Server: AmazonS3", "X-Amz-Id-2: x"], {"s3": HIGH}, "its own Server"),
    (["X-GUploader-UploadID: x"], {"gcs": HIGH}, "Cloud Storage alone"),
    (["Function-Execution-Id: x"], {"firebase": HIGH}, "a function of Google's"),
    (["X-Vercel-Id: fra1::x", "Server: Vercel"], {"vercel": HIGH}, "both of its headers"),
    (["X-NF-Request-ID: 01H", "Server: Netlify"], {"netlify": HIGH}, "both of its headers"),
    (["X-Powered-By: Express"], {"express": HIGH}, "its default"),
    (["Set-Cookie: connect.sid=s%3Aabc; Path=/"], {"express": MEDIUM}, "express-session, which others use as well"),
    (["Connection: keep-alive", "Keep-Alive: timeout=72"], {"fastify": MEDIUM}, "its default, and nobody else's"),
    (["Keep-Alive: timeout=5"], {}, "every server of Node.js"),
    (["Set-Cookie: koa.sess=abc"], {"koa": HIGH}, "koa-session's default"),
    (["Server: uvicorn"], {"fastapi": MEDIUM}, "mostly FastAPI or Starlette"),
    (["Server: Werkzeug/3.0 Python/3.12"], {"flask": MEDIUM}, "Flask's development server"),
    (["Server: WSGIServer/0.2 CPython/3.12"], {"django": MEDIUM}, "Django's development server"),
    (
        ["X-Frame-Options: DENY", "Referrer-Policy: same-origin", "Cross-Origin-Opener-Policy: same-origin"],
        {"django": MEDIUM},
        "the defaults of its middleware",
    ),
    (["Set-Cookie: csrftoken=x"], {"django": MEDIUM}, "its cookie"),
    (["X-Request-Id: x", "X-Runtime: 0.012"], {"rails": HIGH}, "both of its middleware's"),
    (["X-Request-Id: x"], {}, "everybody has that"),
    (["Set-Cookie: laravel_session=x", "Set-Cookie: XSRF-TOKEN=y"], {"laravel": HIGH}, "its cookie"),
    (["Set-Cookie: XSRF-TOKEN=y"], {"spring": LOW}, "Spring Security's name, and others'"),
    (["Set-Cookie: JSESSIONID=x"], {"spring": LOW}, "any servlet"),
    (
        [*HARDENED, "X-Frame-Options: DENY", "X-Content-Type-Options: nosniff"],
        {"spring": HIGH},
        "Spring Security's set",
    ),
    (
        ["Vary: Origin", "Vary: Access-Control-Request-Method", "Vary: Access-Control-Request-Headers"],
        {},
        "Spring, Laravel, Actix and others name the same three",
    ),
    (
        ["Vary: origin, access-control-request-method, access-control-request-headers"],
        {"axum": LOW},
        "tower-http's, most often",
    ),
    (["Server: Kestrel"], {"aspnetcore": HIGH}, "its own server"),
    (["Set-Cookie: .AspNetCore.Antiforgery.x=y"], {"aspnetcore": HIGH}, "its cookie"),
    (["X-Powered-By: ASP.NET", "X-AspNet-Version: 4.0"], {"iis": MEDIUM}, "IIS adds it, whatever runs in it"),
    (["Set-Cookie: ASP.NET_SessionId=x"], {"iis": MEDIUM}, "ASP.NET before Core runs in IIS alone"),
    (["Server: Kestrel", "X-Powered-By: ASP.NET"], {"aspnetcore": HIGH, "iis": MEDIUM}, "Core behind IIS"),
    (["Server: Apache/2.4", "X-Powered-By: PHP/8.2"], {"apache": HIGH}, "PHP runs more than Laravel"),
    (["Server: gunicorn"], {}, "it serves Django, Flask and others alike"),
    (["Server: puma"], {"rails": LOW}, "mostly Rails"),
    (["Server: nginx", "X-Powered-By: Express"], {"express": HIGH, "nginx": HIGH}, "two layers"),
    (["Server: gunicorn", "Set-Cookie: csrftoken=x"], {"django": MEDIUM}, "two signs of one"),
    (["Server: my-server/1.0", "X-Powered-By: magic"], {}, "unknown stays unknown"),
    ([], {}, "nothing tells nothing"),
]


@pytest.mark.parametrize(("lines", "expected", "reason"), TOLD, ids=[reason for _, _, reason in TOLD])
def test_what_headers_tell(lines: list[str], expected: dict[str, Confidence], reason: str) -> None:
    assert found(*lines) == expected, reason


ERRORS = [
    (["Content-Type: text/plain; charset=utf-8", "X-Content-Type-Options: nosniff"], {"go": LOW}, "http.Error's"),
    (
        [
            "Content-Security-Policy: default-src 'none'",
            "X-Content-Type-Options: nosniff",
            "Content-Type: text/html; charset=utf-8",
        ],
        {"express": MEDIUM},
        "Express' error page, where X-Powered-By is off",
    ),
]


@pytest.mark.parametrize(("lines", "expected", "reason"), ERRORS, ids=[reason for _, _, reason in ERRORS])
def test_what_errors_tell(lines: list[str], expected: dict[str, Confidence], reason: str) -> None:
    assert found(*lines, status=404) == expected, reason


HOSTS = [
    ("https://bucket.s3.eu-central-1.amazonaws.com/a", "s3"),
    ("https://s3.amazonaws.com/bucket/a", "s3"),
    ("https://abc.execute-api.eu-west-1.amazonaws.com/prod", "apigateway"),
    ("https://d1.cloudfront.net/a", "cloudfront"),
    ("https://storage.googleapis.com/bucket/a", "gcs"),
    ("https://eu-west1-p.cloudfunctions.net/f", "firebase"),
    ("https://p.web.app/", "firebase"),
    ("https://x.y.workers.dev/", "cloudflare"),
    ("https://p.vercel.app/", "vercel"),
    ("https://p.netlify.app/", "netlify"),
]


@pytest.mark.parametrize(("url", "stack"), HOSTS)
def test_a_hosts_name_tells_whose_it_is(url: str, stack: str) -> None:
    assert found(url=url) == {stack: HIGH}
    assert found(url=url.replace("https://", "https://evil-", 1).replace(".com/", ".com.evil.test/")) in (
        {},
        {stack: HIGH},
    )


def test_a_host_that_only_looks_alike_tells_nothing() -> None:
    assert found(url="https://vercel.app.evil.test/") == {}
    assert found(url="https://notvercel.app/") == {}


def test_the_layers_come_innermost_first_and_the_fix_belongs_there() -> None:
    lines = ["CF-Ray: x", "Server: cloudflare", "Via: 1.1 nginx", "X-Powered-By: Express"]
    recognised = recognise(Request("GET", URL, HeaderList()), answer(*lines))
    assert [each.stack for each in recognised] == ["express", "nginx", "cloudflare"]
    assert [each.stack for each in best_places(recognised, 200)] == ["express", "nginx"]
    assert [each.stack for each in best_places(recognised, 502)] == ["nginx", "cloudflare"]


def test_the_answers_of_a_preflight_and_its_request_tell_together() -> None:
    request = Request("OPTIONS", URL, HeaderList())
    recognised = recognise(request, answer("Server: nginx"), answer("Server: nginx", "X-Powered-By: Express"))
    assert [each.stack for each in recognised] == ["express", "nginx"]


def test_the_lines_that_tell_are_named_and_cookies_are_not_shown() -> None:
    lines = ["Server: nginx/1.22.1", "Set-Cookie: connect.sid=s%3Asecret; HttpOnly"]
    recognised = recognise(Request("GET", URL, HeaderList()), answer(*lines))
    assert [each.because for each in recognised] == ["Set-Cookie: connect.sid", "server: nginx/1.22.1"]


@given(
    st.lists(st.tuples(st.sampled_from(["Server", "Via", "Set-Cookie", "X-Powered-By", "Vary"]), st.text(max_size=40)))
)
def test_any_header_is_taken_and_nothing_gets_out_as_a_control_character(lines: list[tuple[str, str]]) -> None:
    for each in recognise(Request("GET", URL, HeaderList()), Response(200, HeaderList(lines))):
        assert each.because.isprintable()
        assert len(each.because) < 500


def test_every_stack_has_a_name_a_layer_and_a_writer() -> None:
    assert set(NAMES) == set(LAYER_OF) == set(WRITERS)
    assert len(NAMES) >= 29
    assert len(set(LAYER_OF.values())) == len(Layer)
