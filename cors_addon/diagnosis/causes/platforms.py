"""Answers that a platform itself gave: told from what only that platform writes, with the setting by its own name."""

import re
from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_HEADERS, ALLOW_ORIGIN
from ...traffic.body_hints import Hint
from ...verdict.model import Cause, Confidence, Finding, Snippet
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry, Rank
from .context import Scene, shown
from .gateways import NO_APPLICATION
from .refused_hosts import HOST_REFUSED, host_refused
from .responders import gateway_of, is_without_api_gateway

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

CLOUD_RUN: Final = CauseEntry(
    "cloud-run-iam",
    "Cloud Run's IAM check rejects the request, because only invokers may call the service",
    "Server: Google Frontend with 401 or 403 and no header of an application, or a body that says so.",
    FixOwner.GATEWAY,
    "Select Allow public access, or grant allUsers the role Cloud Run Invoker (roles/run.invoker). Preflights carry no "
    "token, so IAM rejects each of them. Check tokens in the code instead.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
    headers_help=False,
    where="In the Google Cloud console, at the service's Security tab",
    decisive=True,
)
API_ROUTE: Final = CauseEntry(
    "api-gateway-no-route",
    "API Gateway has no such method or path",
    "The response has x-amzn-ErrorType: MissingAuthenticationTokenException, with which API Gateway answers "
    "unknown routes.",
    FixOwner.GATEWAY,
    "Check stage and path of the URL. Add an OPTIONS method to the resource (Enable CORS), then deploy the stage.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
    where="In API Gateway",
    decisive=True,
)
API_MOCK: Final = CauseEntry(
    "api-gateway-mock-fails",
    "API Gateway's own OPTIONS method (a mock integration) fails",
    "OPTIONS got 500 with x-amzn-ErrorType: InternalServerErrorException: binary media types such as */* make the "
    "mock's JSON unreadable.",
    FixOwner.GATEWAY,
    "Set contentHandling to CONVERT_TO_TEXT on the OPTIONS integration, or take */* out of the binary media types. "
    "Then deploy the stage.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
    where="In API Gateway",
    decisive=True,
)
API_AUTHORIZER: Final = CauseEntry(
    "api-gateway-authorizer",
    "An authorizer of API Gateway rejects the preflight",
    "OPTIONS got 401 or 403 with x-amzn-ErrorType Unauthorized or AccessDenied: preflights carry no token.",
    FixOwner.GATEWAY,
    "Set the authorization of the OPTIONS method to NONE (an ANY method covers OPTIONS too), then deploy the stage.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
    where="In API Gateway",
    decisive=True,
)
KONG: Final = CauseEntry(
    "kong-answers-preflight",
    "Kong itself answers the preflight, and the service behind it is never asked",
    "X-Kong-Response-Latency without X-Kong-Upstream-Latency: Kong's cors plugin wrote the response.",
    FixOwner.GATEWAY,
    "Add what is missing to the cors plugin of this route or service: origins, methods, headers. Or set "
    "preflight_continue: true, so that the service answers.",
    rank=Rank.RESPONDER,
    where="In Kong's configuration",
)
KONG_ROUTE: Final = CauseEntry(
    "kong-no-route",
    "Kong has no route for this request",
    "Kong's own 404, whose body says that no route matched.",
    FixOwner.GATEWAY,
    "Add a route with this host, path and method (OPTIONS too, or leave methods out), with the cors plugin.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
    where="In Kong's configuration",
    decisive=True,
)
INGRESS: Final = CauseEntry(
    "ingress-no-route",
    "The ingress has no rule for this host and path, and its default backend answers",
    "The body is that of the default backend of Kubernetes' ingress-nginx.",
    FixOwner.GATEWAY,
    "Add the host and the path to the Ingress, or correct the URL in the page's code.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
    headers_help=False,
    where="In the Ingress resource",
    decisive=True,
)
EASY_AUTH: Final = CauseEntry(
    "app-service-authentication",
    "Azure's built-in authentication answers before the application",
    "Status 401 or 403 with ARRAffinity and the Nonce cookie, or a WWW-Authenticate with the host as its realm and "
    "login.windows.net.",
    FixOwner.GATEWAY,
    "Let unauthenticated requests through (Unauthenticated requests: Allow) and check them in the code, or exclude the "
    "API's paths. List the page's origin under the app's CORS settings, which answer preflights.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
    where="In the Azure portal, at the app's Authentication",
    decisive=True,
)
CLOUDFRONT: Final = CauseEntry(
    "cloudfront-rejects-method",
    "CloudFront itself rejects the method, because the cache behavior does not allow it",
    "OPTIONS got 403 with Server: CloudFront, which only CloudFront's own responses have, or the body says so.",
    FixOwner.GATEWAY,
    "Allow OPTIONS (Allowed HTTP methods: GET, HEAD, OPTIONS, PUT, POST, PATCH, DELETE). Forward Origin and the "
    "Access-Control-Request headers (origin request policy CORS-S3Origin), or attach a response headers policy "
    "with CORS.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
    where="In CloudFront, at the distribution's cache behavior",
)
APPS_SCRIPT: Final = CauseEntry(
    "apps-script-takes-no-preflight",
    "Apps Script cannot answer a preflight",
    "OPTIONS to /macros/s/.../exec, or Server: GSE: web apps of Apps Script take GET and POST only.",
    FixOwner.CLIENT,
    "Send a request without a preflight: the JSON as a string with Content-Type text/plain;charset=utf-8 and no other "
    "header. doPost reads it from e.postData.contents.",
    rank=Rank.RESPONDER,
    headers_help=False,
    decisive=True,
)
SCRIPT_FAILED: Final = CauseEntry(
    "apps-script-failed",
    "The Apps Script failed, or asks for a sign-in, and Google sent a page of its own",
    "A web app of Apps Script sent 200, 401 or 403 with HTML and without CORS headers, or redirected to Google's "
    "sign-in.",
    FixOwner.SERVER,
    "Look for the error under Executions. Deploy a new version as a web app that runs as you, with access for Anyone.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
    headers_help=False,
    where="In the Apps Script project",
    decisive=True,
)
STATIC_HOST: Final = CauseEntry(
    "static-host-takes-no-request",
    "A static host answers, which serves files and runs no code",
    "Status 405 (or 403, 501) from a host of static sites, such as GitHub Pages or an S3 website.",
    FixOwner.CLIENT,
    "Correct the base URL in the page's code: call the host where the API runs.",
    rank=Rank.RESPONDER,
    headers_help=False,
    decisive=True,
)

