"""Which library adds which request header, and what stops it: facts, from the libraries' own documents."""

from dataclasses import dataclass
from typing import Final

from ...catalogue.violation import FixOwner
from ...verdict.model import Confidence
from .cause import CauseEntry

HIGH, MEDIUM = Confidence.HIGH, Confidence.MEDIUM

TRACING: Final = CauseEntry(
    "header-added-by-tracing",
    "A monitoring library in the page added the header",
    "The name is one with which a library for tracing or monitoring marks requests (Sentry, OpenTelemetry, Datadog, "
    "New Relic and others).",
    FixOwner.CLIENT,
    "Keep the library from marking requests to this host, or add the header to Access-Control-Allow-Headers.",
)
CLIENT: Final = CauseEntry(
    "header-added-by-client",
    "A library that makes the page's requests added the header",
    "The name is one that an HTTP client, a framework or a service's SDK sets by itself (axios, Angular, htmx, tus, "
    "Supabase, the OpenAI SDK and others).",
    FixOwner.CLIENT,
    "Switch the header off in the library for this host, or add it to Access-Control-Allow-Headers.",
)
BY_HAND: Final = CauseEntry(
    "header-set-by-hand",
    "The page sets a header that does nothing on requests like this",
    "The name is one that browsers or servers use otherwise, such as Cache-Control, set by code or a library.",
    FixOwner.CLIENT,
    "Take the header out of the page's code, or add it to Access-Control-Allow-Headers.",
)

ENTRIES: Final = (TRACING, CLIENT, BY_HAND)


@dataclass(frozen=True, slots=True)
class Library:
    """Who adds header names, and what to do about it on the client; names that end in * are beginnings."""

    entry: CauseEntry
    confidence: Confidence
    name: str
    stop: str
    headers: tuple[str, ...]


_SENTRY: Final = "tracePropagationTargets in Sentry.init names the hosts that are marked: leave this one out"
_OTEL: Final = "propagateTraceHeaderCorsUrls of the fetch and XHR instrumentation names the hosts that are marked"
_INSIGHTS: Final = "correlationHeaderExcludedDomains, or disableCorrelationHeaders, in its configuration"

