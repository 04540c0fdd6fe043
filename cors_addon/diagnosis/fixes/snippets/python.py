"""Snippets for frameworks of Python, by the key of the stack."""

from typing import Final

from .templates import Template, Writer

FASTAPI: Final = Template(
    """
# %developing%
from starlette.middleware.cors import CORSMiddleware

# the last line of the module: around everything, so that unhandled errors (500) get the headers too
app = CORSMiddleware(
    app,
    allow_origins=[%origins-quoted%],
    allow_methods=[%methods-quoted%],
    allow_headers=[%headers-quoted%],
    expose_headers=[%exposed-quoted%],
    %credentials%allow_credentials=True,
    max_age=%max-age%,
)
%answered%# remove all other code that sets Access-Control-Allow-Origin
""",
    wildcard=True,
)

FLASK: Final = Template("""
# %developing%
from flask import request

CORS_ORIGINS = {%origins-quoted%}


%preflight%def cors_preflight():
%preflight%    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
%preflight%
%preflight%
%preflight%@app.before_request  # above every other before_request, so that OPTIONS needs no login
%preflight%def cors_answer():
%preflight%    return ("", 204) if cors_preflight() else None
%preflight%
%preflight%
@app.after_request  # above every other after_request, so that it runs last; on errors too
def cors_allow(response):
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin in CORS_ORIGINS:
        response.headers["Access-Control-Allow-Origin"] = origin
        %credentials%response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Expose-Headers"] = "%exposed%"
        %preflight%if cors_preflight():
        %preflight%    response.headers["Access-Control-Allow-Methods"] = "%methods%"
        %preflight%    response.headers["Access-Control-Allow-Headers"] = "%headers%"
        %preflight%    response.headers["Access-Control-Max-Age"] = "%max-age%"
    return response
""")

DJANGO: Final = Template("""
# %developing%
# pip install django-cors-headers; at the end of settings.py
INSTALLED_APPS = [*INSTALLED_APPS, "corsheaders"]
# the first middleware: it answers OPTIONS before authentication, and covers errors
MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *MIDDLEWARE]
CORS_ALLOWED_ORIGINS = [%origins-quoted%]
CORS_ALLOW_METHODS = [%methods-quoted%]
CORS_ALLOW_HEADERS = %headers-json%
CORS_EXPOSE_HEADERS = [%exposed-quoted%]
%credentials%CORS_ALLOW_CREDENTIALS = True
CORS_PREFLIGHT_MAX_AGE = %max-age%
""")

PYTHON: Final[dict[str, Writer]] = {"fastapi": FASTAPI, "flask": FLASK, "django": DJANGO}
