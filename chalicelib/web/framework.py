"""The framework's own refusals, put into the form that tools can read."""

from collections.abc import Callable
from typing import Any

from chalice.app import Response

from chalicelib.web import outcomes

CANVAS_TEXTS = {404: outcomes.NOT_FOUND, 405: outcomes.ONLY_POST}


def as_pox(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Turn an answer that Chalice made by itself (405, 415, 500 as JSON) into POX; leave our own as they are."""
    response = get_response(event)
    if response.status_code < 400 or "json" not in _content_type(response):
        return response
    if isinstance(response.body, str):  # our own JSON doors write their bodies themselves
        return response
    status = response.status_code
    return outcomes.transport_failure(status, CANVAS_TEXTS.get(status, outcomes.BROKEN), reason="answered by Chalice")


def _content_type(response: Response) -> str:
    for name, value in response.headers.items():
        if name.lower() == "content-type":
            return str(value)
    return "application/json"
