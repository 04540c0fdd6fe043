"""Serves apps of FastAPI, Flask and Django, one port each.

Reads a list of apps on standard input, each with its stack, and prints the ports by host as JSON once all listen. A
process each: Django has one configuration a process.
"""

import importlib
import json
import os
import signal
import socket
import sys
from typing import Any

PASSWORD = "Basic dTpw"


def fastapi(app: dict[str, Any], listening: socket.socket) -> None:
    import uvicorn
    from fastapi import FastAPI, Request, Response

    api = FastAPI()

    @api.middleware("http")
    async def by_hand(request: Request, call_next: Any) -> Response:
        if app["options"] and request.method == "OPTIONS":
            response = Response(status_code=204)
        elif app["auth"] and request.headers.get("authorization") != PASSWORD:
            response = Response(status_code=401)
        else:
            response = await call_next(request)
        for name, value in app["lines"]:
            response.headers[name] = value
        return response

    @api.api_route("/item", methods=["GET", "PUT", "PATCH", "DELETE"])
    async def item() -> dict[str, str]:
        return {}

    @api.get("/fail")
    async def fail() -> None:
        raise RuntimeError("on purpose")

    names: dict[str, Any] = {"app": api}
    exec(app["snippet"] or "", names)
    config = uvicorn.Config(names["app"], log_level="critical")
    uvicorn.Server(config).run(sockets=[listening])


def flask(app: dict[str, Any], listening: socket.socket) -> None:
    from flask import Flask, Response, request
    from werkzeug.serving import WSGIRequestHandler, make_server

    site = Flask("site")
    site.logger.disabled = True
    exec(app["snippet"] or "", {"app": site})

    @site.before_request
    def by_hand() -> Any:
        if app["options"] and request.method == "OPTIONS":
            return "", 204
        if app["auth"] and request.headers.get("Authorization") != PASSWORD:
            return "", 401
        return None

    @site.after_request
    def lines(response: Response) -> Response:
        for name, value in app["lines"]:
            response.headers[name] = value
        return response

    @site.route("/item", methods=["GET", "PUT", "PATCH", "DELETE"])
    def item() -> dict[str, str]:
        return {}

    @site.route("/fail")
    def fail() -> None:
        raise RuntimeError("on purpose")

    class Quiet(WSGIRequestHandler):
        def log(self, *arguments: Any) -> None:
            pass

    host, port = listening.getsockname()
    make_server(host, port, site, threaded=True, request_handler=Quiet, fd=listening.fileno()).serve_forever()


def django(app: dict[str, Any], listening: socket.socket) -> None:
    from django.conf import settings
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse, JsonResponse
    from django.urls import path

    def by_hand(get_response: Any) -> Any:
        def middleware(request: Any) -> Any:
            if app["options"] and request.method == "OPTIONS":
                response = HttpResponse(status=204)
            elif app["auth"] and request.headers.get("Authorization") != PASSWORD:
                response = HttpResponse(status=401)
            else:
                response = get_response(request)
            for name, value in app["lines"]:
                response[name] = value
            return response

        return middleware

    def item(request: Any) -> Any:
        return HttpResponse(status=405) if request.method == "OPTIONS" else JsonResponse({})

    def fail(request: Any) -> Any:
        raise RuntimeError("on purpose")

    module = sys.modules["__main__"]
    module.by_hand = by_hand  # type: ignore[attr-defined]
    module.urlpatterns = [path("item", item), path("fail", fail)]  # type: ignore[attr-defined]
    names: dict[str, Any] = {
        "INSTALLED_APPS": [],
        "MIDDLEWARE": [
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
            "__main__.by_hand",
        ],
        "ALLOWED_HOSTS": ["*"],
        "ROOT_URLCONF": "__main__",
        "SECRET_KEY": "for tests alone",
        "LOGGING_CONFIG": None,
    }
    exec(app["snippet"] or "", names)
    settings.configure(**{name: value for name, value in names.items() if name.isupper()})

    class Quiet(WSGIRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadedWSGIServer(listening.getsockname(), Quiet, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    server.server_name, server.server_port = "127.0.0.1", listening.getsockname()[1]
    server.setup_environ()
    server.set_app(get_wsgi_application())
    server.serve_forever()


MAKERS = {"fastapi": fastapi, "flask": flask, "django": django}


PACKAGES = {
    "fastapi": ("fastapi", "uvicorn", "starlette.middleware.cors"),
    "flask": ("flask", "werkzeug.serving"),
    "django": ("django.core.servers.basehttp", "django.middleware.security", "corsheaders.middleware"),
}


def main() -> None:
    apps = json.load(sys.stdin)
    for stack in {app["stack"] for app in apps}:  # once for all of them
        for package in PACKAGES[stack]:
            importlib.import_module(package)
    ports = {}
    for app in apps:
        listening = socket.create_server(("127.0.0.1", 0))
        ports[app["host"]] = listening.getsockname()[1]
        if os.fork() == 0:
            MAKERS[app["stack"]](app, listening)
            os._exit(0)
        listening.close()
    print(json.dumps(ports), flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
