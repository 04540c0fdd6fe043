"""Snippets for storage, hosting and content delivery networks, by the key of the stack."""

from typing import Final

from .templates import COMMON_METHODS, Template, Writer

S3: Final = Template(
    """
[
  {
    "AllowedOrigins": [%origins-quoted%],
    "AllowedMethods": %methods-json%,
    "AllowedHeaders": %headers-json%,
    "ExposeHeaders": %exposed-json%,
    "MaxAgeSeconds": %max-age%
  }
]
""",
    only=frozenset({"DELETE", "GET", "HEAD", "POST", "PUT"}),
    wildcard=True,
)
"""The bucket's CORS configuration: it needs no login for OPTIONS, covers errors, and sets Vary and credentials."""

GCS: Final = Template(
    """
# %developing%
# not tested in a server
cat > cors.json <<'END'
[
  {
    "origin": [%origins-quoted%],
    "method": %methods-json%,
    "responseHeader": [%readable%],
    "maxAgeSeconds": %max-age%
  }
]
END
gcloud storage buckets update gs://BUCKET --cors-file=cors.json
""",
    only=COMMON_METHODS,
    credentials=False,
    wildcard=True,
)

AZUREBLOB: Final = Template(
    """
# %developing%
# add --account-name; the rule is for the whole storage account: Azure answers OPTIONS, covers errors, and sets Vary
az storage cors add --services b --origins %origins-spaced% --methods %methods-words% \\
  --allowed-headers "%headers-or-none%" --exposed-headers "%exposed-or-none%" --max-age %max-age%
""",
    only=COMMON_METHODS,
)

CLOUDFRONT: Final = Template(
    """
# %developing%
# not tested in a server
# CloudFormation; then name the policy in the cache behavior's ResponseHeadersPolicyId
CorsPolicy:
  Type: AWS::CloudFront::ResponseHeadersPolicy
  Properties:
    ResponseHeadersPolicyConfig:
      Name: cors-pages
      CorsConfig:
        OriginOverride: true
        AccessControlAllowOrigins: { Items: [%origins-quoted%] }
        AccessControlAllowMethods: { Items: [%methods-quoted%] }
        AccessControlAllowHeaders: { Items: [%headers-or-accept%] }
        AccessControlExposeHeaders: { Items: [%exposed-quoted%] }
        AccessControlAllowCredentials: %credentials-bool%
        AccessControlMaxAgeSec: %max-age%
      CustomHeadersConfig:
        Items: [{ Header: Vary, Value: Origin, Override: false }]
%preflight%# let the cache behavior allow and forward OPTIONS; the server behind sends 204, without a login
""",
    only=COMMON_METHODS,
    wildcard=True,
)

APIGATEWAY: Final = Template(
    """
# %developing%
# not tested in a server
# CloudFormation, HTTP API: the gateway answers OPTIONS itself, and overrides the backend's headers; beside a $default
# route with an authorizer it also needs a route OPTIONS /{proxy+} without one
Api:
  Type: AWS::ApiGatewayV2::Api
  Properties:
    CorsConfiguration:
      AllowOrigins: [%origins-quoted%]
      AllowMethods: [%methods-quoted%]
      AllowHeaders: [%headers-quoted%]
      ExposeHeaders: [%exposed-quoted%]
      AllowCredentials: %credentials-bool%
      MaxAge: %max-age%

# REST API instead: the backend sends the headers, OPTIONS is a method without authorizer, and the gateway's own
# errors get theirs here, for one origin (the same for DEFAULT_5XX)
Errors4xx:
  Type: AWS::ApiGateway::GatewayResponse
  Properties:
    RestApiId: !Ref Api
    ResponseType: DEFAULT_4XX
    ResponseParameters:
      gatewayresponse.header.Access-Control-Allow-Origin: "'%origin%'"
      %credentials%gatewayresponse.header.Access-Control-Allow-Credentials: "'true'"
      gatewayresponse.header.Vary: "'Origin'"
""",
    only=COMMON_METHODS,
    wildcard=True,
)

