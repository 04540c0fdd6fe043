"""Memory: what a process holds after so many flows, none of which it keeps. Run as a process of its own."""

import json
import subprocess
import sys
from collections.abc import Sequence

from mitmproxy.test import taddons

from .measures import ROOT
from .traffic import flow_of, mixed


def measure(counts: Sequence[int], with_addon: bool) -> dict[int, float]:
    """Return the megabytes that are resident after each count of flows."""
    command = [sys.executable, "-m", "benchmark.memory", json.dumps([with_addon, *sorted(counts)])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=f"{ROOT}/scripts", check=False)
    if done.returncode:
        raise RuntimeError(f"the measure of memory failed:\n{done.stderr[-2000:]}")
    return {int(count): float(held) for count, held in json.loads(done.stdout).items()}


def _resident() -> float:
    """Return the megabytes that are resident now, or, where the system does not tell, were at most."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _run(with_addon: bool, counts: Sequence[int]) -> dict[int, float]:
    found: dict[int, float] = {}
    with taddons.context() as context:
        addon = None
        if with_addon:
            sys.path.insert(0, ROOT)
            from cors_addon.mitm.addon import CorsAddon

            addon = CorsAddon()
            context.master.addons.add(addon)
        for number, started, call, host in mixed(max(counts)):
            flow = flow_of(number, started, call, host, live=True)
            response, flow.response = flow.response, None
            if addon is not None:
                addon.requestheaders(flow)
            flow.response = response
            if addon is not None:
                addon.responseheaders(flow)
                addon.response(flow)
            if number + 1 in counts:
                found[number + 1] = _resident()
    return found


if __name__ == "__main__":
    with_addon, *counts = json.loads(sys.argv[1])
    print(json.dumps(_run(bool(with_addon), counts)))
