"""A script that throws every option of the addon, and clears, many times a second; load it after the addon.

CORS_TOGGLE_FOLDER is where reports and rule files are written. At the end it says how often it threw one.
"""

import asyncio
import os
import random
from pathlib import Path

from mitmproxy import ctx

FOLDER = Path(os.environ["CORS_TOGGLE_FOLDER"])
VALUES: dict[str, list[object]] = {
    "cors_inject": [True, False],
    "cors_browser": ["auto", "chromium", "firefox", "webkit"],
    "cors_audit": [True, False],
    "cors_mark": [True, False],
    "cors_mark_style": ["emoji", "plain"],
    "cors_comment": [True, False],
    "cors_ignore": [[], ["allow-origin-missing # known"]],
    "cors_report": [[], [str(FOLDER / "a.jsonl")], [str(FOLDER / "b.jsonl"), str(FOLDER / "c.json")]],
    "cors_rules": [str(FOLDER / "one.yaml"), str(FOLDER / "two.yaml")],
    "cors_page": ["", "cors.addon", "other.addon"],
    "cors_page_clients": [[], ["192.0.2.0/24"]],
    "cors_memory": [64, 256],
}
COMMANDS = (("cors.clear",), ("cors.clear",), ("cors.status",), ("cors.rules.reload",), ("cors.report", "now.html"))


class Toggling:
    def __init__(self) -> None:
        self.count = 0

    def running(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._throw())

    async def _throw(self) -> None:
        while True:
            await asyncio.sleep(0.005)
            self.count += 1
            try:
                self._throw_one()
            except Exception as error:
                # A second report to the same file is refused with a sentence, and so is injection without rules.
                if "already" not in str(error):
                    print(f"refused: {error!r}", flush=True)

    def _throw_one(self) -> None:
        if self.count % 8:
            name = random.choice([*VALUES])
            ctx.options.update(**{name: random.choice(VALUES[name])})
        else:
            command, *arguments = random.choice(COMMANDS)
            ctx.master.commands.call_strings(command, [str(FOLDER / each) for each in arguments])

    def done(self) -> None:
        self._task.cancel()
        print(f"threw {self.count}", flush=True)


addons = [Toggling()]
