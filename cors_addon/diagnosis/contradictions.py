"""Where a host disagrees with itself: answers to like questions that differ in what CORS makes of them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ..fetch.headers import HeaderList, extract_header_list_values
from ..fetch.messages import is_ok_status
from ..traffic.host_policies import Answer, Sighting, Way
from ..verdict.failure_details import inert

_MOST: Final = 20
_LONGEST: Final = 120


def contradictions(sightings: Sequence[Sighting]) -> list[dict[str, Any]]:
    """Return contradictions in what one host answered: ``id``, a one-line ``message``, and the ``flows`` that differ.

    Each is told once a path, of the flows seen first.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name, path, message, one, other in _all(sightings):
        if len(found) < _MOST:
            told = {"id": name, "path": path, "message": message, "flows": [one.flow, other.flow]}
            found.setdefault((name, path), told)
    return list(found.values())


_Found = tuple[str, str, str, Sighting, Sighting]


def _all(sightings: Sequence[Sighting]) -> Iterator[_Found]:
    at_path: defaultdict[tuple[str, str], list[Sighting]] = defaultdict(list)
    for each in sightings:
        at_path[each.answer.path, each.answer.origin].append(each)
    for (path, origin), seen in at_path.items():
        actual = [each for each in seen if not each.answer.is_preflight]
        preflights = [each for each in seen if each.answer.is_preflight]
        shown = inert(path, _LONGEST)
        yield from _answers_differ(shown, inert(origin, _LONGEST), actual)
        yield from _preflight_and_answer(shown, inert(origin, _LONGEST), preflights, actual)
    yield from _errors_differ(sightings)
    yield from _granted_and_refused(sightings)


def _answers_differ(path: str, origin: str, actual: Sequence[Sighting]) -> Iterator[_Found]:
    """The same page asks for the same path, and is allowed now and then."""
    fine = [each for each in actual if is_ok_status(each.answer.status)]
    for method in dict.fromkeys(each.answer.method for each in fine):
        same = [each for each in fine if each.answer.method == method]
        let_in = next((each for each in same if each.answer.allows), None)
        refused = next((each for each in same if not each.answer.allows), None)
        if let_in is not None and refused is not None:
            servers = let_in.answer.server, refused.answer.server
            by = f"; {inert(servers[0], 40)} did, {inert(servers[1], 40)} did not" if servers[0] != servers[1] else ""
            message = f"{inert(method, 20)} {path} lets {origin} in at one time and not at another{by}"
            yield "now-and-then", path, message, let_in, refused
        with_them = next((each for each in same if _takes_credentials(each.answer)), None)
        without = next((each for each in same if each.answer.allows and not _takes_credentials(each.answer)), None)
        if with_them is not None and without is not None:
            message = f"{inert(method, 20)} {path} allows {origin} credentials at one time and not at another"
            yield "credentials-now-and-then", path, message, with_them, without


def _preflight_and_answer(
    path: str, origin: str, preflights: Sequence[Sighting], actual: Sequence[Sighting]
) -> Iterator[_Found]:
    asked = next((each for each in preflights if is_ok_status(each.answer.status) and each.answer.allows), None)
    refused = next((each for each in preflights if not (is_ok_status(each.answer.status) and each.answer.allows)), None)
    fine = [each for each in actual if is_ok_status(each.answer.status)]
    unlike = next((each for each in fine if not each.answer.allows), None)
    like = next((each for each in fine if each.answer.allows), None)
    if asked is not None and unlike is not None:
        message = f"the preflight at {path} lets {origin} in, and the answer itself does not"
        yield "preflight-only", path, message, asked, unlike
    if refused is not None and asked is None and like is not None:
        message = f"the answer at {path} lets {origin} in, and its preflight ({refused.answer.status}) does not"
        yield "answer-only", path, message, refused, like
    if asked is None or like is None or asked.answer.way is not Way.ECHO or like.answer.way is not Way.ECHO:
        return
    if _takes_credentials(asked.answer) != _takes_credentials(like.answer):
        which = "the preflight" if _takes_credentials(asked.answer) else "the answer itself"
        message = f"at {path} only {which} allows {origin} credentials"
        yield "credentials-on-one-side", path, message, asked, like


def _errors_differ(sightings: Sequence[Sighting]) -> Iterator[_Found]:
    """What works is open to a page, and what fails is not: the page cannot even see what failed."""
    actual = [each for each in sightings if not each.answer.is_preflight]
    let_in = {each.answer.origin: each for each in reversed(actual) if _is_open(each.answer)}
    for each in actual:
        answer = each.answer
        fine = let_in.get(answer.origin)
        if fine is not None and answer.status >= 400 and answer.way is Way.NONE:
            path, origin = inert(answer.path, _LONGEST), inert(answer.origin, _LONGEST)
            message = f"{origin} is allowed where all is well, and gets no CORS headers with {answer.status} at {path}"
            yield "errors-without-headers", f"{answer.status // 100}xx", message, fine, each


def _granted_and_refused(sightings: Sequence[Sighting]) -> Iterator[_Found]:
    """A preflight grants a method that the server has not got there."""
    granted: dict[tuple[str, str], Sighting] = {}
    for each in sightings:
        if each.answer.is_preflight and is_ok_status(each.answer.status):
            for method in methods_of(each.answer):
                granted.setdefault((each.answer.path, method), each)
    for each in sightings:
        answer = each.answer
        grant = granted.get((answer.path, answer.method))
        if not answer.is_preflight and answer.status in (405, 501) and grant is not None:
            path = inert(answer.path, _LONGEST)
            message = f"the preflight at {path} allows {inert(answer.method, 20)}, which then gets {answer.status}"
            yield "granted-and-not-there", path, message, grant, each


def _is_open(answer: Answer) -> bool:
    return is_ok_status(answer.status) and answer.allows


def _takes_credentials(answer: Answer) -> bool:
    return answer.way is Way.ECHO and answer.allow_credentials == "true"


def methods_of(answer: Answer) -> list[str]:
    """Return the methods that a preflight's answer lists, none where the list does not parse."""
    return listed("Access-Control-Allow-Methods", answer.allow_methods)


def listed(name: str, value: str | None) -> list[str]:
    """Return the elements of a list header's value; empty for a missing or broken one."""
    if value is None:
        return []
    found = extract_header_list_values(HeaderList([(name, value)]), name)
    return list(found) if isinstance(found, list) else []
