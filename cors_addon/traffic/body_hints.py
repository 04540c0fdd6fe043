"""What the body of an error says in words: known phrases only, never the body itself.

An error page often names its own reason, and no header does. Bodies are not kept: what stays of one are the hints that
it holds. Phrases are facts about the programs that print them.
"""

import re
import zlib
from enum import StrEnum
from functools import cache
from typing import Final

from ..fetch.headers import HeaderList

LOOKED_AT: Final = 4096
"""Bytes of a body that are read."""

CODED: Final = 1 << 16
"""Bytes of a body in a content coding that are enough for these."""

_READABLE: Final = re.compile(
    r"\s*(?:text/|application/(?:[\w.-]+\+)?(?:json|xml)\b|application/problem)", re.IGNORECASE
)


class Hint(StrEnum):
    """What a body was found to say."""

    ORIGIN_REFUSED = "origin-refused"
    """The CORS code does not allow the origin."""
    METHOD_REFUSED = "method-refused"
    """The CORS code does not allow the method."""
    HEADERS_REFUSED = "headers-refused"
    """The CORS code does not allow a request header."""
    CORS_REFUSED = "cors-refused"
    """The CORS code refuses, and does not say what."""
    BUCKET_WITHOUT_RULE = "bucket-without-rule"
    BUCKET_RULE_MISSES = "bucket-rule-misses"
    SIGNATURE = "signature"
    """The signature of a signed URL or request does not fit."""
    UNSIGNED = "unsigned"
    """CloudFront asks for a signed URL or signed cookies."""
    EXPIRED = "expired"
    CHECKSUM = "checksum"
    ACCESS_DENIED = "access-denied"
    NO_SUCH_KEY = "no-such-key"
    NO_METHOD_HERE = "no-method-here"
    """API Gateway knows no such method or path."""
    NO_ROUTE = "no-route"
    """The application knows no route for this method and path."""
    METHOD_REFUSED_BY_LARAVEL = "method-refused-by-laravel"
    """Laravel's router knows the path, and not with this method."""
    GATEWAY_NO_ROUTE = "gateway-no-route"
    BROWSER_OPT_IN = "browser-opt-in"
    FORGERY = "forgery"
    """CSRF protection refuses, and says no more."""
    FORGERY_BY_DJANGO = "forgery-by-django"
    FORGERY_BY_RAILS = "forgery-by-rails"
    FORGERY_BY_LARAVEL = "forgery-by-laravel"
    HOST_REFUSED_BY_VITE = "host-refused-by-vite"
    """A server refuses the name under which it was called."""
    HOST_REFUSED_BY_WEBPACK = "host-refused-by-webpack"
    HOST_REFUSED_BY_RAILS = "host-refused-by-rails"
    HOST_REFUSED_BY_DJANGO = "host-refused-by-django"
    BAD_REQUEST_BY_DJANGO = "bad-request-by-django"
    """Django's page for a request that it does not trust, most often for its host."""
    TOO_LARGE = "too-large"
    INVOKER_MISSING = "invoker-missing"
    """Google's front end: the caller may not invoke the service."""
    UNEXPECTED_ENDPOINT = "unexpected-endpoint"
    TUNNEL_WARNING = "tunnel-warning"
    FIREWALL = "firewall"
    METHOD_NOT_FORWARDED = "method-not-forwarded"
    """CloudFront lets other methods through only."""
    DATA_AS_HTML = "data-as-html"
    """JSON that is sent as text/html, as PHP does unless told otherwise."""
    SIGN_IN = "sign-in"
    """A sign-in page."""
    FUNCTION_FAILED = "function-failed"
    """A platform says that the function behind it failed or took too long."""
    NO_APPLICATION = "no-application"
    """A platform says that nothing is deployed under this name."""
    NO_FUNCTION = "no-function"
    """Supabase knows no function of that name."""
    PAGES_ONLY = "pages-only"
    """Microsoft Entra ID: the client is not registered as a page."""
    CLIENT_CERTIFICATE = "client-certificate"
    ACCESS_POLICY = "access-policy"
    """Envoy's access policy refuses."""
    ORIGIN_CHECK = "origin-check"
    """CSRF protection that goes by Origin refuses it."""
    HEADERS_TOO_LARGE = "headers-too-large"
    MOD_SECURITY = "mod-security"
    PLAIN_TO_TLS = "plain-to-tls"
    """A server that speaks TLS at this port got plain HTTP."""
    CORS_SWITCHED_OFF = "cors-switched-off"
    """The framework says that CORS is off here (hapi)."""
    SCRIPT_CHECK = "script-check"
    """A page that sets a cookie by script before it serves anything else."""
    WILDCARD_WITH_CREDENTIALS = "wildcard-with-credentials"
    """The CORS code refuses its own configuration: any origin, and credentials."""
    NOT_STARTED = "not-started"
    """A web server says that the application behind it did not start."""
    OUTPUT_BEFORE_HEADERS = "output-before-headers"
    """PHP had written output before the code set its headers."""
    PHP_ERROR = "php-error"
    APIGEE_CREDENTIALS = "apigee-credentials"
    """The API gateway misses the key or token of a request."""
    WSO2_CREDENTIALS = "wso2-credentials"
    ENVOY_JWT = "envoy-jwt"
    """Envoy's filter for tokens misses one, or does not trust it."""
    HAPROXY_UNAVAILABLE = "haproxy-unavailable"
    """HAProxy's own page, which names no server: none is up behind it."""
    SUPABASE_JWT = "supabase-jwt"
    WEBSOCKET_ORIGIN = "websocket-origin"
    """The gateway in front of Supabase's functions misses a token, or does not trust it."""


