"""Run as a script in a process of its own: what a fresh container pays before and with its first answer.

Nothing is imported before the clock runs, but ``time`` and ``sys``, which are built in. The last line printed is JSON.
"""

import sys
import time

NOT_SHIPPED = ("click", "h2", "rich")
"""Development packages that httpx imports where it finds them; it does not find them in Lambda."""


def _resident() -> int | None:
    """Return the resident memory of this process in bytes; None where Linux's files are not there."""
    import resource

    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return None


def _libraries() -> dict[str, float | int | None]:
    """Import what the app needs, then make the two clients, bare."""
    started = time.perf_counter()
    import botocore.session
    import chalice.app  # noqa: F401 - importing is the point, here and below
    import httpx
    import lxml.etree  # noqa: F401 - as above
    import oauthlib.oauth1.rfc5849.signature  # noqa: F401 - as above

    imported = time.perf_counter()
    botocore.session.Session().create_client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    httpx.Client(trust_env=False, verify=False).close()  # noqa: S501 - never used; the service loads no certificates
    made = time.perf_counter()
    return {"import": imported - started, "clients": made - imported, "memory": _resident()}


def _app() -> dict[str, float | int | None]:
    """Import the app and answer the events on standard input, one JSON document a line."""
    started = time.perf_counter()
    import app

    imported = time.perf_counter()
    found: dict[str, float | int | None] = {"import": imported - started, "memory_import": _resident()}
    import json

    for number, line in enumerate(sys.stdin):
        event = json.loads(line)
        event["requestContext"]["requestTimeEpoch"] = int(time.time() * 1000)
        begun = time.perf_counter()
        answer = app.app(event, None)
        ended = time.perf_counter()
        if answer["statusCode"] != 200 or "<imsx_codeMajor>success<" not in answer["body"]:
            raise RuntimeError(f"an outcome did not succeed: {answer['statusCode']} {answer['body']}")
        if number == 0:
            found |= {"first_answer": ended - begun, "memory_first_answer": _resident()}
    return found | {"memory_last_answer": _resident()}


if __name__ == "__main__":
    sys.modules.update(dict.fromkeys(NOT_SHIPPED))  # type: ignore[arg-type] # None: importing it fails
    measured = _app() if sys.argv[1] == "app" else _libraries()
    import json

    print(json.dumps(measured))
