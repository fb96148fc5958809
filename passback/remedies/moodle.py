"""Remedies for Moodle's refusals: observed on Moodle 4.5; texts that only its code shows are named so."""

from passback.remedies.model import MOODLE, Remedy, Retry, sign

_SCORES = "Moodle 4.5, Scores"
_CODE = "Moodle's gradebook services, scores.php"
_IMPORT = "Give the mappings the present line item (`passback mapping import`, or `passback mapping add` for one)."

MOODLE_ANSWERS = (
    Remedy(
        "moodle-score-not-taken",
        sign("the platform took the call but not the score"),
        "Moodle answered with a good status and an empty list, its way to say that it could not read the score.",
        "Look for a proxy between Passback and Moodle that changes requests. If there is none, report it as a fault of "
        "Passback, with the reference.",
        Retry.RETRY,
        _SCORES,
    ),
    Remedy(
        "moodle-user-id-unreadable",
        sign("the platform's answer has no HTTP status"),
        "Moodle broke its answer off, as it does for a user id that is no number, or too big a one.",
        "Compare the user id in `passback delivery show ID` with Moodle's: it is the number in the address of the "
        "user's profile. Put the mapping right with `passback mapping add`.",
        Retry.RESEND,
        _SCORES,
    ),
    Remedy(
        "moodle-user-not-gradable",
        sign("Incorrect score received", statuses=(400,), profiles=MOODLE),
        "Moodle does not know the user id as somebody who is graded in this course: unknown, not enrolled, or a "
        "teacher.",
        "Compare the user id in `passback delivery show ID` with *Participants* of the course; the role must be among "
        "*Graded roles*. For a wrong id: `passback mapping add`, and let the tool send again.",
        Retry.RETRY,
        _SCORES,
    ),
    Remedy(
        "moodle-newer-grade",
        sign("Refusing score with an earlier timestamp", wordless=True, statuses=(409,), profiles=MOODLE),
        "Moodle has a grade for this student of the same second or later: somebody graded after the outcome was "
        "received.",
        "Compare the grade in the grader report with the tool's. If the later grade is a person's, it stays, and "
        "rightly.",
        Retry.FORCE,
        _SCORES,
    ),
    Remedy(
        "moodle-grade-locked",
        sign(any_words=True, wordless=True, statuses=(500,), profiles=MOODLE, codes=("platform_refused",)),
        "The grade, or the whole column, is locked in Moodle.",
        "In Moodle, *Grades*, *Grader report* of the course: unlock the grade or the column.",
        Retry.RETRY,
        _SCORES,
    ),
    Remedy(
        "moodle-no-handler",
        sign("No handler found for", statuses=(400,), profiles=MOODLE),
        "Moodle does not recognise the address or the type of the call: mostly the line item's URL is not as Moodle "
        "writes it.",
        "Compare the line item in `passback delivery show ID`: it ends in `/lineitem?type_id=N`. " + _IMPORT,
        Retry.RESEND,
        "Moodle 4.5, Line items, results; Scores",
    ),
    Remedy(
        "moodle-refused-without-reason",
        sign(wordless=True, statuses=(400,), profiles=MOODLE),
        "Moodle refuses without a reason: mostly `type_id` is missing at the end of the line item's URL, or the user "
        "is not graded in the course.",
        "Compare line item and user id in `passback delivery show ID` with Moodle. " + _IMPORT,
        Retry.RESEND,
        "Moodle 4.5, Line items, results; Scores",
    ),
    Remedy(
        "moodle-not-authorized",
        sign(any_words=True, wordless=True, statuses=(401,), profiles=MOODLE),
        "Moodle does not take the access token, also a new one: the tool has no grade sync, or the line item is of "
        "another tool than our client id.",
        "In Moodle, *Manage tools*, the tool, *Services*: *Use this service for grade sync*. Compare the number after "
        "`type_id=` in the line item with the tool's. Look also whether a proxy takes the Authorization header away.",
        Retry.RETRY,
        "Moodle 4.5, Auth and hosts",
    ),
    Remedy(
        "moodle-line-item-of-other-tool",
        sign("Line item does not exist", "Invalid LTI id supplied", statuses=(403,), profiles=MOODLE),
        "The column is not one of this tool's activities: the activity was given to another tool, or `type_id` is "
        "wrong.",
        "Open the activity's settings in Moodle: which tool does it use? " + _IMPORT,
        Retry.RESEND,
        _CODE,
    ),
    Remedy(
        "moodle-course-gone",
        sign("Not Found: Course", statuses=(404,), profiles=MOODLE),
        "The course of the line item does not exist any more.",
        "Was the course restored under a new number? " + _IMPORT,
        Retry.RESEND,
        _CODE,
    ),
    Remedy(
        "moodle-column-gone",
        sign("Not Found: Grade item", statuses=(404,), profiles=MOODLE),
        "The grade column of the line item does not exist any more: the activity was deleted, or made anew.",
        "Open the course's grader report: which activity is it now? " + _IMPORT,
        Retry.RESEND,
        _CODE,
    ),
)
