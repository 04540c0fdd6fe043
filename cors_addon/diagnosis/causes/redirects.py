"""Where a redirect leads that CORS does not survive, and why it was sent."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from ...catalogue.violation import FixOwner
from ...fetch.messages import Response
from ...fetch.origins import origin_of
from ...fetch.redirects import redirect_target
from ...verdict.failure_details import without_user_info
from ...verdict.model import Cause, Confidence, Finding
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry, Rank
from .context import Scene, name_of, shown
from .navigations import login_of
from .storage import is_signed

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

_CALL_IT: Final = "Call the URL in the redirect's Location directly"


def _entry(id: str, title: str, signal: str, fix: str, who: FixOwner = FixOwner.CLIENT) -> CauseEntry:
    return CauseEntry(id, title, signal, who, fix, headers_help=False)


HTTPS: Final = _entry(
    "redirected-to-https",
    "The page calls http, and the server redirects to https",
    "The redirect leads to the same URL with https.",
    f"{_CALL_IT}: write https in place of http in the page's code.",
)
DOWNGRADE: Final = _entry(
    "redirected-to-http",
    "The server redirects to http, because it does not know that a proxy in front ends TLS",
    "The redirect leads from https to http at the same host.",
    "Tell the application that its public scheme is https: have the proxy send X-Forwarded-Proto, and the application "
    "trust it (uvicorn: --proxy-headers --forwarded-allow-ips). Or call the final URL directly.",
    FixOwner.SERVER,
)
MIXED: Final = _entry(
    "redirect-to-mixed-content",
    "The redirect leads to http, and a page on https may not load http (mixed content)",
    "The page is on https, and Location begins with http://.",
    "Redirect to https: have the proxy send X-Forwarded-Proto, and the application trust it (uvicorn: "
    "--proxy-headers). Or call the final URL directly, with the slash as the server wants it.",
    FixOwner.SERVER,
)
SLASH: Final = _entry(
    "redirected-for-slash",
    "The URL has a slash too many at its end, or one too few",
    "The redirect leads to the same URL except for a slash at the end of the path.",
    f"{_CALL_IT}: write the path with or without the slash as the server has it, or switch such redirects off.",
)
DOUBLED: Final = _entry(
    "redirected-for-doubled-slash",
    "The URL has a doubled slash",
    "The path has two slashes in a row, and the redirect leads to the same path with one, or the status is 404.",
    "Join base URL and path with a single slash: the base URL ends in one, and the path begins with one.",
)
WWW: Final = _entry(
    "redirected-for-www",
    "The site redirects between its host with www. and without",
    "The redirect leads to the same URL except for www. in front of the host.",
    f"{_CALL_IT}: write the host that the site prefers.",
)
LOCALE: Final = _entry(
    "redirected-for-locale",
    "The server redirects to a language's path",
    "The redirect puts a language in front of the path, such as /en.",
    f"{_CALL_IT}, with the language, or exempt the API's paths from the redirect.",
)
HOST: Final = _entry(
    "redirected-to-other-host",
    "The URL redirects to another host",
    "The redirect leads to another host, and to no login.",
    f"{_CALL_IT}, if it stays the same.",
)
SIGNED: Final = _entry(
    "redirected-to-signed-url",
    "The redirect itself has no CORS headers, and to a signed URL that expires",
    "The redirect has no Access-Control-Allow-Origin, and the target's query holds a signature.",
    "Load the file through a server of your own, or use a URL that the service documents for pages. The signed URL "
    "changes each time, so the page cannot call it directly.",
)
PATH: Final = _entry(
    "redirected-to-other-path",
    "The URL redirects to another path of the same host",
    "The redirect leads to another path, and to no login.",
    f"{_CALL_IT}, or have the old path respond itself.",
)
WITHOUT_HEADERS: Final = CauseEntry(
    "redirect-without-headers",
    "The redirect itself has no CORS headers",
    "Browsers check each redirect before they follow it, and the host's other responses have the headers.",
    FixOwner.SERVER,
    "Have the CORS middleware cover redirects too, or call the final URL directly.",
    rank=Rank.SESSION,
    absent=LACKS_ALLOW_ORIGIN,
)
LOOP: Final = CauseEntry(
    "redirect-loop",
    "The redirects form a loop",
    "A URL occurs more than once in the chain of redirects.",
    FixOwner.SERVER,
    "Find the two rules that contradict each other: often one adds what the other removes (https, www, slash), or a "
    "cookie that the first sets is not sent back.",
    headers_help=False,
)

EXTENSION: Final = CauseEntry(
    "redirected-by-extension",
    "An extension of the browser redirects the request",
    "Chromium's own redirect: Non-Authoritative-Reason is WebRequest API.",
    FixOwner.CLIENT,
    "Switch off the extension's rule, or call its target directly: a preflight may not be redirected, and the server "
    "was never asked.",
    headers_help=False,
    where="In the browser's extensions",
    decisive=True,
)
CARRIED: Final = CauseEntry(
    "redirect-carries-headers",
    "The redirect took the request's own headers along to another host, which does not allow them",
    "The preflight belongs to a request that another host redirected here.",
    FixOwner.CLIENT,
    "Leave the header out of the first request, or get the target's URL from the API as data, and fetch it without the "
    "header (Microsoft Graph: @microsoft.graph.downloadUrl).",
    headers_help=False,
)

DROPPED: Final = CauseEntry(
    "redirect-drops-authorization",
    "The redirect leads to another origin, and browsers leave Authorization out there",
    "The redirected request had Authorization, the one that follows to another origin has none, and gets 401 or 403.",
    FixOwner.CLIENT,
    f"{_CALL_IT}: what a page sets for one origin is not sent on to another.",
    headers_help=False,
    decisive=True,
)

ENTRIES: Final = (
    CARRIED,
    DROPPED,
    LOOP,
    EXTENSION,
    HTTPS,
    DOWNGRADE,
    MIXED,
    SLASH,
    DOUBLED,
    WWW,
    LOCALE,
    HOST,
    SIGNED,
    PATH,
    WITHOUT_HEADERS,
)

_FROM_BACKEND: Final = (
    "Load it from your own backend: the service redirects without CORS headers. Or call the final URL directly, if it "
    "stays the same and allows pages."
)
_OWN_NAME: Final = (
    "Have the proxy before it pass on the public host name (Host or X-Forwarded-Host), and the application trust that: "
    "it redirects to a name of its own, {to}. Or let the page call that one, with CORS set there."
)
_FORM: Final = "The server answers the POST as that of a form: with a cookie, and a redirect to a page"
_NO_FORM: Final = (
    "Answer scripts with 200 or 204 and CORS headers in place of the redirect (Spring Security: successHandler and "
    "failureHandler of formLogin). Or let the page submit a plain form."
)
_LANGUAGE: Final = re.compile(r"/[a-z]{2}(?:[-_][A-Za-z]{2})?(?=/|$)")


def redirected(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a redirect that fails: the preflight's, or one without headers, or one that must not be followed."""
    response = scene.record.exchange.response
    if response is None or not scene.is_redirect or login_of(scene.url, response) is not None:
        return
    said = f"{'OPTIONS' if scene.is_preflight else shown(scene.method, 20)} got {scene.status}"
    if finding.id == "redirect-mixed-content":
        to = shown(without_user_info((response.headers.get("Location") or "").partition("?")[0]), 120)
        yield MIXED.named(
            HIGH, f"{said} with Location: {to}, and the page is {shown(scene.page_shown, 60)}", (scene.id,)
        )
        return
    if (response.headers.get("Non-Authoritative-Reason") or "").lower() == "webrequest api":
        yield EXTENSION.named(HIGH, f"{said} with Non-Authoritative-Reason: WebRequest API", (scene.id,))
        return
    kind = _kind(scene.url, response)
    if kind is None:
        return
    entry, confidence, how = kind
    if entry is DOWNGRADE and not scene.is_preflight and scene.page_shown.startswith("https://"):
        # The page may not follow it anyway.
        entry = MIXED
    fix = _FROM_BACKEND if entry is HOST and scene.is_third_partys else None
    if entry is PATH and scene.method == "POST" and response.status in (302, 303) and "set-cookie" in response.headers:
        yield entry.named(confidence, f"{said} {how}", (scene.id,), title=_FORM, fix=_NO_FORM, who=FixOwner.SERVER)
        return
    yield entry.named(confidence, f"{said} {how}", (scene.id,), fix=fix)
    if not scene.is_preflight and finding.id == "allow-origin-missing":
        known = scene.allowing
        if known is not None:
            message = f"{said} without Access-Control-Allow-Origin, and {name_of(known)} of the host has it"
            yield WITHOUT_HEADERS.named(MEDIUM, message, (scene.id, known.flow))


