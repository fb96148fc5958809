"""What an import says of a student's history, put to the cell that does not know better."""

from dataclasses import replace

from chalicelib.delivery.records import Cell, SubmissionState
from chalicelib.mapping.model import Mapping, Submitted

_IMPORTED_STATE = {
    Submitted.YES: SubmissionState.EXISTS,
    Submitted.NO: SubmissionState.NONE,
    Submitted.UNKNOWN: SubmissionState.UNKNOWN,
}


def with_imported_history(cell: Cell, mapping: Mapping) -> Cell:
    """Return the cell with the mapping's ``submitted``, as long as nobody asked the platform."""
    if cell.submission is not SubmissionState.UNKNOWN:
        return cell
    return replace(cell, submission=_IMPORTED_STATE[mapping.submitted])
