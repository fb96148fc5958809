"""readResult: the score as the platform has it now."""

from chalicelib.clock import Deadline
from chalicelib.delivery.records import Cell
from chalicelib.errors import HostRefused, PlatformRefused, PlatformUnavailable
from chalicelib.lti11.messages import Answer
from chalicelib.lti13.ags import AgsClient
from chalicelib.lti13.profiles import PROFILES
from chalicelib.lti13.registrations import Platform
from chalicelib.translation import answers
from chalicelib.translation.reading import read_answer


def read(ags: AgsClient, platform: Platform, cell: Cell, deadline: Deadline) -> Answer:
    """Ask the platform for the user's result and answer it as LTI 1.1 does; nothing is stored."""
    try:
        result = ags.read_result(platform, cell.key.line_item, cell.key.user_id, deadline)
    except PlatformRefused as refusal:
        return answers.refused(refusal)
    except HostRefused as refusal:
        return answers.host_refused(refusal)
    except PlatformUnavailable as problem:
        return answers.unreadable(problem)
    return read_answer(result, cell, PROFILES[platform.profile])
