"""What some causes are called, and how they are cured, in a framework that gives itself away by its response."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from ...traffic.body_hints import Hint
from ...verdict.model import Cause
from .context import Scene, shown
from .responders import by_spring_security

_ASKED: Final = "access-control-request-method"
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
    "Add {path} to paths in config/cors.php (as shipped: api/* and sanctum/csrf-cookie), keep HandleCors among the "
    "global middleware, then run php artisan config:clear."
)
_SYMFONY: Final = (
    "Install nelmio/cors-bundle, and let paths in config/packages/nelmio_cors.yaml cover {path}: the bundle answers "
    "OPTIONS before routing."
)


def _spring(scene: Scene) -> bool:
    """Spring's CORS code always adds its Vary; its Security alone does not.

    https://docs.spring.io/spring-security/reference/servlet/integrations/cors.html
    """
    return by_spring_security(scene.headers) and _ASKED not in scene.varies


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


def in_framework(cause: Cause, scene: Scene) -> Cause:
    """Return a cause in the words of the framework that answered, where one is known to be behind it."""
    for fits, told in _FRAMEWORKS:
        if cause.id in told and not cause.where and fits(scene):
            title, fix = told[cause.id]
            fix = fix.format(
                origin=shown(scene.origin, 100), method=shown(scene.method, 20), path=shown(scene.path, 80)
            )
            return replace(cause, title=title, message=f"{title}: {cause.signal}", fix=fix)
    return cause
