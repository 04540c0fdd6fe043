"""Which library adds which request header, and what stops it: facts, from the libraries' own documents."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ...catalogue.violation import FixOwner
from ...verdict.model import Confidence
from .cause import CauseEntry

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


_TABLE: Final = """
tracing high:
    sentry-trace sentry-*
        Sentry | tracePropagationTargets in Sentry.init names the hosts that are marked: leave this one out
    x-datadog-*
        Datadog RUM | allowedTracingUrls in datadogRum.init names the hosts that are marked: leave this one out
    newrelic x-newrelic-*
        the New Relic browser agent | distributed_tracing.allowed_origins names the hosts that are marked,
        cors_use_newrelic_header the header
    elastic-apm-traceparent
        the Elastic APM RUM agent | distributedTracingOrigins names the hosts that are marked;
        distributedTracing: false stops it
    adrum adrum_*
        the AppDynamics browser agent | xhr.exclude (or xhr.include) in adrum-config limits the URLs
    x-dtc x-dtpc x-dtreferer x-dynatrace*
        the Dynatrace RUM agent | the application's settings for cross-origin XHR correlation limit the URLs
    request-id request-context x-ms-request-root-id x-ms-request-id
        Application Insights | leave enableCorsCorrelation off, or list this host in
        correlationHeaderExcludedDomains
    x-amzn-trace-id
        CloudWatch RUM or another X-Ray client | addXRayTraceIdHeader: false at the RUM client's http telemetry;
        newer clients take a list of URL patterns there
    x-honeycomb-*
        Honeycomb's exporter | send traces through a collector that allows it
    b3 x-b3-*
        Zipkin (B3), from OpenTelemetry or another tracer | propagateTraceHeaderCorsUrls of the fetch and XHR
        instrumentation names the hosts that are marked
    uber-trace-id uberctx-*
        Jaeger | the tracer's setting for which hosts are marked
    sw8 sw8-*
        Apache SkyWalking | noTraceOrigins in its registration names the hosts to leave out
    x-faro-*
        the Grafana Faro SDK | allow it at the collector that takes its reports
    x-highlight-request
        Highlight | networkRecording and tracingOrigins in H.init name the hosts
    x-posthog-*
        PostHog | __add_tracing_headers in posthog.init names the hosts that are marked
    bugsnag-*
        the Bugsnag client | allow them on the server that takes its reports
    x-instana-*
        the Instana agent | its list of allowed origins names the hosts that are marked
tracing medium:
    traceparent tracestate
        a tracing library (W3C Trace Context: OpenTelemetry, Elastic APM, Application Insights, New Relic or
        Sentry) | its setting for which hosts are marked: propagateTraceHeaderCorsUrls,
        distributedTracingOrigins, correlationHeaderExcludedDomains, allowed_origins or tracePropagationTargets
    baggage
        Sentry or OpenTelemetry | tracePropagationTargets (Sentry) or propagateTraceHeaderCorsUrls
        (OpenTelemetry) names the hosts
client medium:
    x-requested-with
        jQuery, axios or another HTTP client of that habit | take X-Requested-With out of the client's common
        headers; jQuery adds it across origins only if told to
    x-xsrf-token
        axios or an interceptor of the page, for protection against request forgery | leave axios' withXSRFToken
        off for this host, or have the interceptor (Angular adds it to its own origin only) skip the host
    x-csrf-token x-csrftoken csrf-token
        a framework's protection against request forgery (Rails, Laravel, Django, Spring) | send the token to
        the own origin only: another origin cannot check it
    prefer
        a PostgREST or OData client | allow it on the server
