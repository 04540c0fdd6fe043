"""Redirects that should have been navigations: a script's request sent to a login, or to a page for people."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from ...catalogue.violation import FixOwner
from ...fetch.headers import HeaderList
from ...fetch.messages import Request, Response
from ...fetch.redirects import redirect_target
from ...traffic.record import Record
from ...verdict.failure_details import without_user_info
from ...verdict.model import Cause, Confidence, Finding
from ..owner import host_of
from .cause import CauseEntry
from .context import Scene, name_of, shown
from .gateways import is_private_tunnel
from .private_ports import PRIVATE_PORT, gitpods_fix, is_sign_in, is_workstations, public_at, public_at_host
from .sign_in_proxies import OF_THE_NETWORK, proxy_of

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

LOGIN: Final = CauseEntry(
    "redirected-to-login",
    "The request was redirected to a login, and a script cannot sign in there",
    "The redirect leads to a URL of a login: by its host, its path, or parameters of SAML, OAuth or OpenID Connect.",
    FixOwner.SERVER,
    "Answer scripts with 401 and CORS headers instead of a redirect, and let the page go to the login itself "
    "(window.location). On the page, treat this failure as the end of the session: sign in again.",
    headers_help=False,
    decisive=True,
)
PREFLIGHT_LOGIN: Final = CauseEntry(
    "preflight-redirected-to-login",
    "The preflight is redirected to a login, because it carries no cookie or token",
    "A preflight got a redirect to a URL of a login. Preflights never carry credentials.",
    FixOwner.GATEWAY,
    "Exempt OPTIONS from the login, so that the CORS code answers preflights. Answer other requests of scripts with "
    "401 and CORS headers instead of a redirect.",
    decisive=True,
)
FRAMEWORK: Final = CauseEntry(
    "visit-redirected-elsewhere",
    "The framework's request was redirected to another origin, and it has to be a navigation",
    "A request of Inertia, Turbo, htmx, Livewire, Unpoly or Next.js was redirected to a page of another origin.",
    FixOwner.SERVER,
    "Make the browser navigate: a plain link or form, or window.location on the page.",
    headers_help=False,
    decisive=True,
)
TO_PAGE: Final = CauseEntry(
    "redirected-to-page",
    "A script's request was redirected to a page of another origin, which has to be a navigation",
    "The redirect ends at another origin with HTML and without CORS headers.",
    FixOwner.SERVER,
    "Return the URL as data in place of the redirect, and set window.location on the page; or submit a plain form.",
    headers_help=False,
    decisive=True,
)
MANIFEST: Final = CauseEntry(
    "manifest-without-credentials",
    "The browser fetches the manifest without cookies, so the sign-in always answers",
    "Sec-Fetch-Dest: manifest and a redirect to a sign-in, or 401.",
    FixOwner.CLIENT,
    'Write <link rel="manifest" crossorigin="use-credentials" href="...">, or serve the manifest without sign-in (a '
    "private tunnel port: make the port public).",
    headers_help=False,
    decisive=True,
)

ENTRIES: Final = (LOGIN, PREFLIGHT_LOGIN, FRAMEWORK, PRIVATE_PORT, TO_PAGE, MANIFEST)

_LOGIN_WORDS: Final = re.compile(
    r"(?:log-?in|sign-?in|log-?on|sso|single-sign-on|saml2?|adfs|oauth2?|oidc|openid(?:-connect)?|authorize|authenticate|cas"
    r"|authn?|wsfed|idp|shibboleth|accounts?|session|sessions|passport|auth-?start|u2f|mfa|2fa"
    r"|my\.policy|siteminderagent|dana-na|nidp|cookieauth)(?:\.\w+)?"
)
_SIGN_OUT: Final = re.compile(r"/(?:log-?out|sign-?out|log-?off|end_?session)\b", re.IGNORECASE)
_SESSION_OVER: Final = (
    "Treat this failure as the end of the session, and go to the login (window.location). To let the page read the "
    "status, add the CORS headers in the proxy in front: {} sends none with its own responses."
)
_ON_THE_NETWORK: Final = "In the browser's network"
_SIGNS_IN: Final = "A script requests a sign-in page, which a browser has to navigate to"
_SIGNS_OUT: Final = "A script requests the sign-out, which a browser has to navigate to"
_SURE_WORDS: Final = re.compile(
    r"log-?in|sign-?in|log-?on|sso|saml|adfs|oauth|oidc|openid|authorize|authenticate|shibboleth"
    r"|my\.policy|siteminderagent|dana-na|nidp|cookieauth"
)
_LOGIN_HOSTS: Final = re.compile(
    r"(?:^|\.)(?:login\.microsoftonline\.com|login\.windows\.net|login\.live\.com|accounts\.google\.com|okta\.com"
    r"|oktapreview\.com|auth0\.com|cloudflareaccess\.com|onelogin\.com|pingidentity\.com|pingone\.com|amazoncognito\.com"
    r"|duosecurity\.com|b2clogin\.com|ciamlogin\.com|clerk\.accounts\.dev|workos\.com)$"
    r"|^(?:login|sso|idp|auth|signin|accounts|iam|adfs|cas)\."
)
_SURE_HOSTS: Final = re.compile(r"(?:login|log-in|signin|sign-in|sso|idp|adfs)\.")
_LOGIN_PARAMETERS: Final = frozenset(
    {"samlrequest", "relaystate", "response_type", "redirect_uri", "wtrealm", "code_challenge"}
)
_RETURN_PARAMETERS: Final = frozenset(
    {"returnurl", "return_url", "returnto", "return_to", "next", "continue", "redirect", "redirect_to", "redirect_url"}
    | {"service", "rd", "callbackurl", "callback_url", "originalurl", "target"}
)

_FRAMEWORKS: Final = (
    (
        "x-inertia",
        "An Inertia visit",
        "Return Inertia::location($url) (409 with X-Inertia-Location). Or use a plain link <a href> instead of an "
        "Inertia link.",
    ),
    (
        "turbo-frame",
        "A Turbo request",
        'Put data-turbo="false" on the link or form, so that the browser navigates.',
    ),
    (
        "x-turbo-request-id",
        "A Turbo request",
        'Put data-turbo="false" on the link or form, so that the browser navigates.',
    ),
    (
        "hx-request",
        "An htmx request",
        "Send HX-Redirect: URL with status 200 instead of a redirect, so that htmx navigates.",
    ),
    (
        "x-livewire",
        "A Livewire request",
        "Return $this->redirect($url) from the component, so that Livewire navigates. Or use a plain link.",
    ),
    (
        "x-up-version",
        "An Unpoly request",
        "Put up-follow=false on the link, so that the browser navigates.",
    ),
    (
        "rsc",
        "Next.js, fetching a page for its router,",
        "Link to other origins with <a> instead of <Link>, or set prefetch={false}, and let the page go to the login.",
    ),
    (
        "next-router-prefetch",
        "Next.js, prefetching a page,",
        "Link to other origins with <a>, not <Link>.",
    ),
    ("x-sveltekit-invalidated", "SvelteKit's router", "Put data-sveltekit-reload on the link."),
)


def to_navigation(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a redirect to a login or a page for people: where it is sent, and where it ends."""
    if not scene.is_redirect:
        if is_private_tunnel(scene.headers):
            fix = public_at_host(scene.host)
            yield PRIVATE_PORT.named(HIGH, f"{scene.status} with WWW-Authenticate: tunnel", (scene.id,), fix=fix)
            return
        bare = not scene.server and not scene.challenge and "content-type" not in scene.headers
        fix_at_gitpod = gitpods_fix(scene.host, scene.status, bare)
        if fix_at_gitpod is not None:
            how = f"{scene.status} without a word from {scene.host}"
            yield PRIVATE_PORT.named(HIGH, how, (scene.id,), fix=fix_at_gitpod)
            return
        guard = proxy_of("", scene.headers) if scene.status in (401, 403) else None
        if guard is not None:
            entry = PREFLIGHT_LOGIN if scene.is_preflight else LOGIN
            asker = "a preflight" if scene.is_preflight else "a script"
            title = f"{guard[0]} asks for a sign-in, and {asker} cannot sign in"
            how = f"{name_of(scene.record)} got {scene.status} with its cookie"
            fix, who = (guard[1], None) if scene.is_preflight else (_SESSION_OVER.format(guard[0]), FixOwner.CLIENT)
            yield entry.named(HIGH, how, (scene.id,), fix=fix, title=title, who=who)
            return
    # A login redirects further on its own: it is the server that sent the script there that has to be changed.
    for record in (*scene.hops, scene.record) if scene.is_redirect else scene.hops:
        response = record.exchange.response
        named = [] if response is None else [*_of_redirect(scene, record, response)]
        if named:
            yield from named
            return
    if scene.hop is not None and not scene.is_redirect:
        yield from _to_a_page(scene, scene.hop)


