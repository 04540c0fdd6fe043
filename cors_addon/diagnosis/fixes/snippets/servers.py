"""Snippets for web servers and gateways, by the key of the stack."""

from typing import Final

from .templates import Template, Writer

NGINX: Final = Template("""
# %developing%
# in http { }: the pages that may call, a line for each
map $http_origin $cors_origin {
    default "";
%each%    "%origin%" $http_origin;
}

# in the location { } of this URL, or in one that contains it
%answered%# removes the backend's own headers, which would come twice (with FastCGI: fastcgi_hide_header)
%answered%proxy_hide_header Access-Control-Allow-Origin;
%answered%proxy_hide_header Access-Control-Allow-Credentials;
%preflight%# nginx answers OPTIONS before auth_basic, auth_request and the backend
%preflight%if ($request_method = OPTIONS) {
%preflight%    add_header Access-Control-Allow-Origin $cors_origin always;
%preflight%%credentials%    add_header Access-Control-Allow-Credentials "true" always;
%preflight%    add_header Access-Control-Allow-Methods "%methods%" always;
%preflight%    add_header Access-Control-Allow-Headers "%headers%" always;
%preflight%    add_header Access-Control-Max-Age "%max-age%" always;
%preflight%    add_header Vary "Origin" always;
%preflight%    return 204;
%preflight%}
# always: on errors too. A location with its own add_header lines inherits none of these.
add_header Access-Control-Allow-Origin $cors_origin always;
%credentials%add_header Access-Control-Allow-Credentials "true" always;
add_header Access-Control-Expose-Headers "%exposed%" always;
add_header Vary "Origin" always;
""")

APACHE: Final = Template("""
# %developing%
# a2enmod headers rewrite; in <VirtualHost>, not in .htaccess, where authentication runs first
%answered%# removes the backend's own headers, which would come twice
%answered%Header onsuccess unset Access-Control-Allow-Origin
%answered%Header onsuccess unset Access-Control-Allow-Credentials
# always: on errors too
%each%Header always set Access-Control-Allow-Origin "%origin%" "expr=%{HTTP:Origin} == '%origin%'"
%each%%credentials%Header always set Access-Control-Allow-Credentials "true" "expr=%{HTTP:Origin} == '%origin%'"
%each%Header always set Access-Control-Expose-Headers "%exposed%" "expr=%{HTTP:Origin} == '%origin%'"
Header always merge Vary "Origin"
%preflight%# Apache answers OPTIONS before authentication and before the backend
%preflight%Header always set Access-Control-Allow-Methods "%methods%" "expr=%{REQUEST_METHOD} == 'OPTIONS'"
%preflight%Header always set Access-Control-Allow-Headers "%headers%" "expr=%{REQUEST_METHOD} == 'OPTIONS'"
%preflight%Header always set Access-Control-Max-Age "%max-age%" "expr=%{REQUEST_METHOD} == 'OPTIONS'"
%preflight%RewriteEngine On
%preflight%RewriteCond %{REQUEST_METHOD} =OPTIONS
%preflight%RewriteCond %{HTTP:Access-Control-Request-Method} .
%preflight%RewriteRule ^ - [R=204,L]
""")

CADDY: Final = Template("""
# %developing%
# in the site block; the pages that may call, a line for each in every matcher
@cors_origin {
%each%    header Origin %origin%
}
%answered%@cors_other {
%each%%answered%    not header Origin %origin%
%answered%}
%preflight%@cors_preflight {
%preflight%    method OPTIONS
%each%%preflight%    header Origin %origin%
%preflight%    header Access-Control-Request-Method *
%preflight%}
# route keeps this order: Caddy answers OPTIONS before basicauth and forward_auth
route {
    header +Vary Origin
    # at once, so that error pages get it too
    header @cors_origin {
        Access-Control-Allow-Origin {http.request.header.Origin}
        %credentials%Access-Control-Allow-Credentials true
        Access-Control-Expose-Headers "%exposed%"
    }
    %answered%# once more when the response leaves, in place of the backend's own
    %answered%header @cors_origin {
    %answered%    Access-Control-Allow-Origin {http.request.header.Origin}
    %answered%%credentials%    Access-Control-Allow-Credentials true
    %answered%%no-credentials%    -Access-Control-Allow-Credentials
    %answered%    defer
    %answered%}
    %answered%header @cors_other {
    %answered%    -Access-Control-Allow-Origin
    %answered%    -Access-Control-Allow-Credentials
    %answered%    defer
    %answered%}
    %preflight%header @cors_preflight {
    %preflight%    Access-Control-Allow-Methods "%methods%"
    %preflight%    Access-Control-Allow-Headers "%headers%"
    %preflight%    Access-Control-Max-Age %max-age%
    %preflight%}
    %preflight%respond @cors_preflight 204
    # here: what the site block holds so far, authentication included
}
""")