client high:
    apollo-require-preflight
        Apollo Server's CSRF prevention | the protocol needs it
    apollographql-client-* x-apollo-operation-name x-apollo-*
        Apollo Client | name and version in the client's setup add them; without these they are not sent
    x-dashboard-id x-dashboard-uid x-panel-id x-panel-plugin-id x-grafana-* x-datasource-uid x-plugin-id
        Grafana | set the data source's access to Server (proxy) in place of Browser (direct): Grafana asks then
    tus-*
        a tus upload client | the protocol needs them: allow them on the server
    upload-offset upload-length upload-metadata upload-defer-length upload-concat upload-checksum
        a tus upload client | the protocol needs them: allow them on the server
    hx-*
        htmx | empty evt.detail.headers in htmx:configRequest for this host, or allow the hx- names on the
        server
    turbo-frame x-turbo-* x-sec-purpose
        Turbo (Hotwire) | call other origins with fetch itself, not with a Turbo frame
    x-inertia*
        Inertia | visit own pages only: other origins are called with fetch or axios
    x-livewire*
        Livewire | Livewire calls its own server only: correct the app's URL
    x-socket-id
        Laravel Echo | allow X-Socket-ID, or take its interceptor off for this host
    ngrok-skip-browser-warning
        the page's code, to skip ngrok's warning page | send it to ngrok's hosts only, or allow it on the server
    bypass-tunnel-reminder
        the page's code, to skip localtunnel's page | send it to its hosts only
    x-client-sku x-client-ver x-client-os x-client-cpu x-client-current-telemetry x-ms-lib-capability
        MSAL (Microsoft's login library) | register the redirect URI as a single-page app: other kinds are not
        answered across origins
    x-client-last-telemetry x-client-xtra-* x-anchormailbox
        MSAL (Microsoft's login library) | register the redirect URI as a single-page app: other kinds are not
        answered across origins
    x-firebase-* x-goog-*
        the Firebase or Google API client | allow them on the server that is called in place of Google's
    apikey x-client-info x-supabase-* accept-profile content-profile x-upsert
        the Supabase client | allow authorization, x-client-info, apikey and content-type: in an Edge Function,
        with its OPTIONS answer
    x-grpc-web grpc-timeout x-user-agent connect-protocol-version connect-timeout-ms
        a gRPC-Web or Connect client | allow x-grpc-web, x-user-agent, grpc-timeout and
        connect-protocol-version, and expose grpc-status
    x-stainless-*
        the OpenAI or Anthropic SDK, or another made by Stainless | set these headers to null in defaultHeaders,
        or echo the names asked for on the server
    x-fern-*
        an SDK made by Fern | set these headers to undefined in its options
    anthropic-version anthropic-beta anthropic-dangerous-direct-browser-access
        the Anthropic SDK | allow them on the server that is called in place of Anthropic's
    openai-organization openai-project openai-beta
        the OpenAI SDK | allow them on the server
    mcp-session-id mcp-protocol-version
        an MCP client | allow them on the server, and expose mcp-session-id
    rsc next-router-* next-url next-action x-nextjs-* x-middleware-*
        Next.js, fetching a page's data | the router was led to another origin: link to other origins with <a>,
        or correct assetPrefix and redirects
    x-sveltekit-*
        SvelteKit | call other origins with fetch outside its data loading
    x-signalr-user-agent
        SignalR | allow x-signalr-user-agent and x-requested-with on the server
    x-amz-* amz-sdk-invocation-id amz-sdk-request
        an AWS SDK | allow the headers of AWS's signatures on the server
    x-algolia-*
        the Algolia client | allow them on the server that is called in place of Algolia's
    stripe-*
        the Stripe client | allow them on the server that is called in place of Stripe's
    x-ms-version x-ms-date x-ms-client-request-id
        an Azure SDK | allow them on the server
    x-parse-*
        the Parse SDK | allow them on the server
    x-contentful-*
        the Contentful client | allow it on the server
    x-shopify-*
        the Shopify client | allow them on the server
    x-hasura-*
        the Hasura client | allow them on the server
by-hand high:
    cache-control pragma expires
        code that wants no cached answer | use fetch's cache: 'no-store', which adds them without asking, or
        have the server send Cache-Control
    upgrade-insecure-requests x-frame-options strict-transport-security x-content-type-options vary
        code that copies a browser's or server's own headers | take it out: browsers and servers set it where it
        belongs
    x-powered-by content-security-policy x-xss-protection allow server location
        code that copies a response's headers | take it out: it belongs into the server's answer
by-hand medium:
    x-forwarded-for x-forwarded-host x-forwarded-proto x-real-ip forwarded
        code that pretends to be a proxy | take it out: gateways set it, and no page has to
    user-agent
        code that replaces the browser's own User-Agent | take it out; where an API wants to know its client,
        use a header of its own
"""
"""Sections by what adds a header and how sure that is: header names, below them who adds them, and what stops that."""


def _libraries() -> Iterator[Library]:
    kinds = {"tracing": TRACING, "client": CLIENT, "by-hand": BY_HAND}
    for section in re.split(r"\n(?=\S)", _TABLE.strip()):
        kind, sure = section[: section.index(":")].split()
        for headers, told in re.findall(r"^ {4}(\S.*)\n((?: {8}.*\n?)+)", section, re.MULTILINE):
            name, _, stop = " ".join(told.split()).partition(" | ")
            yield Library(kinds[kind], Confidence(sure), name, stop, tuple(headers.split()))


LIBRARIES: Final = tuple(_libraries())
