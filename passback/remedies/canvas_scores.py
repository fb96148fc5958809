"""Remedies for Canvas's refusals that are about the score itself, its times, its work and its files."""

from passback.remedies.model import CANVAS, Remedy, Retry, sign

_SOURCE = "Canvas AGS, section 6"
_FILES = "Canvas AGS, section 3.8"
_CHANGED = (
    "Look for a proxy or firewall between Passback and Canvas that changes requests; if there is none, report it as a "
    "fault of Passback, with the reference."
)

CANVAS_SCORES = (
    Remedy(
        "canvas-timestamp-invalid",
        sign("Provided timestamp of ... not a valid timestamp", statuses=(400,), profiles=CANVAS),
        "Canvas cannot read the time that the score is dated. Passback always sends ISO 8601 in UTC.",
        _CHANGED,
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-timestamp-older",
        sign("before last updated timestamp", statuses=(400,), profiles=CANVAS),
        "Canvas has a result for this student that is dated later: somebody graded after the outcome was received.",
        "Compare the grade in the gradebook with the tool's. If the later grade is a person's, it stays, and rightly.",
        Retry.FORCE,
        "Canvas AGS, sections 3.6 and 6",
    ),
    Remedy(
        "canvas-submitted-at-invalid",
        sign("Provided submitted_at timestamp of ... not a valid timestamp", statuses=(400,), profiles=CANVAS),
        "Canvas cannot read the time of submission that came with the outcome.",
        "Let the tool send `submittedAt` in ISO 8601 with a zone, or none.",
        Retry.RESEND,
        _SOURCE,
    ),
    Remedy(
        "canvas-submitted-at-future",
        sign("Provided submitted_at timestamp of ... in the future", statuses=(400,), profiles=CANVAS),
        "The time of submission is more than a minute ahead of Canvas's clock.",
        "Set the tool's clock, and look at the zone in its `submittedAt`. When the time has come, the same outcome is "
        "taken.",
        Retry.RETRY,
        "Canvas AGS, sections 3.6 and 6",
    ),
    Remedy(
        "canvas-line-item-type",
        sign("Invalid submission_type for new assignment", statuses=(400,), profiles=CANVAS),
        "Canvas was asked to make a line item of a type that it does not make. Passback makes none.",
        "Look who else uses this developer key. " + _CHANGED,
        Retry.RETRY,
        "Canvas AGS, sections 4 and 6",
    ),
    Remedy(
        "canvas-parameter-missing",
        sign(
            "activityProgress is missing",
            "gradingProgress is missing",
            "timestamp is missing",
            "userId is missing",
            "param is missing",
            "parameter is missing",
            "parameter missing",
            statuses=(400,),
            profiles=CANVAS,
        ),
        "A field that Canvas needs did not arrive, or arrived blank. Passback always sends all of them.",
        _CHANGED,
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-body-unreadable",
        sign(wordless=True, statuses=(400,), profiles=CANVAS),
        "What arrived at Canvas was not JSON.",
        _CHANGED,
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-unpublished-older",
        sign("cannot be changed at this time: This assignment is still unpublished", profiles=CANVAS),
        "The assignment is not published. An older Canvas notices it late: the work is handed in, the grade is not "
        "stored.",
        "Publish the assignment in Canvas.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-unpublished",
        sign("This assignment is still unpublished", statuses=(422,), profiles=CANVAS),
        "The assignment is not published, and Canvas takes no grades for it; nothing was stored.",
        "Publish the assignment in Canvas.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-maximum-negative",
        sign("ScoreMaximum must be greater than or equal to 0", "scoreMaximum must be >= 0", profiles=CANVAS),
        "The maximum that went with the score is below zero. Passback sends 1, or the line item's own maximum.",
        "Look at the assignment's points in Canvas, and set them to 0 or more.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-maximum-missing",
        sign("ScoreMaximum not supplied when ScoreGiven present", profiles=CANVAS),
        "The score arrived without its maximum. Passback always sends both.",
        _CHANGED,
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-maximum-zero",
        sign("cannot be zero if line item's maximum is not zero", profiles=CANVAS),
        "The points of the assignment were zero when they were read, and not zero when the score arrived.",
        "Somebody changed the assignment's points just then: a retry reads them again.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-score-negative",
        sign("ScoreGiven must be greater than or equal to 0", "scoreGiven must be >= 0", profiles=CANVAS),
        "The score is below zero, which Canvas does not take over AGS. Passback refuses such scores before it asks.",
        "Put the tool right: it must send 0 or more. Enter a negative grade by hand.",
        Retry.NONE,
        _SOURCE,
    ),
    Remedy(
        "canvas-files-missing",
        sign(
            "Content items must be provided with submission type 'online_upload'",
            "content items must be provided with online_upload",
            profiles=CANVAS,
        ),
        "A file was announced and none arrived with it. Passback sends a file's address or announces none.",
        _CHANGED,
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-no-attempts-left",
        sign(
            "maximum number of allowed attempts has been reached",
            "maximum number of allowed attempts reached",
            profiles=CANVAS,
        ),
        "The assignment limits attempts and this student has none left, so the work was not stored. A score would have "
        "been; this outcome has none.",
        "In Canvas, edit the assignment, *Submission Attempts*, allow more; or give this student an extra attempt in "
        "*Moderate* or SpeedGrader.",
        Retry.RETRY,
        "Canvas AGS, sections 3.7 and 6",
    ),
    Remedy(
        "canvas-file-service-away",
        sign("failed to communicate with file service", profiles=CANVAS),
        "Canvas could not reach its own file service, five times in a row; nothing of the file was stored.",
        "Look at Canvas's status page. The grade itself is sent without the file when there is one.",
        Retry.RETRY,
        _FILES,
    ),
    Remedy(
        "canvas-file-timed-out",
        sign("file url timed out", profiles=CANVAS),
        "The tool's file did not come in time when Canvas fetched it.",
        "Open the file's address from outside the tool's network: it must answer within seconds, without signing in.",
        Retry.RETRY,
        _FILES,
    ),
    Remedy(
        "canvas-file-refused",
        sign("uploading to file service failed with 400", profiles=CANVAS),
        "Canvas's file service does not take the file, or could not fetch it from the tool.",
        "Read what follows in the platform's words: mostly the file's address is wrong, has expired, or asks to sign "
        "in. Put it right at the tool.",
        Retry.RESEND,
        _FILES,
    ),
    Remedy(
        "canvas-file-failed",
        sign("uploading to file service failed with", profiles=CANVAS),
        "Canvas's file service failed, five times in a row; nothing of the file was stored.",
        "Look at Canvas's status page, and whether the file's address answers.",
        Retry.RETRY,
        _FILES,
    ),
    Remedy(
        "canvas-closed-grading-period",
        sign("closed grading period", statuses=(422,), profiles=CANVAS),
        "The assignment's due date lies in a grading period that is closed, so Canvas stores no grade.",
        "In Canvas, *Admin*, *Settings*, *Grading Periods*: move the close date for the time. Or let an administrator "
        "enter the grade.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-grade-locked",
        sign("cannot be changed at this time", profiles=CANVAS),
        "Canvas does not let this grade be changed now; the words behind it say why.",
        "Open the student's cell in the gradebook: is the assignment unpublished, moderated or in a closed "
        "grading period? Put that right.",
        Retry.RETRY,
        _SOURCE,
    ),
    Remedy(
        "canvas-field-invalid",
        sign(
            "is not included in the list",
            "is not a number",
            "is not a valid",
            "is invalid",
            statuses=(422,),
            profiles=CANVAS,
        ),
        "Canvas finds a field of the score or of the work invalid: above all the address of work that is no proper "
        "URL.",
        "Read in the platform's words which field it is. For `url`: let the tool send a full https address.",
        Retry.RESEND,
        _SOURCE,
    ),
    Remedy(
        "canvas-grading-refused",
        sign(any_words=True, wordless=True, statuses=(422,), profiles=CANVAS),
        "Canvas refused to grade, in words of its own; nothing was stored.",
        "Read the platform's words in `passback delivery show ID`, then open the student's cell in the gradebook and "
        "try to grade by hand: Canvas says the same there, and where it is set.",
        Retry.RETRY,
        _SOURCE,
    ),
)