HAPROXY: Final = Template("""
# %developing%
# in the frontend, before any http-request auth or deny; the pages that may call follow -m str
http-request set-var(txn.cors_origin) req.hdr(Origin) if { req.hdr(Origin) -m str %origins-spaced% }
acl cors_origin var(txn.cors_origin) -m found
%preflight%acl cors_preflight var(txn.cors_preflight) -m bool
%preflight%acl cors_asks req.hdr(Access-Control-Request-Method) -m found
%preflight%http-request set-var(txn.cors_preflight) bool(true) if METH_OPTIONS cors_asks cors_origin
%preflight%http-request return status 204 if METH_OPTIONS cors_asks cors_origin
# after-response: on HAProxy's own responses and errors too
%answered%http-after-response del-header Access-Control-Allow-Origin
%answered%http-after-response del-header Access-Control-Allow-Credentials
http-after-response set-header Access-Control-Allow-Origin %[var(txn.cors_origin)] if cors_origin
%credentials%http-after-response set-header Access-Control-Allow-Credentials true if cors_origin
http-after-response set-header Access-Control-Expose-Headers "%exposed%" if cors_origin
%preflight%http-after-response set-header Access-Control-Allow-Methods "%methods%" if cors_preflight
%preflight%http-after-response set-header Access-Control-Allow-Headers "%headers%" if cors_preflight
%preflight%http-after-response set-header Access-Control-Max-Age %max-age% if cors_preflight
http-after-response add-header Vary Origin
""")

TRAEFIK: Final = Template(
    """
# %developing%
# dynamic configuration
http:
  middlewares:
    cors:
      headers:
        accessControlAllowOriginList: [%origins-quoted%]
        accessControlAllowMethods: [%methods-quoted%]
        accessControlAllowHeaders: [%headers-quoted%]
        accessControlExposeHeaders: [%exposed-quoted%]
        %credentials%accessControlAllowCredentials: true
        accessControlMaxAge: %max-age%
        addVaryHeader: true
        %answered%# removes the backend's own headers; the lists above still count
        %answered%customResponseHeaders: { Access-Control-Allow-Origin: "", Access-Control-Allow-Credentials: "" }
# and in the router, cors before any authentication:
#   middlewares: [cors, ...]
""",
    wildcard=True,
)

ENVOY: Final = Template(
    """
# %developing%
# in the virtual host or route
typed_per_filter_config:
  envoy.filters.http.cors:
    "@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy
    allow_origin_string_match:
%each%    - exact: "%origin%"
    allow_methods: "%methods%"
    allow_headers: "%headers%"
    expose_headers: "%exposed%"
    %credentials%allow_credentials: true
    max_age: "%max-age%"
response_headers_to_add:
- header: { key: Vary, value: Origin }
%answered%# removes the backend's own headers; the filter adds its headers later
%answered%response_headers_to_remove: [Access-Control-Allow-Origin, Access-Control-Allow-Credentials]

# in http_filters, before jwt_authn, ext_authz and router:
- name: envoy.filters.http.cors
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors
""",
    wildcard=True,
)

IIS: Final = Template(
    """
<!-- %developing% -->
<!-- not tested in a server -->
<!-- web.config, with the IIS CORS module installed: it answers OPTIONS before authentication and sets Vary -->
<configuration>
  <system.webServer>
    <cors enabled="true">
%each%      %credentials%<add origin="%origin%" allowed="true" allowCredentials="true" maxAge="%max-age%">
%each%      %no-credentials%<add origin="%origin%" allowed="true" maxAge="%max-age%">
%each%        <allowMethods>%methods-xml%</allowMethods>
%each%        <allowHeaders allowAllRequestedHeaders="false">%headers-xml%</allowHeaders>
%each%        <exposeHeaders>%exposed-xml%</exposeHeaders>
%each%      </add>
    </cors>
  </system.webServer>
</configuration>
%answered%<!-- remove Access-Control- lines under <customHeaders>: they would come twice -->
""",
    wildcard=True,
)

SERVERS: Final[dict[str, Writer]] = {
    "nginx": NGINX,
    "apache": APACHE,
    "caddy": CADDY,
    "haproxy": HAPROXY,
    "traefik": TRAEFIK,
    "envoy": ENVOY,
    "iis": IIS,
}
