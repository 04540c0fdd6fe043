"""A WebKitGTK view that obeys orders: run by Debian's own Python, which has PyGObject.

usage: webkit_view.py PROXY_URL. An order is a line of JSON on stdin, [name, argument], and its answer one on stdout: an
object with "value", or with "error". Every visit is a context of its own, so no cookie, cache or preflight is left.
"""

import json
import shutil
import sys
import tempfile
import threading

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import GLib, Gtk, WebKit2  # noqa: E402

PROXY = sys.argv[1]
ON_SCREEN = {}


def answer(**told):
    print(json.dumps(told), flush=True)


def network(folder):
    # One that is kept on disk: an ephemeral one has no HTTP cache, and so never asks whether something has changed.
    store = WebKit2.WebsiteDataManager(base_data_directory=folder + "/data", base_cache_directory=folder + "/cache")
    store.set_tls_errors_policy(WebKit2.TLSErrorsPolicy.IGNORE)
    proxy = WebKit2.NetworkProxySettings.new(PROXY, None)
    store.set_network_proxy_settings(WebKit2.NetworkProxyMode.CUSTOM, proxy)
    return store


def fresh(_argument):
    leave(None)
    folder = tempfile.mkdtemp(prefix="webkit-visit-")
    context = WebKit2.WebContext.new_with_website_data_manager(network(folder))
    context.set_cache_model(WebKit2.CacheModel.WEB_BROWSER)
    settings = WebKit2.Settings()
    settings.set_property("enable-developer-extras", True)
    settings.set_property("media-playback-requires-user-gesture", False)
    settings.set_property("hardware-acceleration-policy", WebKit2.HardwareAccelerationPolicy.NEVER)
    policies = WebKit2.WebsitePolicies(autoplay=WebKit2.AutoplayPolicy.ALLOW)
    view = WebKit2.WebView(web_context=context, settings=settings, website_policies=policies)
    window = Gtk.OffscreenWindow()
    window.set_default_size(1000, 700)
    window.add(view)
    window.show_all()
    view.load_html("<title>nothing yet</title>", "about:blank")
    ON_SCREEN.update(view=view, window=window, context=context, folder=folder)
    answer(value=None)


def load(url):
    ON_SCREEN["view"].load_uri(url)
    answer(value=None)


def evaluate(expression):
    def finished(view, result):
        try:
            value = view.evaluate_javascript_finish(result)
        except GLib.Error as error:
            answer(error=error.message)
        else:
            answer(value=None if value.is_null() or value.is_undefined() else value.to_string())

    ON_SCREEN["view"].evaluate_javascript(expression, -1, None, None, None, finished)


def picture(path):
    ON_SCREEN["window"].get_pixbuf().savev(path, "png", [], [])
    answer(value=None)


def leave(argument):
    if ON_SCREEN:
        ON_SCREEN["window"].destroy()
        shutil.rmtree(ON_SCREEN["folder"], ignore_errors=True)
        ON_SCREEN.clear()
    if argument == "answer":
        answer(value=None)


def obey(line):
    name, argument = json.loads(line)
    {"fresh": fresh, "load": load, "evaluate": evaluate, "picture": picture, "leave": leave}[name](argument)
    return False


def listen():
    for line in sys.stdin:
        GLib.idle_add(obey, line)
    GLib.idle_add(end)


def end():
    leave(None)
    Gtk.main_quit()


parts = WebKit2.get_major_version(), WebKit2.get_minor_version(), WebKit2.get_micro_version()
answer(value="WebKitGTK/" + ".".join(map(str, parts)))
threading.Thread(target=listen, daemon=True).start()
Gtk.main()