_PHRASES: Final[tuple[tuple[Hint, str], ...]] = (
    (
        Hint.CORS_REFUSED,
        r"invalid cors request|cors rejected(?! - invalid (?:origin|method|header))|cors request rejected",
    ),
    (
        Hint.ORIGIN_REFUSED,
        r"invalid cors origin|disallowed cors origin|cors rejected - invalid origin|not allowed by cors"
        r"|origin '?[^'\"\s<]{0,200}'? (?:is )?not allowed|origin (?:is )?(?:not allowed|denied|forbidden|rejected)"
        r"|origin_not_allowed|invalid[_ ]origin\b|unauthorized[_ ]origin|cors: origin|from the specified origin"
        r"|origin is not in the list|is not a valid origin|cors_origin_not_whitelisted"
        r"|did not match the allowed origin",
    ),
    (
        Hint.METHOD_REFUSED,
        r"disallowed cors method|cors rejected - invalid method|request method '?\w{1,20}'? is not allowed for",
    ),
    (
        Hint.HEADERS_REFUSED,
        r"disallowed cors headers?|cors rejected - invalid header|^\s*unauthorized header [\w-]{1,60}\s*$"
        r"|headers? '?[\w, -]{1,200}'? (?:is|are) not allowed for",
    ),
    (Hint.BUCKET_WITHOUT_RULE, r"cors is not enabled for this bucket"),
    (Hint.BUCKET_RULE_MISSES, r"this cors request is not allowed"),
    (Hint.UNSIGNED, r"<code>missingkey|missing key-pair-id"),
    (Hint.EXPIRED, r"request has expired|expiredtoken|not valid in the specified time frame|token (?:has|is) expired"),
    (Hint.SIGNATURE, r"signaturedoesnotmatch|signature we calculated does not match|invalid ?signature"),
    (Hint.CHECKSUM, r"xamzcontentsha256mismatch|baddigest|invaliddigest|checksum (?:does not|did not|mismatch)|crc32"),
    (Hint.NO_SUCH_KEY, r"<code>nosuch(?:key|bucket)|blobnotfound|no such object"),
    (Hint.ACCESS_DENIED, r"<code>accessdenied|authenticationfailed|authorizationfailure"),
    (Hint.NO_METHOD_HERE, r"missing authentication token"),
    (
        Hint.NO_ROUTE,
        r"cannot (?:options|get|post|put|patch|delete|head) /|route (?:options|get|post|put|patch|delete|head):/"
        r"|norouteerror|no route found for|no static resource|404 page not found",
    ),
    (Hint.METHOD_REFUSED_BY_LARAVEL, r"the options method is not supported for (?:this )?route"),
    (Hint.GATEWAY_NO_ROUTE, r"no route matched with those values|default backend - 404"),
    (Hint.BROWSER_OPT_IN, r"anthropic-dangerous-direct-browser-access"),
    (
        Hint.FORGERY,
        r"csrf token mismatch|csrf verification failed|invalid csrf token|invalidauthenticitytoken|page expired"
        r"|missing csrf token",
    ),
    (Hint.FORGERY_BY_DJANGO, r"csrf verification failed"),
    (Hint.FORGERY_BY_RAILS, r"invalidauthenticitytoken"),
    (Hint.FORGERY_BY_LARAVEL, r"csrf token mismatch|page expired"),
    (
        Hint.ORIGIN_CHECK,
        r"cross-site \w{3,6} form submissions are forbidden|origin checking failed|invalid server actions request"
        r"|match request\.base_url",
    ),
    (Hint.HOST_REFUSED_BY_VITE, r"blocked request\. this host"),
    (Hint.HOST_REFUSED_BY_WEBPACK, r"invalid host header"),
    (Hint.HOST_REFUSED_BY_RAILS, r"blocked hosts?:"),
    (Hint.HOST_REFUSED_BY_DJANGO, r"invalid http_host header"),
    (Hint.BAD_REQUEST_BY_DJANGO, r"<h1>bad request \(400\)</h1>"),
    (Hint.TOO_LARGE, r"request entity too large|payload ?too ?large|content too large|request body too large"),
    (
        Hint.INVOKER_MISSING,
        r"does not have permission to (?:(?:get|access) )?(?:the requested )?url|request was not authenticated",
    ),
    (Hint.UNEXPECTED_ENDPOINT, r"unexpected endpoint or method"),
    (Hint.TUNNEL_WARNING, r"err_ngrok_6024|you are about to visit|tunnel password"),
    (
        Hint.FIREWALL,
        r"error code: 10(?:06|07|08|09|10|11|12|15|20)\b|request blocked\.|configured to block access from your country"
        r"|attention required! \| cloudflare|sorry, you have been blocked"
        r"|the requested url was rejected\. please consult|reference&#32;&#35;|incapsula incident id"
        r"|access denied - sucuri|the request is blocked\.|captcha-delivery\.com/",
    ),
    (Hint.METHOD_NOT_FORWARDED, r"not configured to allow the http request method"),
    (
        Hint.FUNCTION_FAILED,
        r"worker threw exception|error code: 110[12]\b|function_invocation_(?:failed|timeout)"
        r"|error: could not handle the request|endpoint request timed out"
        r"|\"errortype\": ?\"[^\"]{0,100}\", ?\"errormessage\""
        r"|\"code\": ?\"(?:boot_error|worker_(?:error|limit|resource_limit|already_retired)|idle_timeout)\"",
    ),
    (
        Hint.NO_APPLICATION,
        r"\"application not found\"|>no such app<|deployment_not_found|the deployment could not be found"
        r"|there isn't a github pages site here|<h1>application is not available</h1>"
        r"|this web app is stopped|<title>web app - unavailable",
    ),
    (Hint.NO_FUNCTION, r"requested function was not found"),
    (Hint.PAGES_ONLY, r"aadsts9002326\b"),
    (Hint.CLIENT_CERTIFICATE, r"no required ssl certificate was sent"),
    (Hint.ACCESS_POLICY, r"rbac: access denied"),
    (Hint.HEADERS_TOO_LARGE, r"request header or cookie too large|request header fields too large"),
    (
        Hint.PLAIN_TO_TLS,
        r"plain http request was sent to https port|http request to an https server|speaking plain http to an ssl"
        r"|combination of host and port requires tls",
    ),
    (Hint.CORS_SWITCHED_OFF, r"cors is disabled for this route"),
    (Hint.MOD_SECURITY, r"generated by mod_security"),
    (Hint.SCRIPT_CHECK, r"slowaes\.decrypt|src=\"/aes\.js\""),
    (
        Hint.WILDCARD_WITH_CREDENTIALS,
        r"when allowcredentials is true, allowedorigins cannot|does not allow specifying a wildcard \(any\) origin",
    ),
    (Hint.NOT_STARTED, r"http error 50[02]\.\d|app failed to start"),
    (Hint.OUTPUT_BEFORE_HEADERS, r"warning(?:</b>)?: {1,2}cannot modify header information - headers already sent by"),
    (Hint.PHP_ERROR, r"<b>(?:fatal|parse) error</b>:|^\s*(?:php )?(?:fatal|parse) error: "),
    (Hint.APIGEE_CREDENTIALS, r"\"errorcode\": ?\"(?:steps\.)?(?:oauth\.v2|keymanagement)\."),
    (Hint.WSO2_CREDENTIALS, r"\"code\": ?\"?90090[0-9]"),
    (Hint.ENVOY_JWT, r"^\s*jwt (?:is missing|is expired|verification fails|is not in the form|issuer is not)"),
    (Hint.HAPROXY_UNAVAILABLE, r"no server is available to handle this request\."),
    (
        Hint.SUPABASE_JWT,
        r"(?:\"code\": ?401, ?\"message\"|^\s*\{\s*\"msg\"): ?\"(?:error: )?"
        r"(?:invalid jwt|missing authorization header)\"",
    ),
    (
        Hint.WEBSOCKET_ORIGIN,
        r"request origin .{1,200} is not authorized for host|origin not allowed by upgrader|websocket: request origin",
    ),
    (Hint.SIGN_IN, r"<input[^>]{0,200}type=[\"']?password"),
)


