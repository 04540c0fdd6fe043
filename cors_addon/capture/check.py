"""Many captures, each a session of its own, on all cores, into one report."""

import os
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..diagnosis.session import Settings
from ..report.baseline import Baseline
from ..report.ignore import Ignores
from ..report.model import Report, build, merge
from ..verdict.model import Judge
from .compression import STDIN
from .judging import Advance, Judged, judge_capture, judge_entries

if TYPE_CHECKING:
    from concurrent.futures import Future
    from multiprocessing.sharedctypes import Synchronized

BROWSERS: Final = ("auto", *(judge.value for judge in Judge))
_LOOK_EVERY: Final = 0.1

_Part = tuple[Report, dict[str, Any]]
"""A capture's report, and what the summary says of the capture."""

Show = Callable[[int, int | None], None]
"""Is told from time to time how many bytes have been read, and of how many (``None``: not known)."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to do with every capture; in ``brief``, a report needs those flows only that its groups are told by."""

    browser: str = "auto"
    ignores: Ignores = field(default_factory=Ignores)
    baseline: Baseline = field(default_factory=Baseline)
    brief: bool = False

    @property
    def settings(self) -> Settings:
        return Settings(None if self.browser == "auto" else Judge(self.browser))


def check(paths: Sequence[str], task: Task, jobs: int = 1, show: Show | None = None) -> Report:
    """Judge captures, ``-`` for standard input, in up to ``jobs`` processes at a time.

    The report is in the order of the paths, whichever is done first. Its summary's ``captures`` say for each what it is
    and what could not be read.
    """
    names = _names(paths)
    sizes = [_size(path) for path in paths]
    total = sum(sizes) if STDIN not in paths else None

    def told(done: int) -> None:
        if show is not None:
            show(done, total)

    if jobs > 1 and len(paths) > 1:
        parts = _in_parallel(paths, names, sizes, task, jobs, told)
    else:
        parts = []
        for index, path in enumerate(paths):
            behind = sum(sizes[:index])
            parts.append(_checked(path, names[index], task, lambda at, behind=behind: told(behind + at)))  # type: ignore[misc]
    merged = merge((report for report, _ in parts), [capture for _, capture in parts])
    return replace(merged, compared=task.baseline.is_given)


def check_entries(entries: Iterable[Any], task: Task) -> Report:
    """Judge the entries of a HAR that somebody read already, as a session of their own."""
    report, capture = _part(judge_entries(entries, "har", task.settings), "har", task)
    return merge([report], [capture])


def _checked(path: str, name: str, task: Task, advance: Advance | None) -> _Part:
    try:
        return _part(judge_capture(path, name, task.settings, advance), path, task)
    except ModuleNotFoundError:
        # Without mitmproxy no flow file can be read: said once, with how to get it.
        raise
    except Exception as exc:
        # It must cost no other capture.
        *_, place = traceback.extract_tb(exc.__traceback__)
        where = f"{type(exc).__name__} in {os.path.basename(place.filename)}, line {place.lineno}"
        return _part(Judged(problem=f"cors-addon has a fault of its own ({where}); please report it"), path, task)


def _part(judged: Judged, path: str, task: Task) -> _Part:
    not_cors = judged.flows - len(judged.verdicts)
    report = build(
        judged.verdicts,
        not_cors=not_cors,
        ignores=task.ignores,
        baseline=task.baseline,
        hosts=judged.hosts,
        brief=task.brief,
        explain=judged.explain,
    )
    capture = {
        "path": path,
        "kind": judged.kind,
        "flows": judged.flows,
        "problem": judged.problem,
        "note": judged.note,
    }
    return report, capture


def _names(paths: Sequence[str]) -> list[str]:
    """Return what the entries of each HAR are called by: its file name, and its path where two have the same."""
    files = ["stdin" if path == STDIN else os.path.basename(path) or path for path in paths]
    times = Counter(files)
    return [file if times[file] == 1 else path for file, path in zip(files, paths, strict=True)]


def _size(path: str) -> int:
    try:
        return 0 if path == STDIN else Path(path).stat().st_size
    except OSError:
        return 0


# --- more than one process ----------------------------------------------------------------------------------------

_progress: "Synchronized[int] | None" = None


def _begin(progress: "Synchronized[int]") -> None:
    global _progress
    # Ctrl-C goes to all processes of a terminal; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _progress = progress


def _in_a_process(path: str, name: str, task: Task) -> _Part:
    before = 0

    def advance(at: int) -> None:
        nonlocal before
        if _progress is not None:
            with _progress.get_lock():
                _progress.value += at - before
        before = at

    return _checked(path, name, task, advance)


def _in_parallel(
    paths: Sequence[str],
    names: Sequence[str],
    sizes: Sequence[int],
    task: Task,
    jobs: int,
    show: Callable[[int], None],
) -> list[_Part]:
    # One capture in one process needs none of it, and should be judged before all of it is imported.
    import multiprocessing
    from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, ProcessPoolExecutor, wait

    # Starting afresh is the one way that every system has, and it copies no threads' locks.
    context = multiprocessing.get_context("spawn")
    progress = context.Value("q", 0)
    parts: list[_Part | None] = [None] * len(paths)
    others = [index for index, path in enumerate(paths) if path != STDIN]
    # The largest first: begun last, it would keep one core busy while the others are done.
    others.sort(key=lambda index: sizes[index], reverse=True)
    killed: list[int] = []
    with ProcessPoolExecutor(min(jobs, len(paths)), context, _begin, (progress,)) as pool:
        waiting: dict[Future[_Part], int] = {
            pool.submit(_in_a_process, paths[index], names[index], task): index for index in others
        }
        try:
            for index, path in enumerate(paths):
                if path == STDIN:
                    parts[index] = _checked(path, names[index], task, None)
            while waiting:
                done, _ = wait(waiting, _LOOK_EVERY, FIRST_COMPLETED)
                for future in done:
                    index = waiting.pop(future)
                    try:
                        parts[index] = future.result()
                    except BrokenExecutor:
                        killed.append(index)
                # Without its lock, which a process that was killed may hold.
                show(progress.get_obj().value)
        except BaseException:
            # Else the end of the pool waits until the captures that are being judged are done.
            for process in list(pool._processes.values()):
                process.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    # One process that is killed, by want of memory say, breaks the pool for all: each has one of its own instead.
    for index in sorted(killed):
        with ProcessPoolExecutor(1, context) as pool:
            try:
                parts[index] = pool.submit(_in_a_process, paths[index], names[index], task).result()
            except BrokenExecutor:
                judged = Judged(problem="the process that read it was killed, perhaps for want of memory")
                parts[index] = _part(judged, paths[index], task)
    return [part for part in parts if part is not None]
