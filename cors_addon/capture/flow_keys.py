"""Keys of a flow's metadata that more than one part reads, in saved files too."""

from typing import Final

SERVER: Final = "cors.server"
"""What the server sent where a rule changed it: pairs of name and value, the first of which is the status."""

VERDICT: Final = "cors"
"""The verdict as plain data; its ``delivered`` says what a rule did."""

PROBE: Final = "cors.probe"
"""In what guise a request of ``cors.probe`` asks. Where it stands, no browser had a part in the flow."""
