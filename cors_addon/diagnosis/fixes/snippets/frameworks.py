"""Snippets for frameworks of other languages, by the key of the stack."""

from typing import Final

from .templates import COMMON_METHODS, Template, Writer

RAILS: Final = Template(
    """
# %developing%
# Gemfile: gem "rack-cors"; config/initializers/cors.rb
# the outermost: it answers OPTIONS before authentication, its headers are on errors too, and it sets Vary
Rails.application.config.middleware.insert_before 0, Rack::Cors do
  allow do
    origins %origins-quoted%
    resource "*",
      headers: %headers-json%,
      expose: [%exposed-quoted%],
      %credentials%credentials: true,
      max_age: %max-age%,
      methods: [%methods-ruby%]
  end
end
%answered%# and nowhere else: take out what sets Access-Control-Allow-Origin so far
""",
    only=COMMON_METHODS,
    wildcard=True,
)

LARAVEL: Final = Template(
    """
<?php
// %developing%
// config/cors.php; then php artisan config:clear
// HandleCors is global: before authentication, on errors too, and it sets Vary
return [
    'paths' => ['*'],
    'allowed_origins' => [%origins-single%],
    'allowed_origins_patterns' => [],
    'allowed_methods' => [%methods-single%],
    'allowed_headers' => %headers-json%,
    'exposed_headers' => %exposed-json%,
    'max_age' => %max-age%,
    'supports_credentials' => %credentials-bool%,
];
%answered%// and nowhere else: take out what sets Access-Control-Allow-Origin so far
""",
    wildcard=True,
)

SPRING: Final = Template(
    """
// %developing%
// in a @Configuration class; not named corsFilter, a name that Spring Security takes for its own
@Bean
FilterRegistrationBean<CorsFilter> corsRegistration() {
    CorsConfiguration cors = new CorsConfiguration();
    cors.setAllowedOrigins(List.of(%origins-quoted%));
    // Spring rejects every method that is not in this list, without a preflight too
    cors.setAllowedMethods(List.of(%methods-and-safelisted%));
    cors.setAllowedHeaders(List.of(%headers-quoted%));
    cors.setExposedHeaders(List.of(%exposed-quoted%));
    %credentials%cors.setAllowCredentials(true);
    cors.setMaxAge(%max-age%L);
    UrlBasedCorsConfigurationSource source = new UrlBasedCorsConfigurationSource();
    source.registerCorsConfiguration("/**", cors);
    FilterRegistrationBean<CorsFilter> registration = new FilterRegistrationBean<>(new CorsFilter(source));
    // before Spring Security: OPTIONS passes without a login, and 401 and 403 have the headers; it sets Vary
    registration.setOrder(Ordered.HIGHEST_PRECEDENCE);
    return registration;
}
%answered%// and nowhere else: take out @CrossOrigin and what sets Access-Control-Allow-Origin so far
""",
    wildcard=True,
)

ASPNETCORE: Final = Template("""
// %developing%
// Program.cs, before builder.Build()
var corsOrigins = new HashSet<string> { %origins-quoted% };
builder.Services.AddCors(options => options.AddPolicy("pages", policy => policy
    .SetIsOriginAllowed(corsOrigins.Contains) // with Vary: Origin, which WithOrigins leaves out for a single one
    .WithMethods(%methods-quoted%)
    .WithHeaders(%headers-quoted%)
    .WithExposedHeaders(%exposed-quoted%)
    %credentials%.AllowCredentials()
    .SetPreflightMaxAge(TimeSpan.FromSeconds(%max-age%))));

// after app.UseExceptionHandler() and app.UseRouting(), before UseAuthentication() and UseAuthorization()
app.UseCors("pages");
%answered%// and nowhere else: take out what sets Access-Control-Allow-Origin so far
""")

GO: Final = Template("""
// %developing%
var corsOrigins = map[string]bool{
%each%    "%origin%": true,
}

func withCORS(next http.Handler) http.Handler {
    return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
        header, origin := w.Header(), r.Header.Get("Origin")
        header.Add("Vary", "Origin")
        if corsOrigins[origin] {
            header.Set("Access-Control-Allow-Origin", origin)
            %credentials%header.Set("Access-Control-Allow-Credentials", "true")
            header.Set("Access-Control-Expose-Headers", "%exposed%")
        }
        %preflight%if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
        %preflight%    header.Set("Access-Control-Allow-Methods", "%methods%")
        %preflight%    header.Set("Access-Control-Allow-Headers", "%headers%")
        %preflight%    header.Set("Access-Control-Max-Age", "%max-age%")
        %preflight%    w.WriteHeader(http.StatusNoContent)
        %preflight%    return
        %preflight%}
        next.ServeHTTP(w, r)
    })
}

// the outermost handler, around authentication: OPTIONS passes, and errors have the headers
// http.ListenAndServe(address, withCORS(handler))
%answered%// and nowhere else: take out what sets Access-Control-Allow-Origin so far
""")

ACTIX: Final = Template("""
// %developing%
// cargo add actix-cors
use actix_cors::Cors;

// in the closure of HttpServer::new
let cors = Cors::default()
%each%    .allowed_origin("%origin%")
    .allowed_methods(vec![%methods-quoted%])
    .allowed_headers(vec![%headers-quoted%])
    .expose_headers(vec![%exposed-quoted%])
    %credentials%.supports_credentials()
    .max_age(%max-age%);
// the last wrap is the outermost: around authentication, so that OPTIONS passes; it sets Vary
App::new()/* routes and other middleware */.wrap(cors)
%answered%// and nowhere else: take out what sets Access-Control-Allow-Origin so far
""")

AXUM: Final = Template(
    """
// %developing%
// cargo add tower-http --features cors
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::CorsLayer;

let cors = CorsLayer::new()
    .allow_origin([
%each%        "%origin%".parse::<HeaderValue>().unwrap(),
    ])
    .allow_methods([%methods-rust%])
    .allow_headers([%headers-rust%])
    %credentials%.allow_credentials(true)
    .max_age(std::time::Duration::from_secs(%max-age%));
// the last layer is the outermost: around authentication, so that OPTIONS passes; it sets Vary
let app = app.layer(cors);
%answered%// and nowhere else: take out what sets Access-Control-Allow-Origin so far
""",
    only=COMMON_METHODS,
)

FRAMEWORKS: Final[dict[str, Writer]] = {
    "rails": RAILS,
    "laravel": LARAVEL,
    "spring": SPRING,
    "aspnetcore": ASPNETCORE,
    "go": GO,
    "actix": ACTIX,
    "axum": AXUM,
}