def _to_a_page(scene: Scene, hop: Record) -> Iterator[Cause]:
    """For a redirect to an HTML page of another origin, such as a checkout: meant for a form, sent to a script."""
    kind = (scene.headers.get("Content-Type") or "").lower()
    if scene.status < 300 and kind.startswith("text/html") and _leaves_origin(hop.exchange.request.url, scene.url):
        how = f"{name_of(hop)} was redirected to {shown(scene.host, 80)}, which sent HTML"
        # What answers a POST like this is made for a form.
        answered = hop.exchange.response
        form = hop.exchange.request.method == "POST" and answered is not None and answered.status in (302, 303)
        sure = HIGH if form else MEDIUM
        yield TO_PAGE.named(sure, how, (hop.id, scene.id), where=f"On the server {host_of(hop.exchange.request.url)}")


def _of_redirect(scene: Scene, record: Record, response: Response) -> Iterator[Cause]:
    request = record.exchange.request
    found = login_of(request.url, response)
    target = redirect_target(request.url, response)
    if target is None or target.failure is not None:
        return
    to = shown(without_user_info(target.url.partition("?")[0]), 120)
    flows = (record.id, scene.id)
    said = f"{name_of(record)} got {response.status} to {to}"
    here = host_of(request.url)
    if is_sign_in(target.url) or (is_workstations(here) and _leaves_origin(request.url, target.url)):
        if scene.record.classification.destination == "manifest":
            yield MANIFEST.named(HIGH, said, flows)
        yield PRIVATE_PORT.named(HIGH, said, flows, fix=public_at(here, target.url))
        return
    if found is not None and scene.record.classification.destination == "manifest":
        yield MANIFEST.named(HIGH, said, flows)
        return
    by = framework_of(request)
    if by is not None and _leaves_origin(request.url, target.url) and not record.tainted:
        who, fix = by
        about = "a login on another origin" if found is not None else "another origin"
        title = f"{who} was redirected to {about}, which has to be a navigation"
        yield FRAMEWORK.named(HIGH, said, flows, fix=fix, title=title, who=_who(fix), where=_where(fix, record))
        return
    if found is None:
        return
    confidence, why = found
    guard = proxy_of(target.url, response.headers)
    how = f"{said} ({why})" if guard is None else f"{said}, by {guard[0]}"
    signs_out = _SIGN_OUT.search(target.url.partition("?")[0]) is not None or (
        request.method == "GET" and _SIGN_OUT.search(request.url.partition("?")[0]) is not None
    )
    if (signs_out or _LOGIN_HOSTS.search(here)) and not scene.is_preflight and by is None:
        fix = (
            f"Go there instead of requesting it: window.location.assign('{shown(request.url, 120)}'), or a plain form."
        )
        title = _SIGNS_OUT if signs_out else _SIGNS_IN
        yield LOGIN.named(confidence, how, flows, title=title, fix=fix, who=FixOwner.CLIENT)
    elif guard is not None and guard[0] in OF_THE_NETWORK:
        entry = PREFLIGHT_LOGIN if record is scene.record and scene.is_preflight else LOGIN
        named = entry.named(HIGH, how, flows, fix=guard[1], who=FixOwner.BROWSER, where=_ON_THE_NETWORK)
        yield replace(named, headers_help=False)
    elif record is scene.record and scene.is_preflight:
        yield PREFLIGHT_LOGIN.named(confidence, how, flows, fix=None if guard is None else guard[1])
    else:
        own = None if guard is None else f"{LOGIN.fix} {guard[1]}"
        yield LOGIN.named(confidence, how, flows, fix=own, where=f"On the server {host_of(request.url)}")