def carried(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a preflight that a redirect to another host caused."""
    hop = scene.hop
    if finding.id not in ("header-not-allowed", "header-wildcard-with-credentials") or hop is None:
        return
    name = shown(finding.params.get("name", ""), 60)
    first, here = origin_of(hop.exchange.request.url), scene.target
    if not scene.is_preflight or not name or first is None or here is None or first.host == here.host:
        return
    how = f"{name_of(hop)} at {shown(first.host, 60)} redirected to {scene.host}, and {name} went along"
    if first == scene.page and urlsplit(hop.exchange.request.url).path == urlsplit(scene.url).path:
        fix = _OWN_NAME.replace("{to}", scene.host)
        yield CARRIED.named(HIGH, how, (hop.id, scene.id), fix=fix, who=FixOwner.SERVER, where=f"On {first.host}")
        return
    yield CARRIED.named(HIGH, how, (hop.id, scene.id))


def dropped(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a request that a redirect to another origin has deprived of Authorization.

    https://fetch.spec.whatwg.org/#http-redirect-fetch, the step on non-wildcard request-header names
    """
    hop = scene.hop
    if hop is None or scene.is_preflight or scene.status not in (401, 403) or "authorization" in scene.asked:
        return
    first = origin_of(hop.exchange.request.url)
    if "authorization" in hop.exchange.request.headers and first is not None and first != scene.target:
        how = f"{name_of(hop)} at {shown(first.host, 60)} had Authorization, and {scene.host} sent {scene.status}"
        yield DROPPED.named(HIGH, how, (hop.id, scene.id))


def too_many(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a chain that does not end."""
    chain = scene.correlator.chain(scene.record)
    urls = [record.exchange.request.url for record in chain]
    again = next((record for record, url in zip(chain, urls, strict=True) if urls.count(url) > 1), None)
    if again is not None:
        where = shown(without_user_info(again.exchange.request.url.partition("?")[0]), 120)
        message = f"{where} occurs {urls.count(again.exchange.request.url)} times in the chain"
        yield LOOP.named(HIGH, message, (again.id, scene.id))


def _kind(url: str, response: Response) -> tuple[CauseEntry, Confidence, str] | None:
    """Say what a redirect is for; ``None`` where it is none, or leads nowhere."""
    target = redirect_target(url, response)
    if target is None or target.failure is not None:
        return None
    try:
        here, there = urlsplit(url), urlsplit(target.url)
    except ValueError:
        # The standard knows hosts that urllib refuses.
        return None
    to = shown(without_user_info(target.url.partition("?")[0]), 120)
    hosts = (here.hostname or "").lower(), (there.hostname or "").lower()
    by_hsts = "non-authoritative-reason" in response.headers
    if hosts[0] == hosts[1]:
        return _same_host(here.scheme, there.scheme, here.path or "/", there.path or "/", to, by_hsts)
    if hosts[0].removeprefix("www.") == hosts[1].removeprefix("www."):
        return WWW, HIGH, f"to {to}"
    if is_signed(target.url) and not is_signed(url) and "access-control-allow-origin" not in response.headers:
        return SIGNED, HIGH, f"to {to} with a signature in the query"
    same = _bare(here.path) == _bare(there.path)
    return HOST, HIGH if same else MEDIUM, f"to {to}"


def _same_host(
    scheme: str, to_scheme: str, path: str, to_path: str, to: str, by_hsts: bool
) -> tuple[CauseEntry, Confidence, str] | None:
    if (scheme, to_scheme) == ("https", "http"):
        return DOWNGRADE, HIGH, f"back to http, {to}"
    if (scheme, to_scheme) == ("http", "https") and _bare(path) == _bare(to_path):
        why = " (the browser knows the host for https only)" if by_hsts else ""
        return HTTPS, HIGH, f"to {to}{why}"
    single = re.sub("/{2,}", "/", path)
    if path != to_path and path != single and _bare(single) == _bare(to_path):
        return DOUBLED, HIGH, f"to the same path with a single slash, {to}"
    if path != to_path and _bare(path) == _bare(to_path):
        how = "with a slash at the end" if to_path.endswith("/") else "without the slash at the end"
        return SLASH, HIGH, f"to the same path {how}, {to}"
    language = _LANGUAGE.match(to_path)
    if language is not None and not _LANGUAGE.match(path) and _bare(to_path[language.end() :] or "/") == _bare(path):
        return LOCALE, HIGH, f"to {to}"
    if path == to_path:
        return None
    return PATH, MEDIUM, f"to {to}"


def _bare(path: str) -> str:
    return path.rstrip("/").lower() or "/"