LIBRARIES: Final = (
    Library(TRACING, HIGH, "Sentry", _SENTRY, ("sentry-trace", "sentry-*")),
    Library(
        TRACING,
        HIGH,
        "Datadog RUM",
        "allowedTracingUrls in datadogRum.init names the hosts that are marked: leave this one out",
        ("x-datadog-*",),
    ),
    Library(
        TRACING,
        HIGH,
        "the New Relic browser agent",
        "distributed_tracing.allowed_origins names the hosts that are marked, cors_use_newrelic_header the header",
        ("newrelic", "x-newrelic-*"),
    ),
    Library(
        TRACING,
        HIGH,
        "the Elastic APM RUM agent",
        "distributedTracingOrigins names the hosts that are marked; distributedTracing: false stops it",
        ("elastic-apm-traceparent",),
    ),
    Library(
        TRACING,
        HIGH,
        "the AppDynamics browser agent",
        "xhr.exclude (or xhr.include) in adrum-config limits the URLs",
        ("adrum", "adrum_*"),
    ),
    Library(
        TRACING,
        HIGH,
        "the Dynatrace RUM agent",
        "the application's settings for cross-origin XHR correlation limit the URLs",
        ("x-dtc", "x-dtpc", "x-dtreferer", "x-dynatrace*"),
    ),
    Library(
        TRACING,
        HIGH,
        "Application Insights",
        _INSIGHTS,
        ("request-id", "request-context", "x-ms-request-root-id", "x-ms-request-id"),
    ),
    Library(
        TRACING,
        HIGH,
        "CloudWatch RUM or another X-Ray client",
        "addXRayTraceIdHeader in the RUM client's configuration takes a list of hosts, or false",
        ("x-amzn-trace-id",),
    ),
    Library(
        TRACING, HIGH, "Honeycomb's exporter", "send traces through a collector that allows it", ("x-honeycomb-*",)
    ),
    Library(TRACING, HIGH, "Zipkin (B3), from OpenTelemetry or another tracer", _OTEL, ("b3", "x-b3-*")),
    Library(TRACING, HIGH, "Jaeger", "the tracer's setting for which hosts are marked", ("uber-trace-id", "uberctx-*")),
    Library(
        TRACING,
        HIGH,
        "Apache SkyWalking",
        "noTraceOrigins in its registration names the hosts to leave out",
        ("sw8", "sw8-*"),
    ),
    Library(
        TRACING,
        HIGH,
        "the Grafana Faro SDK",
        "allow it at the collector that takes its reports",
        ("x-faro-*",),
    ),
    Library(
        TRACING,
        HIGH,
        "Highlight",
        "networkRecording and tracingOrigins in H.init name the hosts",
        ("x-highlight-request",),
    ),
    Library(
        TRACING,
        HIGH,
        "PostHog",
        "__add_tracing_headers in posthog.init names the hosts that are marked",
        ("x-posthog-*",),
    ),
    Library(TRACING, HIGH, "the Bugsnag client", "allow them on the server that takes its reports", ("bugsnag-*",)),
    Library(
        TRACING,
        HIGH,
        "the Instana agent",
        "its list of allowed origins names the hosts that are marked",
        ("x-instana-*",),
    ),
    Library(
        TRACING,
        MEDIUM,
        "a tracing library (W3C Trace Context: OpenTelemetry, Elastic APM, Application Insights, New Relic or Sentry)",
        "its setting for which hosts are marked: propagateTraceHeaderCorsUrls, distributedTracingOrigins, "
        "correlationHeaderExcludedDomains, allowed_origins or tracePropagationTargets",
        ("traceparent", "tracestate"),
    ),
    Library(
        TRACING,
        MEDIUM,
        "Sentry or OpenTelemetry",
        "tracePropagationTargets (Sentry) or propagateTraceHeaderCorsUrls (OpenTelemetry) names the hosts",
        ("baggage",),
    ),
    Library(
        CLIENT,
        MEDIUM,
        "jQuery, axios or another HTTP client of that habit",
        "take X-Requested-With out of the client's common headers; jQuery adds it across origins only if told to",
        ("x-requested-with",),
    ),
    Library(
        CLIENT,
        MEDIUM,
        "axios or Angular, for protection against request forgery",
        "leave axios' withXSRFToken off for this host; in Angular withNoXsrfProtection, or an interceptor, does it",
        ("x-xsrf-token",),
    ),
    Library(
        CLIENT,
        MEDIUM,
        "a framework's protection against request forgery (Rails, Laravel, Django, Spring)",
        "send the token to the own origin only: another origin cannot check it",
        ("x-csrf-token", "x-csrftoken", "csrf-token"),
    ),
    Library(
        CLIENT,
        HIGH,
        "Apollo Client",
        "name and version in the client's setup add them; without these they are not sent",
        ("apollographql-client-*", "apollo-require-preflight", "x-apollo-operation-name", "x-apollo-*"),
    ),
    Library(CLIENT, HIGH, "a tus upload client", "the protocol needs them: allow them on the server", ("tus-*",)),
    Library(
        CLIENT,
        HIGH,
        "a tus upload client",
        "the protocol needs them: allow them on the server",
        (
            "upload-offset",
            "upload-length",
            "upload-metadata",
            "upload-defer-length",
            "upload-concat",
            "upload-checksum",
        ),
    ),
    Library(
        CLIENT,
        HIGH,
        "htmx",
        "empty evt.detail.headers in htmx:configRequest for this host, or allow the hx- names on the server",
        ("hx-*",),
    ),
    Library(
        CLIENT,
        HIGH,
        "Turbo (Hotwire)",
        "call other origins with fetch itself, not with a Turbo frame",
        ("turbo-frame", "x-turbo-*", "x-sec-purpose"),
    ),
    Library(
        CLIENT, HIGH, "Inertia", "visit own pages only: other origins are called with fetch or axios", ("x-inertia*",)
    ),
    Library(CLIENT, HIGH, "Livewire", "Livewire calls its own server only: correct the app's URL", ("x-livewire*",)),
    Library(
        CLIENT, HIGH, "Laravel Echo", "allow X-Socket-ID, or take its interceptor off for this host", ("x-socket-id",)
    ),
    Library(
        CLIENT,
        HIGH,
        "the page's code, to skip ngrok's warning page",
        "send it to ngrok's hosts only, or allow it on the server",
        ("ngrok-skip-browser-warning",),
    ),
    Library(
        CLIENT,
        HIGH,
        "the page's code, to skip localtunnel's page",
        "send it to its hosts only",
        ("bypass-tunnel-reminder",),
    ),
    Library(
        CLIENT,
        HIGH,
        "MSAL (Microsoft's login library)",
        "register the redirect URI as a single-page app: other kinds are not answered across origins",
        (
            "x-client-sku",
            "x-client-ver",
            "x-client-os",
            "x-client-cpu",
            "x-client-current-telemetry",
            "x-ms-lib-capability",
        ),
    ),
    Library(
        CLIENT,
        HIGH,
        "MSAL (Microsoft's login library)",
        "register the redirect URI as a single-page app: other kinds are not answered across origins",
        ("x-client-last-telemetry", "x-client-xtra-*", "x-anchormailbox"),
    ),
    Library(
        CLIENT,
        HIGH,
        "the Firebase or Google API client",
        "allow them on the server that stands in for Google's",
        ("x-firebase-*", "x-goog-*"),
    ),
    Library(
        CLIENT,
        HIGH,
        "the Supabase client",
        "allow authorization, x-client-info, apikey and content-type: in an Edge Function, with its OPTIONS answer",
        ("apikey", "x-client-info", "x-supabase-*", "accept-profile", "content-profile", "x-upsert"),
    ),
    Library(CLIENT, MEDIUM, "a PostgREST or OData client", "allow it on the server", ("prefer",)),
    Library(
        CLIENT,
        HIGH,
        "a gRPC-Web or Connect client",
        "allow x-grpc-web, x-user-agent, grpc-timeout and connect-protocol-version, and expose grpc-status",
        ("x-grpc-web", "grpc-timeout", "x-user-agent", "connect-protocol-version", "connect-timeout-ms"),
    ),
    Library(
        CLIENT,
        HIGH,
        "the OpenAI or Anthropic SDK, or another made by Stainless",
        "set these headers to null in defaultHeaders, or echo the names asked for on the server",
        ("x-stainless-*",),
    ),
    Library(CLIENT, HIGH, "an SDK made by Fern", "set these headers to undefined in its options", ("x-fern-*",)),
    Library(
        CLIENT,
        HIGH,
        "the Anthropic SDK",
        "allow them on the server that stands in for Anthropic's",
        ("anthropic-version", "anthropic-beta", "anthropic-dangerous-direct-browser-access"),
    ),
    Library(
        CLIENT,
        HIGH,
        "the OpenAI SDK",
        "allow them on the server",
        ("openai-organization", "openai-project", "openai-beta"),
    ),
    Library(
        CLIENT,
        HIGH,
        "an MCP client",
        "allow them on the server, and expose mcp-session-id",
        ("mcp-session-id", "mcp-protocol-version"),
    ),
    Library(
        CLIENT,
        HIGH,
        "Next.js, fetching a page's data",
        "the router was led to another origin: link to other origins with <a>, or correct assetPrefix and redirects",
        ("rsc", "next-router-*", "next-url", "next-action", "x-nextjs-*", "x-middleware-*"),
    ),
    Library(CLIENT, HIGH, "SvelteKit", "call other origins with fetch outside its data loading", ("x-sveltekit-*",)),
    Library(
        CLIENT, HIGH, "Remix or React Router", "correct what leads its data loading to another origin", ("x-remix-*",)
    ),
    Library(
        CLIENT,
        HIGH,
        "SignalR",
        "allow x-signalr-user-agent and x-requested-with on the server",
        ("x-signalr-user-agent",),
    ),
    Library(
        CLIENT,
        HIGH,
        "an AWS SDK",
        "allow the headers of AWS's signatures on the server",
        ("x-amz-*", "amz-sdk-invocation-id", "amz-sdk-request"),
    ),
    Library(
        CLIENT, HIGH, "the Algolia client", "allow them on the server that stands in for Algolia's", ("x-algolia-*",)
    ),
    Library(CLIENT, HIGH, "the Stripe client", "allow them on the server that stands in for Stripe's", ("stripe-*",)),
    Library(
        CLIENT,
        HIGH,
        "an Azure SDK",
        "allow them on the server",
        ("x-ms-version", "x-ms-date", "x-ms-client-request-id"),
    ),
    Library(CLIENT, HIGH, "the Parse SDK", "allow them on the server", ("x-parse-*",)),
    Library(CLIENT, HIGH, "the Contentful client", "allow it on the server", ("x-contentful-*",)),
    Library(CLIENT, HIGH, "the Shopify client", "allow them on the server", ("x-shopify-*",)),
    Library(CLIENT, HIGH, "the Hasura client", "allow them on the server", ("x-hasura-*",)),
    Library(
        BY_HAND,
        HIGH,
        "code that wants no cached answer",
        "use fetch's cache: 'no-store', which adds them without asking, or have the server send Cache-Control",
        ("cache-control", "pragma", "expires"),
    ),
    Library(
        BY_HAND,
        HIGH,
        "code that copies a browser's or server's own headers",
        "take it out: browsers and servers set it where it belongs",
        ("upgrade-insecure-requests", "x-frame-options", "strict-transport-security", "x-content-type-options", "vary"),
    ),
    Library(
        BY_HAND,
        HIGH,
        "code that copies a response's headers",
        "take it out: it belongs into the server's answer",
        ("x-powered-by", "content-security-policy", "x-xss-protection", "allow", "server", "location"),
    ),
    Library(
        BY_HAND,
        MEDIUM,
        "code that pretends to be a proxy",
        "take it out: gateways set it, and no page has to",
        ("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "forwarded"),
    ),
    Library(
        BY_HAND,
        MEDIUM,
        "code that replaces the browser's own User-Agent",
        "take it out; where an API wants to know its client, use a header of its own",
        ("user-agent",),
    ),
)
