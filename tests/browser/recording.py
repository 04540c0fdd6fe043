"""Keep a run as a recording: the flows, and the browser's word on each, as the scoring of recordings reads them."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

from mitmproxy import flow, http, io

from tests.browser.observed import Outcome
from tests.browser.run import Judged, Run
from tests.browser.webkit_log import url_of

TRUTH = {Outcome.OK: "ok", Outcome.FAILED: "other-failure", Outcome.PENDING: "pending"}


def write_recording(run: Run, folder: Path) -> None:
    """A folder as `score.py` reads it: flows with their bodies emptied, a line of truth a flow, the browser's name."""
    folder.mkdir(parents=True, exist_ok=True)
    with lzma.open(folder / "flows.mitm.xz", "wb", preset=9) as packed:
        writer = io.FlowWriter(packed)
        for one in run.flows:
            writer.add(_emptied(one))
    with open(folder / "truth.jsonl", "w") as truth:
        for judged in run.judged:
            truth.write(json.dumps(_truth_line(judged)) + "\n")
    (folder / "browser").write_text(run.browser + "\n")


def _truth_line(judged: Judged) -> dict[str, object]:
    truth = judged.hop.name if judged.hop.outcome is Outcome.CORS else TRUTH[judged.hop.outcome]
    response = judged.flow.response
    return {
        "flow_id": judged.flow.id,
        "page": judged.page,
        "method": judged.hop.method,
        "url": url_of(judged.flow),
        "kind": judged.hop.kind.value,
        "truth": truth,
        "error": judged.hop.name,
        "status": response.status_code if response else None,
    }


def _emptied(one: http.HTTPFlow) -> flow.Flow:
    """Without bodies and certificates, and without what the addon wrote on it."""
    one.metadata.clear()
    one.comment = one.marked = ""
    for message in (one.request, one.response):
        if message is not None:
            message.data.content = b""  # not .content, which would rewrite Content-Length
            message.data.trailers = None
    for connection in (one.client_conn, one.server_conn):
        connection.certificate_list = []
    one.client_conn.mitmcert = None
    return one
