"""Keys of a flow's metadata that more than one part reads, in saved files too."""

from typing import Final

PROBE: Final = "cors.probe"
"""In what guise a request of ``cors.probe`` asks. Where it stands, no browser had a part in the flow."""
