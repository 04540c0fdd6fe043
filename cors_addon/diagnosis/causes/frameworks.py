"""What some causes are called, and how they are cured, in a framework that gives itself away by its response."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_HEADERS
from ...traffic.body_hints import Hint
from ...verdict.model import Cause, Confidence, Finding
from .cause import CauseEntry
from .context import Scene, shown
from .cors_code_signs import ASKED_METHOD
from .responders import by_spring_security

DEFAULT_HEADERS: Final = CauseEntry(
    "default-header-list",
    "The CORS code lists its default request headers only",
    "The list is the one with which ingress-nginx, WordPress' REST API or django-cors-headers starts.",
    FixOwner.SERVER,
    "Add the header to the list in the CORS configuration.",
)

ENTRIES: Final = (DEFAULT_HEADERS,)

_DJANGO: Final = (
    "django-cors-headers",
    "In Django's settings.py",
    'Set CORS_ALLOW_HEADERS = (*default_headers, "{name}"), with default_headers from corsheaders.defaults.',
)
_LISTS: Final = {
    # ingress-nginx: internal/ingress/annotations/cors
    "authorization cache-control content-type dnt if-modified-since keep-alive range user-agent x-requested-with": (
        "ingress-nginx",
        "In the Ingress' annotations",
        "Set nginx.ingress.kubernetes.io/cors-allow-headers to the list that is sent now, and {name}.",
    ),
    # WordPress: wp-includes/rest-api/class-wp-rest-server.php
    "authorization content-disposition content-md5 content-type x-wp-nonce": (
        "WordPress' REST API",
        "In a plugin, or in the theme's functions.php",
        "Add {name} to the array in the filter rest_allowed_cors_headers.",
    ),
    # https://github.com/adamchainz/django-cors-headers, corsheaders.defaults, from 4.0 on and before
    "accept authorization content-type user-agent x-csrftoken x-requested-with": _DJANGO,
    "accept accept-encoding authorization content-type dnt origin user-agent x-csrftoken x-requested-with": _DJANGO,
}
"""Lists of header names, sorted, with which programs start: who does, where its list is, and how a name is added."""

_MOST: Final = 20
_SPRING: Final = (
    "Call http.cors(withDefaults()) in the SecurityFilterChain, and define a CorsConfigurationSource bean that allows "
    "{origin}, the method and the headers. Its filter answers preflights before Spring Security asks for a sign-in."
)
_NEXT_ROUTE: Final = (
    "Beside {method} in this route.ts: export an OPTIONS function that returns 204 with the headers below, and send "
    "them with the other responses too. Or set them for the path by headers() in next.config.js."
)
_NEXT_PAGE: Final = (
    "Move what {method} calls into a route handler (app/.../route.ts) that exports OPTIONS too, or into pages/api. Or "
    "answer OPTIONS in middleware.ts (proxy.ts since Next.js 16)."
)
_LARAVEL: Final = (
    "Add {path} to paths in config/cors.php (as shipped: api/* and sanctum/csrf-cookie; Laravel 11 and later write the "
    "file by php artisan config:publish cors). Keep HandleCors among the global middleware, then run config:clear."
)
_APACHE: Final = (
    "Where Apache itself asks: write Require valid-user within <LimitExcept OPTIONS>, and answer OPTIONS with the "
    "headers below."
)
_NGINX: Final = (
    "Where nginx itself asks: put auth_basic and auth_basic_user_file into limit_except OPTIONS { ... }, and answer "
    "OPTIONS with the headers below."
)
_IIS: Final = (
    "Install the IIS CORS module and list {origin} in web.config: it answers preflights before authentication. Or "
    "switch anonymous authentication on beside Windows authentication, and let the application allow OPTIONS."
)
_SYMFONY: Final = (
    "Install nelmio/cors-bundle, and let paths in config/packages/nelmio_cors.yaml cover {path}: the bundle answers "
    "OPTIONS before routing."
)


def _password(server: str, *schemes: str) -> Callable[[Scene], bool]:
    """Return a test whether a web server may ask a preflight for a password itself."""
    return lambda scene: (
        scene.is_preflight
        and scene.status == 401
        and scene.server.lower().startswith(server)
        and scene.challenge.partition(": ")[2].lower().startswith(schemes)
    )


def _spring(scene: Scene) -> bool:
    """Spring's CORS code always adds its Vary; its Security alone does not.

    https://docs.spring.io/spring-security/reference/servlet/integrations/cors.html
    """
    return by_spring_security(scene.headers) and ASKED_METHOD not in scene.varies


def _next(scene: Scene) -> bool:
    """Next.js answers OPTIONS with 204 and Allow for a route without such an export, and with 400 for a page.

    Next.js' auto-implement-methods.ts and base-server.ts; https://github.com/vercel/next.js/issues/75633
    """
    by = scene.headers.get("X-Powered-By") == "Next.js"
    return scene.is_preflight and (by or "next-router-state-tree" in scene.varies)


_FRAMEWORKS: Final[tuple[tuple[Callable[[Scene], bool], Mapping[str, tuple[str, str]]], ...]] = (
    (
        _spring,
        {
            "preflight-meets-auth": ("Spring Security rejects the preflight before Spring's CORS code runs", _SPRING),
            "preflight-redirected-to-login": (
                "Spring Security redirects the preflight to its login before Spring's CORS code runs",
                _SPRING,
            ),
            "auth-before-cors": ("Spring Security rejects the request before Spring's CORS code runs", _SPRING),
        },
    ),
    (
        _next,
        {
            "options-without-cors": (
                "Next.js answers OPTIONS itself, because the route exports no OPTIONS function",
                _NEXT_ROUTE,
            ),
            "preflight-meets-validation": ("Next.js has a page at this URL, and rejects OPTIONS there", _NEXT_PAGE),
        },
    ),
    (
        # https://httpd.apache.org/docs/2.4/mod/core.html#limitexcept
        _password("apache", "basic", "digest"),
        {"preflight-meets-auth": ("The web server asks for a password, which no preflight carries", _APACHE)},
    ),
    (
        # https://nginx.org/en/docs/http/ngx_http_core_module.html#limit_except
        _password("nginx", "basic"),
        {"preflight-meets-auth": ("The web server asks for a password, which no preflight carries", _NGINX)},
    ),
    (
        # https://learn.microsoft.com/iis/extensions/cors-module/cors-module-configuration-reference
        _password("microsoft-iis", "negotiate", "ntlm"),
        {"preflight-meets-auth": ("Windows authentication rejects the preflight, before the CORS code runs", _IIS)},
    ),
    (
        # HandleCors answers the preflights of its paths whether a route takes OPTIONS or not:
        # https://laravel.com/docs/routing#cors
        lambda scene: scene.says(Hint.METHOD_REFUSED_BY_LARAVEL),
        {"preflight-meets-no-route": ("Laravel's HandleCors does not run for this path", _LARAVEL)},
    ),
    (
        lambda scene: "x-debug-token" in scene.headers,
        {"preflight-meets-no-route": ("No route of Symfony takes OPTIONS, and no CORS bundle runs", _SYMFONY)},
    ),
)


def default_headers(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a request header that a list lacks, where the list is a known program's default."""
    known = _LISTS.get(" ".join(sorted(name.lower() for name in scene.listed(ALLOW_HEADERS)[:_MOST])))
    if known is not None:
        who, where, fix = known
        name = shown(finding.params.get("name", ""), 60)
        title = f"{who} lists its default request headers only"
        how = f"{name} is not among them"
        fix = fix.format(name=name)
        yield DEFAULT_HEADERS.named(Confidence.MEDIUM, how, (scene.id,), title=title, where=where, fix=fix)


def in_framework(cause: Cause, scene: Scene) -> Cause:
    """Return a cause in the words of the framework that answered, where one is known to be behind it."""
    for fits, told in _FRAMEWORKS:
        if cause.id in told and not cause.where and fits(scene):
            title, fix = told[cause.id]
            values = {"origin": (scene.origin, 100), "method": (scene.method, 20), "path": (scene.path, 80)}
            for name, (value, most) in values.items():
                fix = fix.replace(f"{{{name}}}", shown(value, most))
            return replace(cause, title=title, message=f"{title}: {cause.signal}", fix=fix, who=FixOwner.SERVER)
    return cause
