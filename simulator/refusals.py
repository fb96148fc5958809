"""Canvas's error answers in their shapes (Canvas AGS, section 6), raised where the check fails."""

from simulator.exchange import Response, json_response, text_response

_STATUS_NAMES = {
    400: "bad_request",
    401: "unauthorized",
    404: "not_found",
    412: "precondition_failed",
    422: "unprocessable_entity",
    500: "internal_server_error",
    504: "gateway_timeout",
}
NO_SUCH_RESOURCE = "The specified resource does not exist."


class RefusedError(Exception):
    """A request that is answered with an error; carries the whole answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def object_error(status: int, message: str) -> RefusedError:
    """Make the AGS shape: an object with type and message."""
    return RefusedError(json_response(status, {"errors": {"type": _STATUS_NAMES[status], "message": message}}))


def list_error(status: int, message: str) -> RefusedError:
    """Make the Canvas-wide shape: a list of messages."""
    return RefusedError(json_response(status, {"errors": [{"message": message}]}))


def model_error(field: str, message: str) -> RefusedError:
    """Make the shape of a record that did not validate."""
    return RefusedError(
        json_response(422, {"errors": [{"field": field, "message": message, "error_code": None}]}),
    )


def empty_error(status: int) -> RefusedError:
    """Make an error without a body."""
    return RefusedError(Response(status))


def not_found() -> RefusedError:
    """Make the answer for anything that is not there."""
    return list_error(404, NO_SUCH_RESOURCE)


def other_origin() -> RefusedError:
    """Make the answer to a form that another site's page sent: a browser sends it from anywhere to this machine."""
    return RefusedError(text_response(403, "This form must be sent from the gradebook page itself.\n"))
