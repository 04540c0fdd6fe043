"""Where a platform's CORS is set: in a plan, this replaces the advice to register middleware."""

from typing import Final

_BUCKET: Final = "Add a CORS rule to the bucket: origin {origin}, with the method and the headers below."

SETTINGS: Final = {
    "Amazon S3": ("In the bucket's Permissions, under CORS", _BUCKET),
    "Google Cloud Storage": ("In the bucket's configuration (gcloud storage buckets update --cors-file)", _BUCKET),
    "Azure Blob Storage": ("In the storage account's Resource sharing (CORS)", _BUCKET),
    "Cloudflare R2": ("In the bucket's CORS policy", _BUCKET),
    "DigitalOcean Spaces": ("In the bucket's CORS configurations", _BUCKET),
    "Backblaze B2": ("In the bucket's CORS rules", _BUCKET),
    "Wasabi": ("In the bucket's Settings, under Permissions, CORS", _BUCKET),
    "Box": ("In Box's developer console, at the app's Configuration", "Add {origin} to the CORS Domains."),
    "BigCommerce": (
        "In the request that makes the storefront token",
        "Set allowed_cors_origins to {origin}, and use the new token: each is for one origin.",
    ),
    "Amazon API Gateway": (
        "In API Gateway",
        "Enable CORS for {origin} on the resource (REST API) or on the HTTP API, then deploy the stage. Errors of the "
        "gateway itself need the headers in DEFAULT_4XX and DEFAULT_5XX.",
    ),
    "AWS Lambda function URL": (
        "In the function URL's settings",
        "Configure CORS: allow origin {origin}, the method and the headers below. The function URL then answers "
        "OPTIONS; take CORS headers out of the code, or they are sent twice.",
    ),
    "CloudFront": (
        "In CloudFront, at the distribution's cache behavior",
        "Allow OPTIONS, and attach a response headers policy with CORS for {origin}.",
    ),
    "Google Cloud Functions": (
        "In the function's code",
        "Answer OPTIONS first, before the body and the token are read, and send the headers below with each response, "
        "errors included.",
    ),
    "Azure API Management": (
        "In the Azure portal, at the inbound policies of All APIs or of the API",
        "Add a cors policy with allowed-origins {origin}, the method and the headers below, as the first policy. It "
        "answers OPTIONS before the subscription key is checked. A key in a header hides it at a product, and "
        "a version in a header hides it at an API.",
    ),
    "Azure App Service": (
        "In the Azure portal, at the app's CORS settings",
        "Add {origin} to the allowed origins: the platform then answers OPTIONS. Have either it or the code send the "
        "headers, not both.",
    ),
    "Azure Container Apps": (
        "In the Azure portal, at the container app's CORS settings",
        "Allow origin {origin}, the method and the headers below. Have either the platform or the code send the "
        "headers, not both.",
    ),
    "Azure CDN": (
        "In the Azure portal, at the profile's rules",
        "Add a rule that sets Access-Control-Allow-Origin for {origin}, or have the origin send it and forward Origin.",
    ),
    "Supabase": (
        "In the Edge Function's code",
        "Answer OPTIONS first, before the body is read, and send the same headers with each other response, errors "
        "included.",
    ),
    "Convex": (
        "In convex/http.ts",
        "Return the headers below from the httpAction, and add a route with method OPTIONS that returns 204 with them "
        "(or use corsRouter of convex-helpers).",
    ),
    "Netlify": (
        "In the function's code",
        "Return 204 with the headers below for OPTIONS first, and send the same headers with each other response. "
        "Headers from netlify.toml or _headers do not reach functions.",
    ),
    "Cloudflare Access": (
        "In Cloudflare Zero Trust, at the application's settings",
        "Switch on Bypass options requests to origin, or set the CORS headers there for {origin}.",
    ),
    "Kong": (
        "In Kong",
        "Add the cors plugin to the route or service: it answers OPTIONS before any authentication plugin runs. Or set "
        "run_on_preflight: false on the authentication plugin, where it has that setting (key-auth, jwt and others).",
    ),
    "Apigee": (
        "In Apigee",
        "Attach the CORS policy to the proxy's request PreFlow, before VerifyAPIKey or VerifyAccessToken.",
    ),
    "WSO2 API Manager": (
        "In WSO2 API Manager",
        "Switch CORS on for the API (Runtime Configurations), which answers OPTIONS without a token. Or set OPTIONS to "
        "security None.",
    ),
    "Istio or Envoy": (
        "In Istio",
        "Add a corsPolicy to the VirtualService, and allow OPTIONS in the AuthorizationPolicy, which Istio checks "
        "first. In Envoy itself: put the cors filter before jwt_authn, or set bypass_cors_preflight there.",
    ),
    "Clerk": ("In Clerk, by its Backend API (PATCH /v1/instance)", "Add {origin} to allowed_origins."),
    "WorkOS": ("In the WorkOS dashboard, under Authentication, Sessions", "Add {origin} to the allowed origins."),
    "Font Awesome": (
        "In the kit's settings at fontawesome.com",
        "Add the page's domain ({origin}) to the kit's domains, or host the files yourself.",
    ),
    "bunny.net": (
        "In bunny.net, at the pull zone's headers",
        "Switch on CORS headers for the file's extension, or have the origin send them.",
    ),
}
"""By the platform's name: where, and what to write; ``{origin}`` is the page's."""

ORIGIN_LISTS: Final = frozenset({"Azure App Service", "BigCommerce", "Box", "Clerk", "WorkOS"})
"""The platforms whose setting is the very list that refuses an origin."""

AFTERWARDS: Final = {"Amazon API Gateway": ", then deploy the stage"}
"""By the platform's name: what makes a change of its setting count."""


def setting_of(platform: str, origin: str) -> tuple[str, str] | None:
    """Return where a platform's CORS is set and what to write there; ``None`` where it is not known."""
    known = SETTINGS.get(platform)
    return None if known is None else (known[0], known[1].replace("{origin}", origin))