@cache
def _phrases() -> tuple[tuple[Hint, re.Pattern[str]], ...]:
    """Return the phrases, compiled when the first body is read."""
    return tuple((hint, re.compile(pattern)) for hint, pattern in _PHRASES)


def hints_in(content_type: str | None, body: bytes | str) -> tuple[Hint, ...]:
    """Return what the beginning of a body says; empty for what is no text, JSON or XML.

    ``body`` is decoded from its content coding; a ``str`` is taken as it is.
    """
    if not body or (content_type and not _READABLE.match(content_type)):
        return ()
    text = body[:LOOKED_AT].decode("utf-8", "replace") if isinstance(body, bytes) else body[:LOOKED_AT]
    text = text.lower()
    found = tuple(hint for hint, pattern in _phrases() if pattern.search(text))
    # WordPress' admin-ajax.php answers 0 to an action that it does not know.
    if content_type is not None and content_type.startswith("text/html") and text.lstrip()[:1] in ("{", "[", "0"):
        return (*found, Hint.DATA_AS_HTML)
    return found


_IN_REASONS: Final = frozenset({Hint.CORS_REFUSED, Hint.ORIGIN_REFUSED, Hint.METHOD_REFUSED, Hint.HEADERS_REFUSED})


def reason_hints(status: int, reason: str) -> tuple[Hint, ...]:
    """Return what CORS code says in the reason phrase of HTTP/1 in place of a body, as Quarkus and Vert.x do."""
    if status < 400 or "cors" not in reason.lower():
        return ()
    return tuple(hint for hint in hints_in(None, reason[:200]) if hint in _IN_REASONS)


