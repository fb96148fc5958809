"""Assignment and Grade Services: posts scores, reads results and line items, and says what a 'no' means."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.clock import Deadline
from chalicelib.errors import PlatformError, PlatformRefused, PlatformUnavailable, Trouble
from chalicelib.lti13.profiles import PROFILES, Profile, RefusalKind, classify
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.replies import MalformedAnswer, Reply, contains, is_throttled, words_of
from chalicelib.lti13.results import (
    belongs_to,
    next_page,
    read_line_item_reply,
    read_listed,
    read_row,
    results_url,
    rows_of,
    service_url,
)
from chalicelib.lti13.score_json import write_score
from chalicelib.lti13.scores import LineItem, ListedLineItem, Result, Score

if TYPE_CHECKING:
    from chalicelib.lti13.token_request import AccessToken
    from chalicelib.lti13.tokens import TokenSource
    from chalicelib.lti13.transport import Transport

# AGS 2.0, sections 3.1 to 3.4. Without parameters: Moodle compares them for equality.
SCORE = "application/vnd.ims.lis.v1.score+json"
RESULTS = "application/vnd.ims.lis.v2.resultcontainer+json"
LINE_ITEM = "application/vnd.ims.lis.v2.lineitem+json"
LINE_ITEMS = "application/vnd.ims.lis.v2.lineitemcontainer+json"

MOST_PAGES = 20
"""Pages of results that are read in search of one user, and of a course's line items."""
GATEWAY_STATUSES = frozenset({502, 503})
"""What stands before a platform says so when there is nobody behind it (RFC 9110, sections 15.6.3 and 15.6.4)."""