FIREBASE: Final = Template("""
// %developing%
// functions: npm install cors
const { onRequest } = require("firebase-functions/v2/https");
const cors = require("cors")({
  origin: [%origins-quoted%],
  methods: [%methods-quoted%],
  allowedHeaders: %headers-json%,
  exposedHeaders: [%exposed-quoted%],
  %credentials%credentials: true,
  maxAge: %max-age%,
});

// around everything, authentication included: cors answers OPTIONS itself, and errors keep its headers
exports.api = onRequest((request, response) => cors(request, response, () => handle(request, response)));
%answered%// remove all other code that sets Access-Control-Allow-Origin, and onRequest's option cors
""")

_EDGE: Final = """
// %developing%
const corsOrigins = new Set([%origins-quoted%]);

function corsHeaders(request, preflight) {
  const headers = new Headers({ Vary: "Origin" });
  const origin = request.headers.get("Origin");
  if (!corsOrigins.has(origin)) return headers;
  headers.set("Access-Control-Allow-Origin", origin);
  %credentials%headers.set("Access-Control-Allow-Credentials", "true");
  headers.set("Access-Control-Expose-Headers", "%exposed%");
  %preflight%if (preflight) {
  %preflight%  headers.set("Access-Control-Allow-Methods", "%methods%");
  %preflight%  headers.set("Access-Control-Allow-Headers", "%headers%");
  %preflight%  headers.set("Access-Control-Max-Age", "%max-age%");
  %preflight%}
  return headers;
}

function isPreflight(request) {
  return request.method === "OPTIONS" && request.headers.has("Access-Control-Request-Method");
}

async function withCors(request, answer) {
  // answers OPTIONS here, before authentication
  if (isPreflight(request)) return new Response(null, { status: 204, headers: corsHeaders(request, true) });
  const received = await answer();
  const response = new Response(received.body, received);
  %answered%response.headers.delete("Access-Control-Allow-Origin"); // the server's own
  %answered%response.headers.delete("Access-Control-Allow-Credentials");
  for (const [name, value] of corsHeaders(request, false)) {
    if (name === "vary") response.headers.append(name, value);
    else response.headers.set(name, value);
  }
  return response;
}
"""

CLOUDFLARE: Final = Template(
    "// a Worker on the route of this URL"
    + _EDGE
    + """
export default {
  fetch: (request) => withCors(request, () => fetch(request)),
};
"""
)

NETLIFY: Final = Template(
    "// netlify/edge-functions/cors.js: for files, functions and redirects alike"
    + _EDGE
    + """
export default (request, context) => withCors(request, () => context.next());
export const config = { path: "/*" };
"""
)

VERCEL: Final = Template("""
// %developing%
// middleware.js beside package.json; npm install @vercel/functions
import { next } from "@vercel/functions";

const corsOrigins = new Set([%origins-quoted%]);

export default function middleware(request) {
  const headers = { Vary: "Origin" };
  const origin = request.headers.get("Origin");
  if (corsOrigins.has(origin)) {
    headers["Access-Control-Allow-Origin"] = origin;
    %credentials%headers["Access-Control-Allow-Credentials"] = "true";
    headers["Access-Control-Expose-Headers"] = "%exposed%";
  }
  %preflight%// answers OPTIONS here, before the functions and their authentication
  %preflight%if (request.method === "OPTIONS" && request.headers.has("Access-Control-Request-Method")) {
  %preflight%  headers["Access-Control-Allow-Methods"] = "%methods%";
  %preflight%  headers["Access-Control-Allow-Headers"] = "%headers%";
  %preflight%  headers["Access-Control-Max-Age"] = "%max-age%";
  %preflight%  return new Response(null, { status: 204, headers });
  %preflight%}
  return next({ headers });
}
%answered%// remove all other code that sets Access-Control-Allow-Origin (functions, vercel.json)
""")

CLOUDS: Final[dict[str, Writer]] = {
    "s3": S3,
    "gcs": GCS,
    "azureblob": AZUREBLOB,
    "cloudfront": CLOUDFRONT,
    "apigateway": APIGATEWAY,
    "firebase": FIREBASE,
    "cloudflare": CLOUDFLARE,
    "netlify": NETLIFY,
    "vercel": VERCEL,
}