def response_hints(status: int, headers: HeaderList, raw: bytes | None, reason: str = "") -> tuple[Hint, ...]:
    """Return what a response's body says, where its reason may be there: in errors, and in pages instead of data.

    ``raw`` is the body as sent, at least its first ``CODED`` bytes. Without one the reason phrase counts.
    """
    if not raw:
        return reason_hints(status, reason)
    content_type = headers.content_type
    if status < 400 and headers.allow_origin:
        # Looking costs more than judging, and here is nothing to explain.
        return ()
    if status < 400 and not (content_type or "").startswith(("text/html", "application/json")):
        return ()
    return hints_in(content_type, decoded_beginning(headers.content_encoding or "", raw[:CODED]))


def decoded_beginning(coding: str, data: bytes) -> bytes:
    """Return the beginning of a body without its content coding; empty where that cannot be undone."""
    coding = coding.strip().lower()
    try:
        match coding:
            case "" | "identity":
                return data[:LOOKED_AT]
            case "gzip" | "x-gzip" | "deflate":
                wbits = 47 if "gzip" in coding or data[:1] == b"\x78" else -15
                return zlib.decompressobj(wbits).decompress(data, LOOKED_AT)
            case _:
                return b""
    except Exception:
        # Whatever a broken coding raises: the body then says nothing.
        return b""
