"""Snippets for frameworks of other languages, by the key of the stack."""

from typing import Final

from .templates import COMMON_METHODS, Template, Writer

RAILS: Final = Template(
    """
# %developing%
# Gemfile: gem "rack-cors"; config/initializers/cors.rb
# the outermost middleware: it answers OPTIONS before authentication, covers errors, and sets Vary
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
%answered%# remove all other code that sets Access-Control-Allow-Origin
""",
    only=COMMON_METHODS,
    wildcard=True,
)

LARAVEL: Final = Template(
    """
<?php
// %developing%
// not tested in a server
// config/cors.php; then php artisan config:clear
// HandleCors is global: it runs before authentication, covers errors, and sets Vary where several origins are listed
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
%answered%// remove all other code that sets Access-Control-Allow-Origin
""",
    wildcard=True,
)

SPRING: Final = Template(
    """
// %developing%
// in a @Configuration class; Spring Security uses the name corsFilter itself
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
    // before Spring Security: OPTIONS passes without a login, and 401 and 403 get the headers
    registration.setOrder(Ordered.HIGHEST_PRECEDENCE);
    return registration;
}
%answered%// remove @CrossOrigin and all other code that sets Access-Control-Allow-Origin
""",
    wildcard=True,
)

ASPNETCORE: Final = Template("""
// %developing%
// not tested in a server
// Program.cs, before builder.Build()
var corsOrigins = new HashSet<string> { %origins-quoted% };
builder.Services.AddCors(options => options.AddPolicy("pages", policy => policy
    .SetIsOriginAllowed(corsOrigins.Contains) // sends Vary: Origin; WithOrigins does not, for a single origin
    .WithMethods(%methods-quoted%)
    .WithHeaders(%headers-quoted%)
    .WithExposedHeaders(%exposed-quoted%)
    %credentials%.AllowCredentials()
    .SetPreflightMaxAge(TimeSpan.FromSeconds(%max-age%))));

// after app.UseExceptionHandler() and app.UseRouting(), before UseAuthentication() and UseAuthorization()
app.UseCors("pages");
%answered%// remove all other code that sets Access-Control-Allow-Origin
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

// the outermost handler, around authentication: OPTIONS passes, and errors get the headers
// http.ListenAndServe(address, withCORS(handler))
%answered%// remove all other code that sets Access-Control-Allow-Origin
""")

ACTIX: Final = Template("""
// %developing%
// not tested in a server
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
// errors get the headers where a middleware returns a response, and not where it returns Err
App::new()/* routes and other middleware */.wrap(cors)
%answered%// remove all other code that sets Access-Control-Allow-Origin
""")

AXUM: Final = Template(
    """
// %developing%
// not tested in a server
// cargo add tower-http --features cors
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::CorsLayer;

let cors = CorsLayer::new()
    .allow_origin([
%each%        "%origin%".parse::<HeaderValue>().unwrap(),
    ])
    .allow_methods([%methods-rust%])
    .allow_headers([%headers-rust%])
    .expose_headers([%exposed-rust%])
    %credentials%.allow_credentials(true)
    .max_age(std::time::Duration::from_secs(%max-age%));
// the last layer is the outermost: around authentication, so that OPTIONS passes; it sets Vary
let app = app.layer(cors);
%answered%// remove all other code that sets Access-Control-Allow-Origin
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
