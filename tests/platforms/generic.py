"""An AGS 2.0 platform that is not ours: PyPI's ``lti1p3platform`` judges keys, tokens, scopes and scores.

Only what that library leaves to its user is here: a dictionary for a gradebook. HTTP is in ``generic_http``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lti1p3platform.exceptions import LineItemNotFoundException
from lti1p3platform.ltiplatform import LTI1P3PlatformConfAbstract
from lti1p3platform.registration import Registration
from lti1p3platform.request import Request
from lti1p3platform.score import UpdateScoreStatus
from lti1p3platform.service_connector import AssignmentsGradesService

from chalicelib.lti13.registrations import Platform

CLIENT_ID = "generic-client"
TOKEN_PATH = "/token"
LINE_ITEMS = "/context/1/lineitems"
PAGE = 2


@dataclass
class GradedItem:
    """A line item and what was posted to it, by user."""

    maximum: float
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Gradebook:
    """What the library's user keeps."""

    items: dict[str, GradedItem] = field(default_factory=dict)
    posted: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    filters_results: bool = True
    drop_after_scores: int = 0
    before_next_score: Callable[[dict[str, Any]], None] | None = None
    """Called once, with the score that has just arrived."""

    def add_item(self, maximum: float = 20) -> str:
        """Make a line item and return its number."""
        number = str(len(self.items) + 1)
        self.items[number] = GradedItem(maximum)
        return number


@dataclass
class GenericPlatform:
    """A running platform."""

    url: str
    gradebook: Gradebook

    def line_item(self, number: str) -> str:
        """Give the URL of a line item."""
        return f"{self.url}{LINE_ITEMS}/{number}"

    def registration(self, name: str = "generic") -> Platform:
        """Return Passback's registration at it."""
        return Platform(
            name=name,
            profile="generic",
            issuer=self.url,
            client_id=CLIENT_ID,
            token_url=f"{self.url}{TOKEN_PATH}",
            audience=f"{self.url}{TOKEN_PATH}",
            hosts=(urlsplit(self.url).netloc,),
        )


class Configuration(LTI1P3PlatformConfAbstract):  # type: ignore[misc]  # the library ships no types
    """The one registration; the tool's keys come from its key set, as a URL or as it is."""

    def init_platform_config(self, **kwargs: Any) -> None:
        registration = Registration().set_iss(kwargs["url"]).set_client_id(CLIENT_ID)
        private, public = _key_pair()
        registration.set_platform_private_key(private).set_platform_public_key(public)
        if isinstance(kwargs["key_set"], str):
            registration.set_tool_key_set_url(kwargs["key_set"])
        else:
            registration.set_tool_key_set(kwargs["key_set"])
        self._registration = registration

    def get_registration_by_params(self, **kwargs: Any) -> Registration:
        return self._registration


class Call(Request):  # type: ignore[misc]  # the library ships no types
    """A request as the library wants to see it."""

    def build_metadata(self, request: Any) -> Any:
        return request


class Service(AssignmentsGradesService):  # type: ignore[misc]  # the library ships no types
    """The library's service over our dictionary."""

    def __init__(self, call: Call, configuration: Configuration, platform: GenericPlatform, number: str) -> None:
        items = f"{platform.url}{LINE_ITEMS}"
        super().__init__(call, configuration, items, f"{items}/{number}", allow_creating_lineitems=False)
        self._gradebook = platform.gradebook

    def _item(self, number: str) -> GradedItem:
        if number not in self._gradebook.items:
            raise LineItemNotFoundException
        return self._gradebook.items[number]

    def find_lineitem(self, line_item_id: str) -> Any:
        item = self._item(line_item_id)
        return {"id": self.ags.lineitem_url, "label": f"Item {line_item_id}", "scoreMaximum": item.maximum}

    def update_score(self, line_item_id: str, score: Any) -> UpdateScoreStatus:
        item, user_id = self._item(line_item_id), score["userId"]
        if self._gradebook.before_next_score is not None:
            self._gradebook.before_next_score(score)
            self._gradebook.before_next_score = None
        earlier = item.scores.get(user_id)
        # AGS 2.0, section 3.4.9: a timestamp is not used twice, and only a newer one counts.
        if earlier and datetime.fromisoformat(score["timestamp"]) <= datetime.fromisoformat(earlier["timestamp"]):
            return UpdateScoreStatus.OLD_TIMESTAMP
        item.scores[user_id] = score
        return UpdateScoreStatus.SUCCESS if earlier else UpdateScoreStatus.CREATED

    def get_results(
        self, line_item_id: str, page: int = 1, limit: int | None = None, user_id: str | None = None
    ) -> Any:
        item = self._item(line_item_id)
        rows = [_row(self.ags.lineitem_url, user, score, item) for user, score in sorted(item.scores.items())]
        if user_id is not None and self._gradebook.filters_results:
            rows = [row for row in rows if row["userId"] == user_id]
        start = (page - 1) * PAGE
        return {"content": rows[start : start + PAGE], "has_next": len(rows) > start + PAGE}

    def find_lineitems(self, *args: Any, **kwargs: Any) -> Any:
        raise LineItemNotFoundException

    create_lineitem = update_lineitem = delete_lineitem = find_lineitems


def _row(line_item: str | None, user_id: str, score: Mapping[str, Any], item: GradedItem) -> dict[str, Any]:
    """Write one result, on the line item's own scale; only what is fully graded counts (AGS 2.0, section 3.4.8)."""
    row: dict[str, Any] = {"id": f"{line_item}/results/{user_id}", "userId": user_id, "scoreOf": line_item}
    row["resultMaximum"] = item.maximum
    if score.get("scoreGiven") is not None and score["gradingProgress"] == "FullyGraded":
        row["resultScore"] = score["scoreGiven"] * item.maximum / score["scoreMaximum"]
    return row


def _key_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
