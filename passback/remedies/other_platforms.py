"""Remedies for what platforms other than Canvas and Moodle say, and for what any of them may say."""

from passback.remedies.model import Remedy, Retry, sign

_THREATS = "platform quirks known from Blackboard Learn and D2L Brightspace"
_IMPORT = "Give the mappings the present line item (`passback mapping import`, or `passback mapping add` for one)."

OTHER_ANSWERS = (
    Remedy(
        "redirected",
        sign("redirected to ...; redirects are not followed"),
        "The platform sends the call on to another address. Moodle does so for every name but the one in its "
        "`wwwroot`.",
        "Register the platform again with the host that the words name, and give the mappings line items at that "
        "host. If it is a sign-in page's, look at what stands in front of the platform.",
        Retry.RESEND,
        "Moodle 4.5, Auth and hosts",
    ),
    Remedy(
        "newer-grade",
        sign("earlier timestamp", "before last updated timestamp", statuses=(400, 409)),
        "The platform has a later time for this student's grade: somebody graded after the outcome was received.",
        "Compare the grade in the gradebook with the tool's. If the later grade is a person's, it stays, and rightly.",
        Retry.FORCE,
        "AGS 2.0, section 3.4.9",
    ),
    Remedy(
        "blackboard-user-unknown",
        sign("User could not be found", statuses=(400, 404)),
        "The platform (Blackboard Learn says it so) does not know the user id.",
        "Compare the user id in `passback delivery show ID` with the platform's LTI 1.3 user id (`sub`). For a wrong "
        "id: `passback mapping add`, and let the tool send again.",
        Retry.RETRY,
        _THREATS,
    ),
    Remedy(
        "brightspace-user-not-enrolled",
        sign("not enrolled", statuses=(403,)),
        "The user is not enrolled in the course (D2L Brightspace says it so).",
        "Enroll the user with a role that is graded, or give the mapping the right user id with `passback mapping "
        "add`, and let the tool send again.",
        Retry.RETRY,
        _THREATS,
    ),
    Remedy(
        "scope-insufficient",
        sign("insufficient_scope", "Insufficient permissions", statuses=(401, 403)),
        "The access token lacks the scope for this call.",
        "Let our registration at the platform have the AGS scopes `score`, `result.readonly` and `lineitem.readonly`. "
        "`passback doctor` names them.",
        Retry.RETRY,
        "RFC 6750, section 3.1",
    ),
)
