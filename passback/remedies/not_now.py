"""Remedies for platforms that are down, slow, throttling, or whose answer is none. Nothing here is a final no."""

from passback.remedies.model import CANVAS, Remedy, Retry, sign

_DESIGN = "how Passback calls platforms"

NOT_NOW = (
    Remedy(
        "throttled",
        sign("Rate Limit Exceeded", "throttled:", "Too Many Requests", statuses=(403, 429)),
        "The platform refused the call as one too many in a short time. The score had no effect.",
        "Nothing, when it passes. If it happens often: find out who else uses this client id, as Canvas counts all of "
        "them together, or spread the tool's outcomes over more time.",
        Retry.WAIT,
        "Canvas AGS, sections 6 and 9",
    ),
    Remedy(
        "token-empty",
        sign("token endpoint: no token in the answer"),
        "The address for tokens answers, but with no token: it is not the token endpoint, or a page stands in front "
        "of it.",
        "Compare the token URL in `passback platform show NAME` with the platform's, and open it: a sign-in or "
        "maintenance page?",
        Retry.WAIT,
        _DESIGN,
    ),
    Remedy(
        "name-unknown",
        sign("the name ... cannot be resolved"),
        "The platform's host name leads to no address.",
        "Compare the hosts in `passback platform show NAME` with the platform's address. If they are right, look at "
        "the name service (a name that only the campus knows is not known on AWS). `passback doctor` checks all hosts.",
        Retry.WAIT,
        _DESIGN,
    ),
    Remedy(
        "no-connection",
        sign("no connection:"),
        "No connection to the platform could be made: it is down, or a firewall or certificate keeps Passback out.",
        "Open the platform in a browser. If it is up, run `passback doctor`; look at the certificate and at what the "
        "firewall lets through from Passback's network.",
        Retry.WAIT,
        _DESIGN,
    ),
    Remedy(
        "no-answer-in-time",
        sign("no answer in time"),
        "The platform took the call and did not answer in time. Whether it stored the score, Passback finds out "
        "before it sends it again.",
        "Nothing, when it passes. If it stays: is the platform overloaded? `passback doctor` makes the same calls.",
        Retry.WAIT,
        _DESIGN,
    ),
    Remedy(
        "connection-broken",
        sign("no answer:", "broken or no HTTP answer"),
        "The connection broke before the answer was complete. Whether the score was stored, Passback finds out before "
        "it sends it again.",
        "Nothing, when it passes. If it stays, look at the proxies and load balancers between Passback and the "
        "platform.",
        Retry.WAIT,
        _DESIGN,
    ),
    Remedy(
        "page-in-between",
        sign(
            "a page came in place of an answer",
            "the ... answer cannot be read",
        ),
        "A web page came with a good status where an answer was due: maintenance, or a sign-in page in front of the "
        "platform.",
        "Open the line item's address in a browser. Calls under it must reach the platform itself, without signing in.",
        Retry.WAIT,
        _DESIGN,
    ),
    Remedy(
        "line-items-too-many",
        sign("line items have more than ... pages"),
        "A course lists more line items than Passback reads through for `passback platform line-items`; no grade needs "
        "that list.",
        "Ask for those of one assignment: `passback platform line-items NAME URL --resource-link ID`.",
        Retry.NONE,
        _DESIGN,
    ),
    Remedy(
        "results-too-many",
        sign("results have more than ... pages"),
        "The platform ignores that one student's result was asked for, and the course has too many to read them all.",
        "Look whether the platform has a newer version. Grades that need no reading (fractions of new students) are "
        "not concerned.",
        Retry.RETRY,
        _DESIGN,
    ),
    Remedy(
        "outcomes-crowded",
        sign("too many outcomes for one student at once"),
        "The tool sent many outcomes for one student in a moment, and the platform takes one a second or less.",
        "Let the tool send less often; the newest one is what counts.",
        Retry.WAIT,
        "Moodle 4.5, Scores",
    ),
    Remedy(
        "earlier-work-first",
        sign("earlier work of the same student is not stored yet"),
        "Work of the same student that was lost on its way has to be stored before this outcome, and the platform does "
        "not take it now.",
        "See that the platform answers: `passback doctor`. `passback delivery list` shows the earlier delivery.",
        Retry.WAIT,
        _DESIGN,
    ),
    Remedy(
        "no-time-left",
        sign("no time was left", "no time left to call the platform"),
        "The time for the tool's answer was used up before the score could be sent: the platform is slow, or asked for "
        "much reading.",
        "Nothing, when it passes. Let the tool be registered with `--on-delay queue`, so that it need not wait; "
        "`passback tool show` tells how it is.",
        Retry.WAIT,
        _DESIGN,
    ),
    Remedy(
        "try-cut-short",
        sign("the try was cut short"),
        "Passback was stopped in the middle of a try (an update, a crash), and nobody knows what became of the call.",
        "Compare the gradebook. A retry is safe: Passback looks there first, and sends only what is missing.",
        Retry.RETRY,
        _DESIGN,
    ),
    Remedy(
        "canvas-token-endpoint-down",
        sign("token endpoint: HTTP 5", "token endpoint: ...Unavailable", "token endpoint: ...Gateway", profiles=CANVAS),
        "Canvas's token endpoint fails; no score was sent.",
        "Look at Canvas's status page. If it is up, compare the token URL in `passback platform show NAME`.",
        Retry.WAIT,
        "Canvas AGS, section 1",
    ),
    Remedy(
        "token-endpoint-down",
        sign("token endpoint:", codes=("platform_unavailable",)),
        "The platform's token endpoint fails for now; no score was sent.",
        "Look whether the platform is up. If it is, compare the token URL in `passback platform show NAME`; `passback "
        "doctor` asks for a token.",
        Retry.WAIT,
        _DESIGN,
    ),
    Remedy(
        "platform-fails",
        sign(
            "Internal Server Error",
            "Bad Gateway",
            "Service Unavailable",
            "Service Temporarily Unavailable",
            "Gateway Time",
            any_words=True,
            wordless=True,
            statuses=(408, 500, 501, 502, 503, 504),
        ),
        "The platform, or a server in front of it, failed. Whether the score was stored, Passback finds out before it "
        "sends it again.",
        "Look at the platform's status page or log. If it fails for one course only, open that course's gradebook "
        "there.",
        Retry.WAIT,
        "Canvas AGS, section 6, Retry",
    ),
)
