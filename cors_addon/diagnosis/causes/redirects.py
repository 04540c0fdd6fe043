"""Where a redirect leads that CORS does not survive, and why it was sent."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from ...catalogue.violation import FixOwner
from ...fetch.messages import Response
from ...fetch.redirects import redirect_target
from ...verdict.failure_details import without_user_info
from ...verdict.model import Cause, Confidence, Finding
from .cause import CauseEntry
from .context import Scene, shown

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

_CALL_IT: Final = "Call the URL at which the redirect ends: "

LOGIN: Final = CauseEntry(
    "redirected-to-login",
    "The session is over, or was never seen, and the request is redirected to a login",
    "The redirect leads to a URL of a login: by its host, its path, or parameters of SAML, OAuth or OpenID Connect.",
    FixOwner.SERVER,
    "Answer requests of scripts with 401 and CORS headers, and let the page go to the login itself; on the page, treat "
    "this failure as the end of the session. Exempt OPTIONS from the login.",
)
HTTPS: Final = CauseEntry(
    "redirected-to-https",
    "The page calls http, and the server sends it to https",
    "The redirect leads to the same URL with https.",
    FixOwner.CLIENT,
    f"{_CALL_IT}with https in place of http.",
)
DOWNGRADE: Final = CauseEntry(
    "redirected-to-http",
    "The server redirects to http, for it does not know that https is spoken in front of it",
    "The redirect leads from https to http at the same host.",
    FixOwner.SERVER,
    "Tell the application that a gateway terminates TLS (X-Forwarded-Proto and the framework's setting to trust it), "
    "or call the final URL directly.",
)
SLASH: Final = CauseEntry(
    "redirected-for-slash",
    "The URL has a slash too many at its end, or one too few",
    "The redirect leads to the same URL but for a slash at the end of the path.",
    FixOwner.CLIENT,
    f"{_CALL_IT}write the path with or without the slash as the server has it, or switch such redirects off.",
)
WWW: Final = CauseEntry(
    "redirected-for-www",
    "The site redirects between its host with www. and without",
    "The redirect leads to the same URL but for www. in front of the host.",
    FixOwner.CLIENT,
    f"{_CALL_IT}with the host that the site prefers.",
)
LOCALE: Final = CauseEntry(
    "redirected-for-locale",
    "The server redirects to a language's path",
    "The redirect puts a language in front of the path, such as /en.",
    FixOwner.CLIENT,
    f"{_CALL_IT}with the language, or exempt the API's paths from the redirect.",
)
HOST: Final = CauseEntry(
    "redirected-to-other-host",
    "What is called has moved to another host",
    "The redirect leads to the same path at another host.",
    FixOwner.CLIENT,
    f"{_CALL_IT}at its new host.",
)
PATH: Final = CauseEntry(
    "redirected-to-other-path",
    "What is called is answered at another path of the same host",
    "The redirect leads to another path, and to no login.",
    FixOwner.CLIENT,
    f"{_CALL_IT}or have the old path answer itself.",
)
WITHOUT_HEADERS: Final = CauseEntry(
    "redirect-without-headers",
    "The redirect itself has no CORS headers",
    "Redirects are answers too: browsers check each one before they follow it.",
    FixOwner.SERVER,
    "Have the CORS code cover redirects as well, or spare the redirect: call the final URL directly.",
)

LOOP: Final = CauseEntry(
    "redirect-loop",
    "The redirects go round in a circle",
    "A URL is there more than once in the chain of redirects.",
    FixOwner.SERVER,
    "Find the two rules that contradict each other: often one adds what the other takes away (https, www, slash), or a "
    "cookie that the first sets does not come back.",
)

ENTRIES: Final = (LOOP, LOGIN, HTTPS, DOWNGRADE, SLASH, WWW, LOCALE, HOST, PATH, WITHOUT_HEADERS)

_LOGIN_WORDS: Final = re.compile(
    r"(?:log-?in|sign-?in|log-?on|sso|single-sign-on|saml2?|adfs|oauth2?|oidc|openid(?:-connect)?|authorize|authenticate|cas"
    r"|authn?|wsfed|idp|shibboleth|accounts?|session|sessions|passport|auth-?start|u2f|mfa|2fa)(?:\.\w+)?"
)
_SURE_WORDS: Final = re.compile(
    r"log-?in|sign-?in|log-?on|sso|saml|adfs|oauth|oidc|openid|authorize|authenticate|shibboleth"
)
_LOGIN_HOSTS: Final = re.compile(
    r"(?:^|\.)(?:login\.microsoftonline\.com|login\.live\.com|accounts\.google\.com|okta\.com|oktapreview\.com|auth0\.com"
    r"|cloudflareaccess\.com|onelogin\.com|pingidentity\.com|pingone\.com|amazoncognito\.com|duosecurity\.com"
    r"|b2clogin\.com|ciamlogin\.com|clerk\.accounts\.dev|workos\.com)$|^(?:login|sso|idp|auth|signin|accounts|iam|adfs|cas)\."
)
_SURE_HOSTS: Final = re.compile(r"(?:login|log-in|signin|sign-in|sso|idp|adfs)\.")
_LOGIN_PARAMETERS: Final = frozenset(
    {"samlrequest", "relaystate", "response_type", "redirect_uri", "wtrealm", "code_challenge"}
)
_RETURN_PARAMETERS: Final = frozenset(
    {"returnurl", "return_url", "returnto", "return_to", "next", "continue", "redirect", "redirect_to", "service", "rd"}
)
_LANGUAGE: Final = re.compile(r"/[a-z]{2}(?:[-_][A-Za-z]{2})?(?=/|$)")


def redirected(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a redirect that fails: the preflight's, or one without headers, or one that must not be followed."""
    response = scene.record.exchange.response
    if response is None:
        return
    kind = _kind(scene.url, response)
    if kind is not None:
        entry, confidence, how = kind
        said = f"{'the preflight' if scene.is_preflight else 'the request'} got {scene.status}: {how}"
        yield entry.named(confidence, said, (scene.id,))
        if not scene.is_preflight and finding.id == "allow-origin-missing":
            known = scene.allowing
            if known is not None and entry is not LOGIN:
                message = f"the redirect has no Access-Control-Allow-Origin, flow {known.flow} of the host has"
                yield WITHOUT_HEADERS.named(MEDIUM, message, (scene.id, known.flow))
        return
    hop = scene.correlator.get(scene.record.redirected_from)
    if hop is None or hop.seen is None:
        return
    before = _kind(hop.exchange.request.url, hop.seen)
    if before is not None and before[0] is LOGIN:
        _, confidence, how = before
        yield LOGIN.named(confidence, f"flow {hop.id} got {hop.seen.status}: {how}", (hop.id, scene.id))


