"""Remedies for what Passback itself names: refusals before the call, losses, and what happened to an outcome."""

from passback.remedies.model import Remedy, Retry, sign

_ANSWERS = "`docs/answers.md`"
_DESIGN = "how Passback delivers"

OURS = (
    Remedy(
        "graded-meanwhile",
        sign(told=("superseded: somebody graded meanwhile",)),
        "A person graded after this outcome was received, and their grade stays. Work that came along was handed in.",
        "Nothing, as a rule. Compare the grade in the gradebook with the tool's, and ask the teacher which one counts.",
        Retry.FORCE,
        _ANSWERS,
    ),
    Remedy(
        "superseded",
        sign(told=("superseded by a newer outcome",)),
        "An outcome that was received later brings all that this one would. Nothing was changed, rightly.",
        "Nothing. `passback delivery list` shows the newer one.",
        Retry.NONE,
        _ANSWERS,
    ),
    Remedy(
        "never-mapped",
        sign(told=("The grade was not stored: no mapping appeared for its sourcedid",)),
        "The outcome waited 90 days for a mapping of its sourcedid, and none came.",
        "See whether the sourcedid is still asked for with `passback mapping missing`, and bring its mapping in: "
        "`passback mapping import`, or `passback mapping add` for one.",
        Retry.RETRY,
        _ANSWERS,
    ),
    Remedy(
        "too-many-parked",
        sign(told=("The grade was not stored: nobody has mapped its sourcedid yet, and too many outcomes",)),
        "More outcomes of sourcedids without a mapping came than are kept, so this one was not, and its tool was told.",
        "List what is missing with `passback mapping missing`, and import the mappings: what is parked goes at once.",
        Retry.RESEND,
        _ANSWERS,
    ),
    Remedy(
        "work-lost-no-attempts",
        sign(told=("graded, but the work was not stored: no attempts are left",)),
        "The score is in the gradebook; the work is not, because the student's attempts are used up.",
        "If the work is wanted: edit the assignment in Canvas, *Submission Attempts*, allow more, or give this student "
        "one; then let the tool send the work again.",
        Retry.RESEND,
        "Canvas AGS, section 3.7",
    ),
    Remedy(
        "file-lost",
        sign(told=("graded, but the file was not stored: the platform could not fetch it",)),
        "The score is in the gradebook; the file is not: Canvas could not fetch it in five tries.",
        "Open the file's address at the tool from outside its network: it must answer within seconds, without signing "
        "in. Then let the tool send the file again.",
        Retry.RESEND,
        "Canvas AGS, section 3.8",
    ),
    Remedy(
        "work-lost-not-taken",
        sign(told=("graded, but the ... was not stored: this platform takes none",)),
        "The score is in the gradebook; the work is not, because this platform takes scores only.",
        "Nothing: only Canvas takes work over AGS. People can open the work at the tool.",
        Retry.NONE,
        _ANSWERS,
    ),
    Remedy(
        "review-not-marked",
        sign(told=("the platform would clear the grade of work that needs review",)),
        "The score is in the gradebook, without the mark that somebody has to look at the work: this platform would "
        "have dropped the score with it.",
        "Tell the teacher to look at the work; the platform does not say so by itself.",
        Retry.NONE,
        "Moodle 4.5, Scores",
    ),
    Remedy(
        "work-would-clear-grade",
        sign(told=("The work was not stored: this platform would clear the grade with it",)),
        "Work without a score would have cleared the grade: this Canvas knows no way to keep it, and the grade cannot "
        "be read to be given again. Above all the Test Student's.",
        "If Canvas is of 2023 or later, register the platform again with `--profile canvas`. Else let the tool send "
        "the score with the work.",
        Retry.RESEND,
        "Canvas AGS, sections 3.2 and 5",
    ),
    Remedy(
        "platform-not-registered",
        sign(told=("The outcome was not sent: the platform of this assignment is not registered",)),
        "The mapping names a platform that was removed from Passback.",
        "Register it again under the same name (`passback platform add`), or give the mappings another platform's "
        "name.",
        Retry.RETRY,
        _ANSWERS,
    ),
    Remedy(
        "tool-not-registered",
        sign(told=("The outcome was not sent: its tool is not registered any more",)),
        "The tool that sent this outcome was removed from Passback before it could be delivered.",
        "If the grade is wanted: register the tool again under the same key (`passback tool add`). Was the outcome "
        "parked, its sourcedid must be mapped first.",
        Retry.RETRY,
        _ANSWERS,
    ),
    Remedy(
        "host-not-registered",
        sign(told=("The outcome was not sent: The host ... is not registered",)),
        "The line item, or the token URL, lies at a host that the platform is not registered with, so it was not "
        "called.",
        "If the host is the platform's: register the platform again with one more `--host`. If not, the mapping's line "
        "item is wrong: `passback mapping show`.",
        Retry.RETRY,
        _ANSWERS,
    ),
    Remedy(
        "host-address-not-allowed",
        sign(told=("The outcome was not sent: The host ... stands for an address that may not be called",)),
        "The host's name leads to a private or special address, which Passback does not call unasked.",
        "For a platform on a campus network: register it again with `--allow-private`. Otherwise look at the name "
        "service: who changed where the name leads?",
        Retry.RETRY,
        _ANSWERS,
    ),
    Remedy(
        "line-item-url-not-allowed",
        sign(told=("The outcome was not sent: The URL",)),
        "The mapping's line item is no URL that may be called: not https, damaged, or with a user name in it.",
        "Compare it in `passback delivery show ID` with the platform's, and put it right: `passback mapping add`.",
        Retry.RESEND,
        _ANSWERS,
    ),
    Remedy(
        "table-unavailable",
        sign(
            told=(
                "The grade was not stored, as far as is known: Passback cannot reach its own table",
                "The score cannot be read now: Passback cannot reach its own table",
            )
        ),
        "DynamoDB or KMS could not be reached, or refused: permissions, region, table name, or a limit.",
        "Run `passback doctor`, then look at the log for the operation and its code. Check PASSBACK_TABLE, "
        "PASSBACK_KMS_KEY and the function's permissions.",
        Retry.WAIT,
        _ANSWERS,
    ),
    Remedy(
        "same-outcome-under-way",
        sign(told=("The grade was not stored yet: the same outcome is still being delivered",)),
        "The same message came again while it was still under way, and the tool was not kept waiting.",
        "Nothing: `passback delivery show ID` tells how it ended.",
        Retry.WAIT,
        _ANSWERS,
    ),
    Remedy(
        "cell-busy",
        sign(told=("The grade was not stored: another outcome for the same student is still being delivered",)),
        "Another outcome for this student and assignment was under way and took too long to wait for.",
        "Nothing, when it passes. If it stays, the platform is slow: `passback delivery list` shows what is under way.",
        Retry.WAIT,
        _ANSWERS,
    ),
    Remedy(
        "score-out-of-range",
        sign(told=("The score cannot be read: the platform sent a number out of range",)),
        "A read, and the platform's answer holds a number that no score can be.",
        "Open the student's cell in the gradebook and put the grade right.",
        Retry.NONE,
        _ANSWERS,
    ),
)

GAVE_UP = (
    Remedy(
        "queue-time-over",
        sign(told=("The grade was not stored: for ... the platform took nothing",)),
        "Passback tried for days (or as long as it is set to) and the platform took nothing; then it gave up.",
        "Read the reason behind it in `passback delivery show ID`, and see that the platform answers: `passback "
        "doctor`.",
        Retry.RETRY,
        _DESIGN,
    ),
)
"""Only when the reason is not known: its own remedy says more."""
