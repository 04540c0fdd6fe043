"""Access proxies that stand in front of a server and ask people to sign in: how each is told, and its own setting."""

import re
from typing import Final
from urllib.parse import urlsplit

from ...fetch.headers import HeaderList

_ZSCALER: Final = "Zscaler, the company's web proxy"
OF_THE_NETWORK: Final = (_ZSCALER,)
"""Proxies that stand before the browser: the server that was called has no part in what they answer."""

_ANYWHERE: Final = re.compile("")

_PROXIES: Final = (
    (
        _ZSCALER,
        re.compile(r"(?:^|\.)gateway\.(?:zscaler|zscloud|zscalertwo|zscalerthree)\.net$"),
        re.compile(r"^/au"),
        (),
        "Open the site in a tab once, so that the proxy signs you in; or have it exempted from authentication there.",
    ),
    (
        "Cloudflare Access",
        re.compile(""),
        re.compile(r"^/cdn-cgi/access/"),
        ("cf_appsession", "cf_authorization"),
        "In Cloudflare Zero Trust, at the Access application's settings under CORS: switch on Bypass OPTIONS requests "
        "to origin. Access answers 401 instead of a redirect to requests with X-Requested-With: XMLHttpRequest.",
    ),
    (
        "Authelia",
        None,
        _ANYWHERE,
        ("authelia_session",),
        "In the proxy: Exempt OPTIONS from the forward-auth middleware, or give Authelia an access_control rule with "
        "methods: [OPTIONS] and policy: bypass. Authelia answers 401 to X-Requested-With: XMLHttpRequest.",
    ),
    (
        "oauth2-proxy",
        re.compile(""),
        re.compile(r"^/oauth2/(?:start|sign_in)$"),
        ("_oauth2_proxy", "_oauth2_proxy_csrf"),
        "Start oauth2-proxy with --skip-auth-preflight=true (Exempt OPTIONS). Scripts that send Accept: "
        "application/json get 401 instead of a redirect; --api-route=^/api does it for a path.",
    ),
    (
        "Azure App Service authentication",
        re.compile(""),
        re.compile(r"^/\.auth/login/"),
        ("appserviceauthsession",),
        "In the Azure portal, at the App Service's Authentication: answer unauthenticated requests with HTTP 401, or "
        "exclude the API's paths. List the page's origin under CORS, which answers preflights.",
    ),
    (
        "Google Identity-Aware Proxy",
        None,
        _ANYWHERE,
        ("gcp_iap_xsrf_nonce",),
        "In IAP's settings: switch on Allow HTTP OPTIONS (allowHttpOptions), which exempts OPTIONS. Sign in "
        "again on the page.",
    ),
)


def proxy_of(url: str, headers: HeaderList) -> tuple[str, str] | None:
    """Return the access proxy that redirects to its login at ``url``, and its own setting."""
    parts = urlsplit(url)
    cookies = {line.partition("=")[0].strip().lower() for line in headers.get_all("Set-Cookie")}
    for name, host, path, own, fix in _PROXIES:
        if any(cookie.startswith(own) for cookie in cookies):
            return name, fix
        if host is not None and host.search((parts.hostname or "").lower()) and path.search(parts.path):
            return name, fix
    return None
