"""Remedies for Canvas's refusals that are about the tool, its key, the course or the line item: 401, 404, 412, 422."""

from passback.remedies.model import CANVAS, Remedy, Retry, sign

_SOURCE = "Canvas AGS, section 6"
_IMPORT = "Give the mappings the present line item (`passback mapping import`, or `passback mapping add` for one)."

CANVAS_ACCESS = (
    Remedy(
        "canvas-token-not-sent",
        sign("Missing access token", statuses=(401,), profiles=CANVAS),
        "The call reached Canvas without its access token. Passback always sends one.",
        "Look for a proxy or firewall between Passback and Canvas that takes the Authorization header away. "
        "`passback doctor` makes the same call.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-token-unreadable",
        sign("Invalid access token format", statuses=(401,), profiles=CANVAS),
        "Canvas cannot read the access token, also after Passback asked for a new one.",
        "Compare the token URL in `passback platform show NAME`: it must be Canvas's own (`/login/oauth2/token`), of "
        "the same installation as the line items.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-token-signature",
        sign(
            "Access token invalid - signature likely incorrect",
            "Invalid access token signature",
            "Access token signature algorithm not allowed",
            statuses=(401,),
            profiles=CANVAS,
        ),
        "The access token was signed by another Canvas than the one that got the score.",
        "Compare the token URL in `passback platform show NAME` with the host of the line item: production, beta and "
        "test Canvas do not take each other's tokens.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-token-expired",
        sign("Access token expired", statuses=(401,), profiles=CANVAS),
        "Canvas took a token as expired that it had only just given: its servers' clocks differ.",
        "Try again. If it stays, set the clocks of a Canvas of your own, or tell Instructure.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-token-claims",
        sign("Invalid access token field/s:", statuses=(401,), profiles=CANVAS),
        "The access token is not good at this host: a token is good only at the host that it was asked from, or "
        "everywhere if it came from `sso.canvaslms.com`.",
        "Compare the token URL in `passback platform show NAME` with the host of the line item. For a school with "
        "several names use `https://sso.canvaslms.com/login/oauth2/token` as token URL and audience.",
        Retry.RETRY,
        "Canvas AGS, sections 1 and 6",
    ),
    Remedy(
        "canvas-key-inactive",
        sign("Unknown or inactive Developer Key", statuses=(401,), profiles=CANVAS),
        "The developer key was deleted or made inactive in Canvas.",
        "In Canvas, *Admin*, *Developer Keys*: restore the key, or make a new one, install it, and register the "
        "platform again with its client id.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-scope-missing",
        sign("Insufficient permissions", statuses=(401,), profiles=CANVAS),
        "The developer key lacks the scope for this call.",
        "In Canvas, *Admin*, *Developer Keys*, the key, *Scopes*: let it have `score`, `result.readonly` and "
        "`lineitem.readonly`. `passback doctor` names what is asked for.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-key-off",
        sign("Invalid Developer Key", statuses=(401,), profiles=CANVAS),
        "The developer key is switched off in the course's account.",
        "In Canvas, *Admin*, *Developer Keys*, of the account that the course is in: set the key's *State* to *On*. "
        "For a key of a parent account look at *Inherited*.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-tool-not-installed",
        sign("Access Token not linked to a Tool associated with this Context", statuses=(401,), profiles=CANVAS),
        "The developer key is fine, but the tool is not installed in this course or in an account above it.",
        "In Canvas, *Settings*, *Apps*, *+ App*, *By Client ID*, of the course or of an account above it: install the "
        "client id that `passback platform show NAME` tells.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-line-item-coupled",
        sign(wordless=True, statuses=(401,), profiles=CANVAS),
        "Canvas refuses without a word. It does so when a line item is to be deleted that it made itself, which "
        "Passback never asks for; here something in front of Canvas is more likely.",
        "Run `passback doctor`. If it passes, look for a proxy or sign-in page in front of Canvas that answers 401.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-not-found",
        sign("The specified resource does not exist", statuses=(404,), profiles=CANVAS),
        "The course or the line item is gone, or the line item is another course's. Older Canvas says so of concluded "
        "courses too.",
        "Open the assignment in Canvas: was it deleted, copied or moved? " + _IMPORT + " If the course has only "
        "concluded, open it again instead.",
        Retry.RESEND,
        _SOURCE,
    ),
    Remedy(
        "canvas-context-not-found",
        sign("Context not found", profiles=CANVAS),
        "The line item's URL names no course.",
        "Compare the line item in `passback delivery show ID`: it must read `.../api/lti/courses/N/line_items/N`. "
        + _IMPORT,
        Retry.RESEND,
        _SOURCE,
    ),
    Remedy(
        "canvas-line-item-of-other-key",
        sign("Tool does not have permission to view line_item", statuses=(412,), profiles=CANVAS),
        "The line item belongs to another developer key: the assignment is another LTI 1.3 tool's.",
        "In Canvas, edit the assignment, *Submission Type*, *External Tool*, and choose the tool of our client id; or "
        "use that key's line item. Then " + _IMPORT[0].lower() + _IMPORT[1:],
        Retry.RESEND,
        _SOURCE,
    ),
    Remedy(
        "canvas-link-not-of-line-item",
        sign(
            "The specified LTI link ID is not associated with the line item",
            "LTI link id not associated with the line item",
            statuses=(412,),
            profiles=CANVAS,
        ),
        "The line item belongs to another assignment than the resource link that was named. Passback names none.",
        "Look for something between Passback and Canvas that changes requests. Compare the line item in `passback "
        "delivery show ID` with the assignment. " + _IMPORT,
        Retry.RESEND,
        _SOURCE,
    ),
    Remedy(
        "canvas-bad-resource-link",
        sign(wordless=True, statuses=(412,), profiles=CANVAS),
        "The resource link that the line item belongs to has no assignment any more.",
        "Open the assignment in Canvas: was it deleted or moved? " + _IMPORT,
        Retry.RESEND,
        _SOURCE,
    ),
    Remedy(
        "canvas-link-of-other-tool",
        sign("Resource link id points to Tool not associated with this Context", statuses=(422,), profiles=CANVAS),
        "The assignment's link leads to a tool that is not installed in this course.",
        "In Canvas, *Settings*, *Apps*, of the course: install the tool by its client id, and choose it in the "
        "assignment. " + _IMPORT,
        Retry.RESEND,
        "Canvas AGS, sections 4 and 6",
    ),
    Remedy(
        "canvas-course-concluded-for-student",
        sign("This course has concluded for this student", statuses=(422,), profiles=CANVAS),
        "The course goes on, but this student's part of it is over: enrollment or section has ended.",
        "In Canvas, open the course to this student for the time: *People*, the student's section and its dates. Or "
        "enter the grade by hand.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-course-concluded",
        sign("This course has concluded", statuses=(422,), profiles=CANVAS),
        "The course has concluded; Canvas takes no grades over LTI for it any more.",
        "In Canvas, move the end date (course *Settings*, *Participation*, or the term's) or unconclude the course. Or "
        "enter the grade by hand.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-user-not-student",
        sign("User not found in course", statuses=(422,), profiles=CANVAS),
        "Canvas does not know the user id as a student of this course: gone, inactive, a teacher, or the mapping has "
        "the wrong kind of id.",
        "Compare the user id in `passback delivery show ID` with *People* in the course. It must be the LTI 1.3 user "
        "id (`sub`) or Canvas's number, never the LTI 1.1 `user_id`. For a wrong id: `passback mapping add`, and let "
        "the tool send again.",
        Retry.RETRY,
        _SOURCE,
    ),
)