def of_preflight(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For what else fails in a preflight's answer because it is a redirect."""
    if scene.is_preflight and scene.is_redirect:
        yield from redirected(finding, scene)


def too_many(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a chain that does not end."""
    chain = scene.correlator.chain(scene.record)
    urls = [record.exchange.request.url for record in chain]
    again = next((record for record, url in zip(chain, urls, strict=True) if urls.count(url) > 1), None)
    if again is not None:
        where = shown(without_user_info(again.exchange.request.url.partition("?")[0]), 120)
        message = f"{where} (flow {again.id}) is there {urls.count(again.exchange.request.url)} times in the chain"
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
    login = _login(here.hostname or "", there.hostname or "", there.path, there.query)
    to = shown(without_user_info(target.url.partition("?")[0]), 120)
    if login is not None:
        confidence, why = login
        return LOGIN, confidence, f"it leads to a login, {to} ({why})"
    hosts = (here.hostname or "").lower(), (there.hostname or "").lower()
    by_hsts = "non-authoritative-reason" in response.headers
    if hosts[0] == hosts[1]:
        return _same_host(here.scheme, there.scheme, here.path or "/", there.path or "/", to, by_hsts)
    if hosts[0].removeprefix("www.") == hosts[1].removeprefix("www."):
        return WWW, HIGH, f"it leads to {to}"
    same = _bare(here.path) == _bare(there.path)
    return HOST, HIGH if same else MEDIUM, f"it leads to another host, {to}"


def _same_host(
    scheme: str, to_scheme: str, path: str, to_path: str, to: str, by_hsts: bool
) -> tuple[CauseEntry, Confidence, str] | None:
    if (scheme, to_scheme) == ("https", "http"):
        return DOWNGRADE, HIGH, f"it leads back to http, {to}"
    if (scheme, to_scheme) == ("http", "https") and _bare(path) == _bare(to_path):
        why = " (the browser knows the host for https only)" if by_hsts else ""
        return HTTPS, HIGH, f"it leads to {to}{why}"
    if path != to_path and _bare(path) == _bare(to_path):
        how = "with a slash at the end" if to_path.endswith("/") else "without the slash at the end"
        return SLASH, HIGH, f"it leads to the same path {how}, {to}"
    language = _LANGUAGE.match(to_path)
    if language is not None and not _LANGUAGE.match(path) and _bare(to_path[language.end() :] or "/") == _bare(path):
        return LOCALE, HIGH, f"it leads to {to}"
    if path == to_path:
        return None
    return PATH, MEDIUM, f"it leads to {to}"


def _bare(path: str) -> str:
    return path.rstrip("/").lower() or "/"


def _login(host: str, to_host: str, path: str, query: str) -> tuple[Confidence, str] | None:
    """Say how sure, and by what, a redirect's target is a login; ``None`` where it is none."""
    names = {name.lower() for name, _ in parse_qsl(query[:4_000], keep_blank_values=True)}
    protocol = sorted(names & _LOGIN_PARAMETERS)
    words = [word.lower() for word in path.split("/") if word]
    named = next((word for word in words if _LOGIN_WORDS.fullmatch(word)), None)
    by_host = _LOGIN_HOSTS.search(to_host.lower()) is not None and to_host.lower() != host.lower()
    if "samlrequest" in protocol or ("response_type" in protocol and "redirect_uri" in protocol):
        return HIGH, f"its parameters are those of {'SAML' if 'samlrequest' in protocol else 'OAuth or OpenID Connect'}"
    if by_host and (named is not None or protocol):
        return HIGH, f"{to_host} is a login service"
    sure = named is not None and _SURE_WORDS.match(named) is not None
    if named is not None and sure and (protocol or names & _RETURN_PARAMETERS):
        return HIGH, f"/{shown(named, 30)} with a way back"
    if sure:
        return HIGH if to_host != host else MEDIUM, f"/{shown(named or '', 30)}"
    if by_host and _SURE_HOSTS.match(to_host.lower()):
        return HIGH, f"{to_host} is a host for logins"
    if by_host or (named is not None and (protocol or names & _RETURN_PARAMETERS)):
        return MEDIUM, f"{to_host} or its path speaks of a login"
    return None