class AgsClient:
    """The AGS calls. Everything that a platform answers but success comes out as a ``PlatformError``.

    All of them raise ``HostRefused`` for a URL that the registration does not allow, ``PlatformRefused`` for a final
    no, and ``PlatformUnavailable`` when a retry can help.
    """

    def __init__(self, transport: "Transport", tokens: "TokenSource") -> None:
        self._transport = transport
        self._tokens = tokens

    def post_score(self, platform: Platform, line_item_url: str, score: Score, deadline: Deadline) -> None:
        """Post a score (AGS 2.0, section 3.4). Returning means that the platform took it.

        ``PlatformRefused`` means that nothing was stored, but for ``UNPUBLISHED_AFTER_SUBMIT``. A page with a good
        status (maintenance, sign-in) is nobody's word on the score: ``PlatformUnavailable``, maybe applied.
        """
        url = service_url(line_item_url, "scores")
        headers = {"Content-Type": SCORE, "Accept": SCORE}
        reply = self._call(platform, "POST", url, headers, write_score(score), deadline)
        if PROFILES[platform.profile].empty_list_is_refusal and _is_empty_list(reply):
            raise PlatformRefused(RefusalKind.OTHER, reply.status, "the platform took the call but not the score")
        if _is_page(reply):
            raise PlatformUnavailable("a page came in place of an answer", maybe_applied=True, status=reply.status)

    def read_result(self, platform: Platform, line_item_url: str, user_id: str, deadline: Deadline) -> Result | None:
        """Return a user's result (AGS 2.0, section 3.3); None when the platform has none for them.

        The filter is only a hint: Open edX ignores it, Moodle does for an id that is no number. So a row counts when it
        is the user's by its ``userId``, or the only one of a platform known to keep to the filter.
        """
        exact = PROFILES[platform.profile].results_filter_is_exact
        url: str | None = results_url(line_item_url, user_id)
        for page in range(MOST_PAGES):
            if url is None:
                return None
            reply = self._call(platform, "GET", url, {"Accept": RESULTS}, None, deadline)
            try:
                following = next_page(reply, url)
                rows = rows_of(reply)
                mine = [row for row in rows if belongs_to(row, user_id)]
                if not mine and exact and page == 0 and following is None and len(rows) == 1:
                    mine = rows  # asked by the numeric id, answered under the lti_id
                if mine:
                    return read_row(mine[0])
            except ValueError as failure:
                raise _unreadable(reply, "results") from failure
            url = following
        raise PlatformUnavailable(f"results have more than {MOST_PAGES} pages", maybe_applied=False)

    def read_line_item(self, platform: Platform, url: str, deadline: Deadline) -> LineItem:
        """Return a line item (AGS 2.0, section 3.2). Its maximum follows the assignment: do not keep it."""
        reply = self._call(platform, "GET", url, {"Accept": LINE_ITEM}, None, deadline)
        try:
            return read_line_item_reply(reply, url)
        except ValueError as failure:
            raise _unreadable(reply, "line item") from failure

    def list_line_items(self, platform: Platform, url: str, deadline: Deadline) -> list[ListedLineItem]:
        """Return what is listed at a course's line items URL (AGS 2.0, section 3.2): those of our registration only."""
        found: list[ListedLineItem] = []
        for _ in range(MOST_PAGES):
            reply = self._call(platform, "GET", url, {"Accept": LINE_ITEMS}, None, deadline)
            try:
                found += map(read_listed, rows_of(reply))
                following = next_page(reply, url)
            except ValueError as failure:
                raise _unreadable(reply, "line items") from failure
            if following is None:
                return found
            url = following
        raise PlatformUnavailable(f"line items have more than {MOST_PAGES} pages", maybe_applied=False)

    def _call(
        self,
        platform: Platform,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        deadline: Deadline,
    ) -> Reply:
        """Send a call with a token, and once more with a new one where that can help; return a 2xx answer."""
        profile = PROFILES[platform.profile]
        token = self._tokens.token(platform, deadline)
        reply = self._sent(platform, method, url, headers, content, token, deadline)
        if reply.status == 401 and not contains(words_of(reply, token.value), profile.new_token_cannot_help):
            token = self._tokens.renewed(platform, token, deadline)
            reply = self._sent(platform, method, url, headers, content, token, deadline)
        if not reply.is_success:
            raise _failure(profile, reply, words_of(reply, token.value), maybe_applied=method != "GET")
        return reply

    def _sent(
        self,
        platform: Platform,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        token: "AccessToken",
        deadline: Deadline,
    ) -> Reply:
        authorized = {**headers, "Authorization": f"Bearer {token.value}"}  # Moodle takes no other spelling of Bearer
        try:
            return self._transport.send(platform, method, url, authorized, content, deadline)
        except MalformedAnswer as failure:
            if not PROFILES[platform.profile].protocol_errors_are_final:
                raise
            raise PlatformRefused(RefusalKind.OTHER, 0, "the platform's answer has no HTTP status") from failure


def _failure(profile: Profile, reply: Reply, words: str, *, maybe_applied: bool) -> PlatformError:
    """Say what an answer that is no success means: not now, or never."""
    if is_throttled(reply):
        return PlatformUnavailable(
            f"throttled: {words}", maybe_applied=False, status=reply.status, cause=Trouble.THROTTLED
        )
    kind = classify(profile, reply.status, words)
    final = kind is RefusalKind.FILE_ERROR or (reply.status in profile.final_statuses and _is_empty_list(reply))
    # 408 is a time-out as well, only told by the platform's side.
    if (reply.status >= 500 or reply.status == 408) and not final:
        cause = Trouble.UNREACHABLE if reply.status in GATEWAY_STATUSES else Trouble.ERROR
        return PlatformUnavailable(words, maybe_applied=maybe_applied, status=reply.status, cause=cause)
    return PlatformRefused(kind, reply.status, words)


def _is_empty_list(reply: Reply) -> bool:
    return reply.body.strip() == b"[]"


def _is_page(reply: Reply) -> bool:
    return reply.body.lstrip().startswith(b"<")


def _unreadable(reply: Reply, what: str) -> PlatformUnavailable:
    """A 2xx that cannot be read is a page put in between, not the platform's word on the grade: it may pass."""
    return PlatformUnavailable(f"the {what} answer cannot be read", maybe_applied=False, status=reply.status)