ENTRIES: Final = (
    *(INGRESS, STATIC_HOST, CLOUD_RUN, API_ROUTE, API_MOCK, API_AUTHORIZER, KONG, KONG_ROUTE),
    *(EASY_AUTH, CLOUDFRONT, APPS_SCRIPT, SCRIPT_FAILED, HOST_REFUSED),
)

_STATIC_HOSTS: Final = re.compile(
    r"\.(?:github\.io|gitlab\.io|surge\.sh|neocities\.org|bitbucket\.io)$|\.s3-website[.-][a-z0-9-]+\.amazonaws\.com$"
)
_SCRIPT_PATH: Final = re.compile(r"/macros/(?:a/[^/]+/)?s/[^/]+/(?:exec|dev)$")
_NO_FUNCTION: Final = "Google Cloud has no function of this name in this region and project"
_THE_FUNCTION: Final = (
    "Deploy the function, or correct region, project and name in the URL (Firebase: name the region in getFunctions)."
)
_OF_APPLICATIONS: Final = ("x-powered-by", "x-cloud-trace-context", "set-cookie", "vary", "etag")


def answered(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For what a platform answered in place of the application."""
    said = f"{'OPTIONS' if scene.is_preflight else shown(scene.method, 20)} got {scene.status}"
    flows = (scene.id,)
    yield from _cloud_run(scene, said)
    yield from _no_function(scene, said)
    yield from _supabase(scene, said)
    yield from _api_gateway(scene, said)
    yield from _kong(scene, said)
    if scene.status in (401, 403) and _is_easy_auth(scene):
        yield EASY_AUTH.named(HIGH, f"{said} with what Azure's authentication sends", flows)
    if (
        scene.is_preflight
        and (_SCRIPT_PATH.search(scene.path) or scene.server == "GSE")
        and ALLOW_ORIGIN not in scene.headers
    ):
        by = "Server: GSE" if scene.server == "GSE" else "the path /macros/s/"
        yield APPS_SCRIPT.named(HIGH, f"{said}; {by}", flows)
    if scene.status == 403 and scene.says(Hint.METHOD_NOT_FORWARDED):
        yield CLOUDFRONT.named(HIGH, f"{said}, and the body says that the distribution does not allow it", flows)
    elif scene.is_preflight and scene.status in (403, 405) and scene.server.lower() == "cloudfront":
        yield CLOUDFRONT.named(MEDIUM, f"{said} with Server: CloudFront", flows)
    if scene.status in (403, 405, 501) and _STATIC_HOSTS.search(scene.host) and scene.method not in ("GET", "HEAD"):
        yield STATIC_HOST.named(HIGH, f"{said} from {scene.host}", flows)
    yield from host_refused(scene, said)
    if not _SCRIPT_PATH.search(scene.path) or scene.is_preflight:
        return
    if scene.is_redirect and (scene.headers.get("Location") or "").startswith("https://accounts.google.com/"):
        yield SCRIPT_FAILED.named(HIGH, f"{said} to accounts.google.com: the web app is not open to Anyone", flows)
    elif scene.status in (401, 403) and _is_html(scene):
        yield SCRIPT_FAILED.named(HIGH, f"{said} and HTML: the web app is not open to Anyone", flows)
    elif scene.status == 200 and _is_html(scene):
        how = f"{said} and HTML without CORS headers: a script that ends well redirects to its result"
        yield SCRIPT_FAILED.named(MEDIUM, how, flows)


def _is_html(scene: Scene) -> bool:
    return (scene.headers.get("Content-Type") or "").lower().startswith("text/html")


def _cloud_run(scene: Scene, said: str) -> Iterator[Cause]:
    if scene.status not in (401, 403) or scene.server.lower() != "google frontend":
        return
    spoken = scene.says(Hint.INVOKER_MISSING)
    if not spoken and (any(name in scene.headers for name in _OF_APPLICATIONS) or scene.has_cors_headers):
        return
    how = f"{said} with Server: Google Frontend" + (
        " and a body that says so" if spoken else " and no application header"
    )
    yield CLOUD_RUN.named(HIGH if spoken else MEDIUM, how, (scene.id,))


def has_no_function(scene: Scene) -> bool:
    """Say whether a 404 is Google's own: a function's has its execution's id (1st gen) or a trace (2nd gen)."""
    lost = scene.owner.name == "Google Cloud Functions" and scene.status == 404
    ran = any(name in scene.headers for name in ("function-execution-id", *_OF_APPLICATIONS))
    return lost and scene.server == "Google Frontend" and not ran


def _no_function(scene: Scene, said: str) -> Iterator[Cause]:
    to = (scene.headers.get("Location") or "") if scene.is_redirect else ""
    if scene.owner.name == "Google Cloud Functions" and to.startswith("https://accounts.google.com/ServiceLogin?"):
        how = f"{said} to Google's sign-in, where Google sends requests for functions that are not there"
        yield NO_APPLICATION.named(MEDIUM, how, (scene.id,), title=_NO_FUNCTION, fix=_THE_FUNCTION)
    if not has_no_function(scene):
        return
    spoken = scene.says(Hint.NO_ROUTE)
    yield NO_APPLICATION.named(
        HIGH if spoken else MEDIUM,
        f"{said} from {scene.server} without Function-Execution-Id{', and the body says so' if spoken else ''}",
        (scene.id,),
        title=_NO_FUNCTION,
        fix=_THE_FUNCTION,
        rank=Rank.EXCHANGE,
    )


def _supabase(scene: Scene, said: str) -> Iterator[Cause]:
    if scene.owner.name != "Supabase":
        return
    if scene.status == 540:
        title = "The Supabase project is paused"
        fix = "Restore the project in Supabase's dashboard."
        yield NO_APPLICATION.named(HIGH, f"{said}, which Supabase sends for it", (scene.id,), title=title, fix=fix)
    elif scene.status == 404 and scene.says(Hint.NO_FUNCTION):
        title = "Supabase has no Edge Function of this name in this project"
        fix = "Deploy the function (supabase functions deploy NAME), or correct its name in the page's code."
        yield NO_APPLICATION.named(HIGH, f"{said}, and the body says so", (scene.id,), title=title, fix=fix)


def _api_gateway(scene: Scene, said: str) -> Iterator[Cause]:
    if is_without_api_gateway(scene):
        return
    kind = scene.headers.get("x-amzn-ErrorType")
    gateway = gateway_of(scene.headers)
    if kind is None and (gateway is None or gateway[0] != "API Gateway" or not scene.says(Hint.NO_METHOD_HERE)):
        return
    kind = kind or ""
    how = f"{said} with x-amzn-ErrorType: {shown(kind, 60)}" if kind else f"{said}, Missing Authentication Token"
    if kind.startswith("MissingAuthenticationToken") or scene.says(Hint.NO_METHOD_HERE):
        yield API_ROUTE.named(HIGH, how, (scene.id,))
    elif scene.is_preflight and scene.status == 500 and kind.startswith("InternalServerError"):
        yield API_MOCK.named(MEDIUM, how, (scene.id,))
    elif scene.is_preflight and scene.status in (401, 403) and kind.startswith(("Unauthorized", "AccessDenied")):
        yield API_AUTHORIZER.named(HIGH, how, (scene.id,))


def _kong(scene: Scene, said: str) -> Iterator[Cause]:
    by_kong = "x-kong-response-latency" in scene.headers and "x-kong-upstream-latency" not in scene.headers
    if scene.says(Hint.GATEWAY_NO_ROUTE) and scene.server.lower().startswith("kong"):
        yield KONG_ROUTE.named(
            HIGH, f"{said} from {scene.server}, and the body says that no route matched", (scene.id,)
        )
    elif scene.says(Hint.GATEWAY_NO_ROUTE) and scene.status == 404:
        yield INGRESS.named(HIGH, f"{said}, and the body says default backend", (scene.id,))
    elif by_kong and scene.is_preflight and scene.status < 300:
        names = [name for name in scene.record.asked_names if name not in map(str.lower, scene.listed(ALLOW_HEADERS))]
        lacking = (
            f", which does not list {shown(', '.join(names), 80)}" if names and ALLOW_HEADERS in scene.headers else ""
        )
        how = f"{said} with X-Kong-Response-Latency and without X-Kong-Upstream-Latency{lacking}"
        yield KONG.named(HIGH, how, (scene.id,), snippet=_kong_plugin(scene))


def _kong_plugin(scene: Scene) -> Snippet | None:
    listed = [*scene.listed(ALLOW_HEADERS)]
    names = [*listed, *(name for name in scene.record.asked_names if name not in {each.lower() for each in listed})]
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[a-z0-9._:\[\]-]+", scene.origin) or len(names) > 40:
        return None
    if not all(re.fullmatch(r"[A-Za-z0-9_-]+|\*", name) for name in names):
        return None
    lines = [
        "plugins:",
        "- name: cors",
        "  config:",
        f'    origins: ["{scene.origin}"]',
        f"    headers: [{', '.join(names)}]",
    ]
    return Snippet("Kong", "\n".join(lines), HIGH, "X-Kong-Response-Latency")


def _is_easy_auth(scene: Scene) -> bool:
    cookies = [line.partition("=")[0].strip().lower() for line in scene.headers.get_all("Set-Cookie")]
    challenge = (scene.headers.get("WWW-Authenticate") or "").lower()
    nonce = any(name == "nonce" or name.startswith("appserviceauth") for name in cookies)
    affinity = any(name.startswith("arraffinity") for name in cookies)
    # Azure's own APIs name login.windows.net too, without a realm; the middleware marks what it lets through as well.
    names_host = challenge.startswith(f'bearer realm="{scene.host}"')
    passed = "x-ms-middleware-request-id" in scene.headers
    empty = passed and scene.headers.get("Content-Length") == "0" and "content-type" not in scene.headers
    return (nonce and affinity) or (names_host and (passed or "login.windows.net" in challenge)) or empty
