"""Run as a script, by ``python -I -S -B``: a new container of Lambda's, which has nothing but one unpacked zip.

Arguments: the folder, the handler, and ``services`` if they are to be built before the first event. Events come on
standard input, one JSON document a line. The last line printed is JSON: moments on the machine's monotonic clock, which
the process that started this one reads as well, the processor time until the first answer, and the answers. Before the
first moment nothing is imported but ``time`` and ``sys``, which are built in.
"""

import sys
import time

STARTED = time.monotonic()


def main(folder: str, handler: str, *also: str) -> None:
    """Import the handler as Lambda does, and call it with each event."""
    sys.path.insert(0, folder)
    module, _, name = handler.rpartition(".")
    __import__(module)
    function = getattr(sys.modules[module], name)
    imported = time.monotonic()
    if "services" in also:
        from chalicelib import services

        services.current()
    built = time.monotonic()
    import json

    calls, answers, processor = [], [], 0.0
    for line in sys.stdin:
        event = json.loads(line)
        if "requestContext" in event:
            event["requestContext"]["requestTimeEpoch"] = int(time.time() * 1000)
        begun = time.monotonic()
        answers.append(function(event, None))
        calls.append(time.monotonic() - begun)
        if len(calls) == 1:
            processor = time.process_time()
    moments = {"started": STARTED, "imported": imported, "built": built, "processor": processor}
    print(json.dumps({**moments, "calls": calls, "answers": answers}))


if __name__ == "__main__":
    main(*sys.argv[1:])
