"""Envelopes as tools write them."""

NAMESPACE = "http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0"
SOURCED = "<sourcedGUID><sourcedId>s-1</sourcedId></sourcedGUID>"


def envelope(body: str, *, identifier: str = "m-1", attributes: str = f'xmlns="{NAMESPACE}"', prolog: str = "") -> str:
    return (
        f"{prolog}<imsx_POXEnvelopeRequest {attributes}><imsx_POXHeader><imsx_POXRequestHeaderInfo>"
        f"<imsx_version>V1.0</imsx_version><imsx_messageIdentifier>{identifier}</imsx_messageIdentifier>"
        f"</imsx_POXRequestHeaderInfo></imsx_POXHeader><imsx_POXBody>{body}</imsx_POXBody></imsx_POXEnvelopeRequest>"
    )


def replace(result: str = "", *, details: str = "", sourced: str = SOURCED) -> str:
    return envelope(
        f"<replaceResultRequest>{details}<resultRecord>{sourced}<result>{result}</result></resultRecord>"
        "</replaceResultRequest>"
    )


def score(text: str) -> str:
    return f"<resultScore><language>en</language><textString>{text}</textString></resultScore>"


def total(text: str) -> str:
    return f"<resultTotalScore><language>en</language><textString>{text}</textString></resultTotalScore>"


def data(inner: str) -> str:
    return f"<resultData>{inner}</resultData>"


def submitted(text: str) -> str:
    return f"<submissionDetails><submittedAt>{text}</submittedAt></submissionDetails>"
