"""Sessions of Charles saved as JSON (``.chlsj``): each transaction becomes the entry of a HAR.

The page that documents the format says little; names are those that files hold.
"""

from typing import Any


def is_of_charles(transaction: dict[str, Any]) -> bool:
    """Say whether an object is a transaction of Charles: it names scheme and host beside its request."""
    return "scheme" in transaction and "host" in transaction and "startedDateTime" not in transaction


def entry_of_charles(transaction: dict[str, Any]) -> dict[str, Any] | None:
    """Return a transaction as the entry of a HAR, without bodies; ``None`` for one of another shape."""
    try:
        return _entry(transaction)
    except (AttributeError, TypeError):
        return None


def _entry(transaction: dict[str, Any]) -> dict[str, Any]:
    scheme, host = str(transaction["scheme"]), str(transaction["host"])
    port = transaction.get("port") or transaction.get("actualPort")
    place = host if not port or port == {"http": 80, "https": 443}.get(scheme) else f"{host}:{port}"
    query = transaction.get("query")
    path = f"{transaction.get('path') or '/'}{f'?{query}' if query else ''}"
    request, response = transaction["request"], transaction.get("response") or {}
    times = transaction.get("times") or {}
    durations = transaction.get("durations") or {}
    return {
        "startedDateTime": times.get("start"),
        "time": durations.get("total"),
        "serverIPAddress": str(transaction.get("remoteAddress") or "").rpartition("/")[2].partition(":")[0],
        "request": {
            "method": transaction.get("method"),
            "url": f"{scheme}://{place}{path}",
            "httpVersion": transaction.get("protocolVersion"),
            "headers": (request.get("header") or {}).get("headers"),
        },
        "response": {
            "status": response.get("status"),
            "httpVersion": transaction.get("protocolVersion"),
            "headers": (response.get("header") or {}).get("headers"),
        },
    }
