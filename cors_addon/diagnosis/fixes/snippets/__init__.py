"""What to write into each stack. One table from the key of a stack (``signs.NAMES``) to its writer."""

import functools
from typing import Final

from ..required_headers import Need
from .clouds import CLOUDS
from .frameworks import FRAMEWORKS
from .javascript import JAVASCRIPT
from .python import PYTHON
from .servers import SERVERS
from .templates import Template, Writer, safe

ANY_SERVER: Final = Template(
    """
# %developing%
%preflight%# to OPTIONS, before authentication, with status 204:
%preflight%Access-Control-Allow-Origin: %origin%
%preflight%%credentials%Access-Control-Allow-Credentials: true
%preflight%Access-Control-Allow-Methods: %methods%
%preflight%Access-Control-Allow-Headers: %headers%
%preflight%Access-Control-Max-Age: %max-age%
%preflight%Vary: Origin
%preflight%
# to the request itself, whatever its status, errors included:
Access-Control-Allow-Origin: %origin%
%credentials%Access-Control-Allow-Credentials: true
Access-Control-Expose-Headers: %exposed%
Vary: Origin

# Send each header once. Compare Origin with a list; never echo it unchecked.
""",
    wildcard=True,
)

WRITERS: Final[dict[str, Writer]] = {**SERVERS, **JAVASCRIPT, **PYTHON, **FRAMEWORKS, **CLOUDS}


@functools.lru_cache(512)
def snippet_text(stack: str | None, need: Need) -> str | None:
    """Return what to write into a stack (``None``: any server) for a request.

    ``None`` where the stack cannot grant it, or where a value of the request's must not stand in program text.
    """
    harmless = safe(need)
    if harmless is None:
        return None
    return (ANY_SERVER if stack is None else WRITERS[stack])(harmless)
