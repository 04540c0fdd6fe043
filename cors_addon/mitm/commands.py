"""The commands. Names hold letters and dots only: mitmweb cannot reach others."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mitmproxy import command, exceptions, flow, types

from ..report import files
from ..report.formats import SUFFIXES
from ..report.text import summary
from .contentview import text_for

if TYPE_CHECKING:
    from .addon import CorsAddon


class Commands:
    """Commands over the addon's state; each raises ``CommandError`` with a sentence for what the user can mend."""

    name = "cors-commands"

    def __init__(self, addon: "CorsAddon") -> None:
        self._addon = addon

    @command.command("cors.explain")
    def explain(self, flows: Sequence[flow.Flow]) -> types.Data:
        """Explain what browsers do with these flows, and why."""
        rows = [["flow", "explanation"]]
        for each in flows:
            rows += [[each.id[:8], line] for line in text_for(each).split("\n")]
        return rows  # type: ignore[return-value]

    @command.command("cors.status")
    def status(self) -> types.Data:
        """Show what was judged so far, grouped by what to fix."""
        return [["CORS"], *([line] for line in summary(self._addon.report()))]  # type: ignore[return-value]

    @command.command("cors.report")
    def report(self, path: types.Path) -> str:
        """Write a report; the format goes by the path's ending."""
        target = Path(path).expanduser()
        if target.suffix.lower() not in SUFFIXES:
            raise exceptions.CommandError(
                f"{target.name!r}: the format goes by the ending, one of {', '.join(SUFFIXES)}"
            )
        report = self._addon.report()
        try:
            files.write(report, target)
        except OSError as exc:
            raise exceptions.CommandError(f"{target} cannot be written: {exc.strerror or exc}") from exc
        return f"{len(report.flows)} flows written to {target}"

    @command.command("cors.clear")
    def clear(self) -> None:
        """Forget all verdicts and evidence so far."""
        self._addon.clear()
