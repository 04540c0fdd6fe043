"""The file for ``mitmdump -s``: makes the package importable from wherever it lies, and lists the addon.

mitmproxy runs this file as a module of its own, outside the package, and puts its folder first on ``sys.path``, where
every module beside it would shadow the standard library's. Saving it reloads the whole package.
"""

import logging
import os
import sys

from mitmproxy import ctx

_FOLDER = os.path.dirname(os.path.realpath(__file__))
_ROOT = os.path.dirname(_FOLDER)

if sys.version_info < (3, 11):  # noqa: UP036  mitmproxy brings its own Python
    raise ImportError(f"cors-addon needs Python 3.11 or newer, and this mitmproxy runs on {sys.version.split()[0]}")
if os.path.basename(_FOLDER) != "cors_addon" or not os.path.isdir(os.path.join(_FOLDER, "mitm")):
    raise ImportError(
        f"{_FOLDER} is not cors-addon's own folder: leave addon.py where the rest of the package is,"
        " and give mitmproxy the path to it there, or a link to it"
    )

_master = getattr(ctx, "master", None)
_IS_LOADED = _master is not None and _master.addons.get("cors-addon") is not None

sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or os.curdir) != _FOLDER]
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

if _IS_LOADED:
    # Its modules must stay: what it imports later has to be of the same classes.
    logging.getLogger("cors_addon").warning(
        "CORS: cors-addon is loaded already and judges every flow, so it is not loaded twice"
    )
    addons = []
else:
    for _name in [name for name in sys.modules if name.partition(".")[0] == "cors_addon"]:
        del sys.modules[_name]

    from cors_addon.mitm.addon import CorsAddon

    addons = [CorsAddon()]
