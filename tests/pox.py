"""Legacy requests as tools write them: POX texts, signed by oauthlib's client."""

import base64
import hashlib
import uuid
from xml.sax.saxutils import escape

from oauthlib.common import Request
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, SIGNATURE_TYPE_AUTH_HEADER, Client

NAMESPACE = "http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0"


def envelope(operation_xml: str, message_identifier: str | None = None) -> bytes:
    """Put an operation into an envelope; every message gets an identifier of its own unless one is given."""
    identifier = uuid.uuid4().hex if message_identifier is None else message_identifier
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<imsx_POXEnvelopeRequest xmlns="{NAMESPACE}">'
        "<imsx_POXHeader><imsx_POXRequestHeaderInfo><imsx_version>V1.0</imsx_version>"
        f"<imsx_messageIdentifier>{escape(identifier)}</imsx_messageIdentifier>"
        "</imsx_POXRequestHeaderInfo></imsx_POXHeader>"
        f"<imsx_POXBody>{operation_xml}</imsx_POXBody></imsx_POXEnvelopeRequest>"
    ).encode()


def replace_result(
    sourcedid: str,
    score: str | None = None,
    *,
    total: str | None = None,
    data: dict[str, str] | None = None,
    submitted_at: str | None = None,
    prioritize_non_tool_grade: bool = False,
    needs_additional_review: bool = False,
    message_identifier: str | None = None,
) -> bytes:
    """Write a replaceResult; ``data`` maps element names of resultData to texts."""
    details = "" if submitted_at is None else f"<submittedAt>{escape(submitted_at)}</submittedAt>"
    details += "<prioritizeNonToolGrade/>" if prioritize_non_tool_grade else ""
    details += "<needsAdditionalReview/>" if needs_additional_review else ""
    result = "" if score is None else _number("resultScore", score)
    result += "" if total is None else _number("resultTotalScore", total)
    if data is not None:
        result += (
            f"<resultData>{''.join(f'<{name}>{escape(text)}</{name}>' for name, text in data.items())}</resultData>"
        )
    return envelope(
        "<replaceResultRequest>"
        + (f"<submissionDetails>{details}</submissionDetails>" if details else "")
        + f"<resultRecord>{_sourced(sourcedid)}<result>{result}</result></resultRecord></replaceResultRequest>",
        message_identifier,
    )


def read_result(sourcedid: str) -> bytes:
    """Write a readResult."""
    return envelope(f"<readResultRequest><resultRecord>{_sourced(sourcedid)}</resultRecord></readResultRequest>")


def delete_result(sourcedid: str) -> bytes:
    """Write a deleteResult."""
    return envelope(f"<deleteResultRequest><resultRecord>{_sourced(sourcedid)}</resultRecord></deleteResultRequest>")


def signed_headers(
    url: str,
    body: bytes,
    consumer_key: str,
    secret: str,
    *,
    timestamp: int,
    nonce: str | None = None,
    signature_method: str = SIGNATURE_HMAC_SHA1,
    body_hash: str | None = "",
) -> dict[str, str]:
    """Sign a POX request; ``body_hash`` empty: the right one, None: none at all."""
    client = _HashingClient(
        consumer_key,
        client_secret=secret,
        signature_method=signature_method,
        signature_type=SIGNATURE_TYPE_AUTH_HEADER,
        nonce=nonce or uuid.uuid4().hex,
        timestamp=str(timestamp),
    )
    right = base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()
    client.told_hash = right if body_hash == "" else body_hash
    headers = {"Content-Type": "application/xml"}
    _, signed, _ = client.sign(url, "POST", headers=headers)
    return {str(name): str(value) for name, value in signed.items()}


class _HashingClient(Client):
    """Signs the body hash that it is told; oauthlib itself hashes only bodies that it takes for text."""

    told_hash: str | None = None

    def get_oauth_params(self, request: Request) -> list[tuple[str, str]]:
        plain = Client.get_oauth_params(self, request)  # type: ignore[no-untyped-call]  # oauthlib leaves it untyped
        found = [(name, value) for name, value in plain if name != "oauth_body_hash"]
        return found if self.told_hash is None else [*found, ("oauth_body_hash", self.told_hash)]


def _number(name: str, text: str) -> str:
    return f"<{name}><language>en</language><textString>{escape(text)}</textString></{name}>"


def _sourced(sourcedid: str) -> str:
    return f"<sourcedGUID><sourcedId>{escape(sourcedid)}</sourcedId></sourcedGUID>"