def login_of(url: str, response: Response) -> tuple[Confidence, str] | None:
    """Say how sure, and by what, a redirect leads to a login; ``None`` where it leads to none."""
    target = redirect_target(url, response)
    if target is None or target.failure is not None:
        return None
    try:
        here, there = urlsplit(url), urlsplit(target.url)
        return _login(here.hostname or "", there.hostname or "", there.path, there.query, response.headers)
    except ValueError:
        # The standard knows hosts that urllib refuses.
        return None


def _login(host: str, to_host: str, path: str, query: str, headers: HeaderList) -> tuple[Confidence, str] | None:
    names = {name.lower() for name, _ in parse_qsl(query[:4_000], keep_blank_values=True)}
    protocol = sorted(names & _LOGIN_PARAMETERS)
    words = [word.lower() for word in path.split("/") if word]
    named = next((word for word in words if _LOGIN_WORDS.fullmatch(word)), None)
    by_host = _LOGIN_HOSTS.search(to_host.lower()) is not None and to_host.lower() != host.lower()
    if "samlrequest" in protocol or ("response_type" in protocol and "redirect_uri" in protocol):
        return HIGH, f"its parameters are those of {'SAML' if 'samlrequest' in protocol else 'OAuth or OpenID Connect'}"
    if proxy_of(f"https://{to_host}{path}", headers) is not None:
        return HIGH, "a cookie and the path of a login service"
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


def framework_of(request: Request) -> tuple[str, str] | None:
    """Return the framework that makes a request in place of a navigation, and what to do about a redirect."""
    return next(((who, fix) for header, who, fix in _FRAMEWORKS if header in request.headers), None)


def _who(fix: str) -> FixOwner:
    return FixOwner.SERVER if fix.startswith(("Return", "Send")) else FixOwner.CLIENT


def _where(fix: str, record: Record) -> str:
    """Name the server that sent the redirect: the one that failed is another."""
    return f"On the server {host_of(record.exchange.request.url)}" if _who(fix) is FixOwner.SERVER else ""


def _leaves_origin(url: str, target: str) -> bool:
    return urlsplit(url).netloc.lower() != urlsplit(target).netloc.lower()
