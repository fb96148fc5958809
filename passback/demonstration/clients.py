"""Legacy tools as they are in the wild: client libraries that are not ours, each used as its manual says."""

import gc
import importlib
import warnings
from dataclasses import dataclass
from typing import Any

from passback.outcome_message import OutcomeAnswer, OutcomeMessage, new_message_identifier, read_answer, write_pox

LTI = "lti"
PYLTI = "pylti"
REQUESTS_OAUTHLIB = "requests-oauthlib"


@dataclass(frozen=True, slots=True)
class Door:
    """Where an outcome goes, and what the tool has to sign and name it with."""

    url: str
    form_url: str
    consumer_key: str
    secret: str
    sourcedid: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a tool is told. ``status`` is None when the client keeps it to itself, and so is the description empty."""

    code: str
    status: int | None = None
    error_code: str | None = None
    score: str | None = None
    description: str = ""

    @classmethod
    def from_answer(cls, answer: OutcomeAnswer) -> "Told":
        """Take the part of an answer that tools act on; an answer that is no outcome's counts as a refusal."""
        code = answer.code_major.lower() if answer.status in {200, 422} else "refused"
        return cls(code or "refused", answer.status, answer.error_code, answer.score, answer.description)

    def __str__(self) -> str:
        """Write it for the table."""
        parts = [str(self.status) if self.status else "", self.code, self.error_code or ""]
        if self.score is not None:
            parts.append(f"score {self.score}" if self.score else "no score")
        return " ".join(part for part in parts if part)


def lti_request(door: Door) -> Any:
    """Make an ``OutcomeRequest`` of PyPI's ``lti``."""
    lti = _quietly_import("lti")
    return lti.OutcomeRequest(
        {
            "consumer_key": door.consumer_key,
            "consumer_secret": door.secret,
            "lis_outcome_service_url": door.url,
            "lis_result_sourcedid": door.sourcedid,
            "message_identifier": new_message_identifier(),
        }
    )


def told_by_lti(response: Any) -> Told:
    """Read what ``lti`` understood of the answer; its own verdict must be that of the answer's text."""
    told = Told.from_answer(read_answer(response.post_response.status_code, response.post_response.content))
    if response.is_success() != (told.code == "success"):
        return Told(f"misread as {response.code_major}", told.status)
    return told


def send_with_pylti(door: Door, operation: str, score: str | None = None) -> Told:
    """Send with PyPI's ``pylti``, which looks for one exact piece of text in the answer and tells no more."""
    pylti = _quietly_import("pylti.common")
    body = pylti.generate_request_xml(new_message_identifier(), operation, door.sourcedid, score)
    consumers = {door.consumer_key: {"secret": door.secret}}
    with warnings.catch_warnings():
        # It leaves its connection to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        succeeded = pylti.post_message(consumers, door.consumer_key, door.url, body)
        gc.collect()
    return Told("success" if succeeded else "failure")


def send_with_requests(door: Door, message: OutcomeMessage, *, secret: str | None = None) -> Told:
    """Post a message with ``requests``, signed by ``requests-oauthlib``."""
    import requests
    from requests_oauthlib import OAuth1  # type: ignore[import-untyped]  # it ships no types

    response = requests.post(
        door.url,
        data=write_pox(message).encode("utf-8"),
        headers={"Content-Type": "application/xml"},
        auth=OAuth1(door.consumer_key, client_secret=secret or door.secret, force_include_body=True),
        timeout=30,
    )
    return Told.from_answer(read_answer(response.status_code, response.content))


def send_form(door: Door, message_type: str, score: str | None = None) -> Told:
    """Post to the older form-encoded service, signed by ``requests-oauthlib``."""
    import requests
    from requests_oauthlib import OAuth1

    fields = {"lti_message_type": message_type, "sourcedid": door.sourcedid}
    if score is not None:
        fields["result_resultscore_textstring"] = score
    auth = OAuth1(door.consumer_key, client_secret=door.secret)
    response = requests.post(door.form_url, data=fields, auth=auth, timeout=30)
    return Told.from_answer(read_answer(response.status_code, response.content))


def _quietly_import(name: str) -> Any:
    with warnings.catch_warnings():
        # oauth2, which pylti brings, asks distutils for its own version.
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module(name)
