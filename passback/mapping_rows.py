"""From a record's texts to a mapping, or to the reason why it is none."""

from collections.abc import Callable
from datetime import datetime

from chalicelib.errors import HostRefused
from chalicelib.lti11.tools import Tool
from chalicelib.lti13.hosts import check_url
from chalicelib.lti13.registrations import Platform
from chalicelib.mapping.model import Mapping, Submitted
from passback.parameters import is_consumer_key, is_platform_name, split_url

LONGEST_SOURCEDID = 8 * 1024
"""Bytes in UTF-8."""

_SUBMITTED = {"": Submitted.UNKNOWN, "yes": Submitted.YES, "no": Submitted.NO}


class RowRefused(Exception):
    """A row that cannot be a mapping; the text says why."""


class MappingRules:
    """What a mapping must satisfy: a known tool, a known platform, and a line item on one of its hosts.

    Tools and platforms are looked up once each and remembered.
    """

    def __init__(
        self,
        find_tool: Callable[[str], Tool | None],
        find_platform: Callable[[str], Platform | None],
        *,
        local: bool,
        now: datetime,
    ) -> None:
        self._find_tool = find_tool
        self._find_platform = find_platform
        self._local = local
        self._now = now
        self._known_tools: dict[str, bool] = {}
        self._platforms: dict[str, Platform | None] = {}

    def mapping(self, fields: dict[str, str]) -> Mapping:
        """Return the mapping of a row. The sourcedid is kept to the letter; blanks round the other fields are not.

        Raises
        ------
        RowRefused
            If a field is empty or wrong, or names a tool or platform that is not registered.
        """
        trimmed = {name: text.strip() for name, text in fields.items()}
        for name in ("consumer_key", "sourcedid", "platform", "line_item", "user_id"):
            if not trimmed[name]:
                raise RowRefused(f"{name} is empty")
        sourcedid = fields["sourcedid"]
        if len(sourcedid.encode("utf-8")) > LONGEST_SOURCEDID:
            raise RowRefused("the sourcedid is longer than 8 KiB")
        submitted = _SUBMITTED.get(trimmed.get("submitted", "").lower())
        if submitted is None:
            raise RowRefused("submitted must be yes, no or empty")
        self._check_tool(trimmed["consumer_key"])
        self._check_line_item(trimmed["line_item"], trimmed["platform"])
        return Mapping(
            consumer_key=trimmed["consumer_key"],
            sourcedid=sourcedid,
            platform=trimmed["platform"],
            line_item=trimmed["line_item"],
            user_id=trimmed["user_id"],
            submitted=submitted,
            context=trimmed.get("context", ""),
            created_at=self._now,
        )

    def _check_tool(self, consumer_key: str) -> None:
        if consumer_key not in self._known_tools:
            self._known_tools[consumer_key] = (
                is_consumer_key(consumer_key) and self._find_tool(consumer_key) is not None
            )
        if not self._known_tools[consumer_key]:
            raise RowRefused(f"there is no tool with consumer key {consumer_key[:255]!r}")

    def _check_line_item(self, line_item: str, platform: str) -> None:
        if platform not in self._platforms:
            self._platforms[platform] = self._find_platform(platform) if is_platform_name(platform) else None
        found = self._platforms[platform]
        if found is None:
            raise RowRefused(f"there is no platform {platform[:64]!r}")
        if split_url(line_item) is None:
            raise RowRefused("line_item is no http(s) URL")
        try:
            check_url(found, line_item, local=self._local)
        except HostRefused as error:
            raise RowRefused(f"the line item could not be called: {error}") from None
