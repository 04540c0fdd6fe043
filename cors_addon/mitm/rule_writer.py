"""Writes rules into the rule file for the commands and the live page, puts them in force, and takes them back."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mitmproxy import exceptions

from ..rules.suggest import BlockedRequest
from ..verdict.failure_details import inert
from .injection import Injection
from .rulefile import Overtaken

if TYPE_CHECKING:
    from ..rules.edit import Edit

_MOST_UNDONE: Final = 50
_CHANGED: Final = "The rule file has changed since. Look at the change again."


class NotWritten(Exception):
    """The rule file stays as it is; the text says why and what to do."""


@contextmanager
def refusing() -> Iterator[None]:
    """Tell the user of a command why the rule file stays as it is."""
    try:
        yield
    except NotWritten as exc:
        raise exceptions.CommandError(str(exc)) from exc


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: the names of the ``rules`` that let the requests through now, the ``diff``, and where."""

    rules: tuple[str, ...]
    diff: str
    place: str
    refused: tuple[tuple[BlockedRequest, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """A change that is not written yet."""

    edit: "Edit"
    diff: str
    place: str

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules that will let the requests through."""
        return self.edit.names


class RuleWriter:
    """Adds rules and takes them back. ``switch`` throws the injection switch as the option does."""

    def __init__(self, injection: Injection, switch: Callable[[bool], None]) -> None:
        self._injection = injection
        self._switch = switch
        self._undo: list[tuple[bytes | None, bytes | None]] = []

    @property
    def place(self) -> str:
        """Where rules go: the path of the rule file, or a word for the memory."""
        path = self._injection.file.path
        return "memory" if path is None else inert(str(path), 1_000)

    @property
    def is_long(self) -> bool:
        """Whether the rules take longer to read than a turn of the event loop should."""
        return self._injection.file.is_long

    @property
    def state(self) -> object:
        """What previews hang on: another one, when the rules have changed."""
        return self._injection.file.path, self._injection.file.version

    @property
    def can_undo(self) -> bool:
        """Whether a change can be taken back."""
        return bool(self._undo)

    def preview(self, requests: Iterable[BlockedRequest]) -> Preview:
        """Return the smallest change that lets these requests through. Raises ``NotWritten``."""
        # Most sessions write no rules.
        from ..rules.edit import unblock
        from ..rules.file_text import EditRefused

        try:
            edit = unblock(self._content(), requests)
        except EditRefused as exc:
            raise NotWritten(str(exc)) from exc
        return Preview(edit, edit.diff(self.place), self.place)

    def write(self, preview: Preview) -> Written:
        """Write a previewed change and put its rules in force. Raises ``NotWritten``, as for a changed file."""
        edit, before = preview.edit, self._content()
        if before != edit.before:
            raise NotWritten(_CHANGED)
        if not edit.names:
            reasons = "; ".join(dict.fromkeys(reason for _, reason in edit.refused)) or "nothing is blocked"
            raise NotWritten(f"No rule is written: {reasons}.")
        if edit.changes:
            self._put(edit.after, before)
            self._undo = [*self._undo[1 - _MOST_UNDONE :], (before, edit.after)]
        self._injection.add(edit.names)
        self._switch(True)
        return Written(edit.names, preview.diff, self.place, edit.refused)

    def undo(self) -> str:
        """Take back the last change, and say where. Raises ``NotWritten`` where there is none, or another since."""
        if not self._undo:
            raise NotWritten("No rule was written in this session, so nothing can be taken back.")
        before, after = self._undo[-1]
        if self._content() != after:
            raise NotWritten(f"{self.place} has changed since. Take the rule out by hand.")
        self._undo.pop()
        if before is None:
            self._delete()
        else:
            self._put(before, after)
        return self.place

    def remove(self, name: str) -> str:
        """Take a rule out of the file, and return the diff; a file made for that rule alone is deleted.

        Raises ``NotWritten``.
        """
        from ..rules.edit import remove
        from ..rules.file_text import EditRefused

        before = self._content()
        if [rule.name for rule in self._injection.file.rules.rules] == [name] and self._made_here(before):
            self._undo = [*self._undo[1 - _MOST_UNDONE :], (before, None)]
            self._delete()
            return f"\n\n{self.place} held this rule alone and is deleted"
        try:
            edit = remove(before or b"", name)
        except EditRefused as exc:
            raise NotWritten(str(exc)) from exc
        self._put(edit.after, before)
        self._undo = [*self._undo[1 - _MOST_UNDONE :], (before, edit.after)]
        return edit.diff(self.place)

    def _made_here(self, content: bytes | None) -> bool:
        """Say whether the file did not exist before this session, and nobody has changed it since."""
        return any(before is None for before, _ in self._undo) and self._undo[-1][1] == content

    def _content(self) -> bytes | None:
        try:
            return self._injection.file.content()
        except OSError as exc:
            raise NotWritten(f"{self.place} cannot be read: {exc.strerror or exc}.") from exc

    def _put(self, content: bytes, before: bytes | None) -> None:
        try:
            change = self._injection.file.write(content, before)
        except Overtaken as exc:
            raise NotWritten(_CHANGED) from exc
        except OSError as exc:
            raise NotWritten(f"{self.place} cannot be written: {exc.strerror or exc}.") from exc
        self._injection.take(change)

    def _delete(self) -> None:
        try:
            self._injection.file.delete()
        except OSError as exc:
            raise NotWritten(f"{self.place} cannot be deleted: {exc.strerror or exc}.") from exc
