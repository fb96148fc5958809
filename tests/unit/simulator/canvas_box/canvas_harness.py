"""Drives the simulator in process, through the same requests a tool and a proxy would send."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from lxml import etree

from simulator import exact_json, oauth1
from simulator.exchange import Request, Response
from simulator.scopes import ALL
from simulator.simulator import Simulator

HOST = "school.example.org"
BASE = f"http://{HOST}"
START = datetime(2026, 2, 3, 10, 0, 0, 123456, tzinfo=UTC)
EXTENSION = "https://canvas.instructure.com/lti/submission"
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
LINE_ITEM_TYPE = "application/vnd.ims.lis.v2.lineitem+json"
OMS = "http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0"


@dataclass
class SettableClock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **distance: float) -> None:
        self.now += timedelta(**distance)


@dataclass
class Canvas:
    """A simulator with a clock, a key and shorthands."""

    private_key: RSAPrivateKey
    clock: SettableClock = field(default_factory=SettableClock)
    key_sets: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.simulator = Simulator(self.clock, self._fetch)
        self.token = ""

    def _fetch(self, url: str) -> bytes:
        if url not in self.key_sets:
            raise OSError("unreachable")
        return self.key_sets[url]

    @property
    def public_jwk(self) -> dict[str, Any]:
        jwk: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(self.private_key.public_key(), as_dict=True)
        return {**jwk, "kid": "k1", "alg": "RS256", "use": "sig"}

    def send(
        self, method: str, url: str, body: bytes = b"", host: str = HOST, headers: Mapping[str, str] | None = None
    ) -> Response:
        parts = urlsplit(url)
        named = {name.lower(): value for name, value in (headers or {}).items()}
        return self.simulator.handle(Request(method, parts.path, parts.query, {"host": host, **named}, body))

    # The control door

    def order(self, name: str, /, **fields: Any) -> Any:
        answer = self.send("POST", f"/_sim/{name}", exact_json.encode(fields).encode())
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def refused_order(self, name: str, /, **fields: Any) -> str:
        answer = self.send("POST", f"/_sim/{name}", exact_json.encode(fields).encode())
        assert answer.status == 400
        return str(json.loads(answer.body)["error"])

    def prepare(self, **fields: Any) -> "Scene":
        return Scene(self, self.order("prepare", **fields))

    # The token endpoint

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(self.clock.now.timestamp())
        claims = {
            "iss": "10000000000001",
            "sub": "10000000000001",
            "aud": f"https://{HOST}/login/oauth2/token",
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_hex(8),
        }
        claims.update(changes)
        return {name: value for name, value in claims.items() if value is not None}

    def ask_token(
        self,
        claims: Mapping[str, Any] | None = None,
        key: Any = None,
        algorithm: str = "RS256",
        kid: str | None = "k1",
        host: str = HOST,
        **form: str,
    ) -> Response:
        payload = dict(self.claims() if claims is None else claims)
        token = jwt.encode(payload, key or self.private_key, algorithm, headers={"kid": kid} if kid else None)
        fields = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": token,
            "scope": " ".join(ALL),
        }
        fields.update(form)
        return self.send(
            "POST",
            "/login/oauth2/token",
            urlencode(fields).encode(),
            host,
            {"Content-Type": "application/x-www-form-urlencoded"},
        )

    def register(self, **fields: Any) -> None:
        self.order("register", **{"public_jwk": self.public_jwk, **fields})

    def log_in(self, scope: str = " ".join(ALL)) -> str:
        answer = self.ask_token(scope=scope)
        assert answer.status == 200, answer.body
        self.token = json.loads(answer.body)["access_token"]
        return self.token

    # AGS

    def call(
        self,
        method: str,
        url: str,
        value: object = None,
        media_type: str = "application/json",
        token: str | None = None,
        host: str = HOST,
    ) -> Response:
        if not self.token and token is None:
            self.register()
            self.log_in()
        bearer = self.token if token is None else token
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        body = b""
        if value is not None:
            body = value if isinstance(value, bytes) else exact_json.encode(value).encode()
            headers["Content-Type"] = media_type
        return self.send(method, url, body, host, headers)


@dataclass
class Scene:
    """A prepared course, assignment and student, with both doors to it."""

    canvas: Canvas
    told: dict[str, Any]

    @property
    def handle(self) -> str:
        return str(self.told["handle"])

    @property
    def line_item(self) -> str:
        return str(self.told["line_item"])

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.canvas.order("state", handle=self.handle)
        return state

    def grade(self, score: object) -> None:
        self.canvas.order("grade", handle=self.handle, score=score)

    # AGS

    def score_body(self, **changes: Any) -> dict[str, Any]:
        moment = self.canvas.clock.now
        body = {
            "userId": self.told["user_id"],
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z",
            "activityProgress": "Completed",
            "gradingProgress": "FullyGraded",
            "scoreGiven": Decimal("0.92"),
            "scoreMaximum": 1,
        }
        extension = changes.pop("extension", None)
        if extension is not None:
            body[EXTENSION] = extension
        body.update(changes)
        return {name: value for name, value in body.items() if value is not None}

    def post(self, line_item: str | None = None, **changes: Any) -> Response:
        url = f"{line_item or self.line_item}/scores"
        return self.canvas.call("POST", url, self.score_body(**changes), SCORE_TYPE)

    def posted(self, **changes: Any) -> dict[str, Any]:
        answer = self.post(**changes)
        assert answer.status == 200, answer.body
        body: dict[str, Any] = json.loads(answer.body)
        return body

    def results(self, query: str = "", line_item: str | None = None) -> list[dict[str, Any]]:
        answer = self.canvas.call("GET", f"{line_item or self.line_item}/results{query}")
        assert answer.status == 200, answer.body
        found: list[dict[str, Any]] = json.loads(answer.body)
        return found

    def result(self) -> dict[str, Any]:
        (found,) = self.results(f"?user_id={self.told['user_id']}")
        return found

    # LTI 1.1

    def sign(self, body: bytes, url: str | None = None, **changes: Any) -> dict[str, str]:
        """Make the Authorization header, with HMAC-SHA1 unless told otherwise."""
        legacy = self.told["lti11"]
        address = url or legacy["outcome_url"]
        parameters = {
            "oauth_consumer_key": legacy["consumer_key"],
            "oauth_nonce": secrets.token_hex(8),
            "oauth_signature_method": "HMAC-SHA1",
            "oauth_timestamp": str(int(self.canvas.clock.now.timestamp())),
            "oauth_version": "1.0",
        }
        media_type = changes.pop("media_type", "application/xml")
        secret = changes.pop("secret", legacy["shared_secret"])
        parameters.update(changes)
        form = parse_qsl(body.decode()) if media_type == oauth1.FORM_TYPE else []
        text = oauth1.base_string("POST", address, [*parameters.items(), *form])
        parameters["oauth_signature"] = oauth1.sign(parameters["oauth_signature_method"], text, secret)
        pairs = ", ".join(f'{name}="{oauth1.escape(value)}"' for name, value in parameters.items())
        return {"Authorization": f'OAuth realm="", {pairs}', "Content-Type": media_type}

    def post_xml(self, body: str | bytes, **changes: Any) -> "Pox":
        octets = body.encode() if isinstance(body, str) else body
        url = self.told["lti11"]["outcome_url"]
        return Pox(self.canvas.send("POST", url, octets, headers=self.sign(octets, **changes)))

    def outcome(self, operation: str, inside: str = "", details: str = "", sourcedid: str | None = None) -> "Pox":
        """Post an operation with this content of ``result``."""
        return self.post_xml(self.envelope(operation, inside, details, sourcedid))

    def envelope(self, operation: str, inside: str = "", details: str = "", sourcedid: str | None = None) -> str:
        result = f"<result>{inside}</result>" if inside else ""
        known = self.told["lti11"]["sourcedid"] if sourcedid is None else sourcedid
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><imsx_POXEnvelopeRequest xmlns="{OMS}"><imsx_POXHeader>'
            "<imsx_POXRequestHeaderInfo><imsx_version>V1.0</imsx_version><imsx_messageIdentifier>msg-1"
            "</imsx_messageIdentifier></imsx_POXRequestHeaderInfo></imsx_POXHeader><imsx_POXBody>"
            f"<{operation}Request>{details}<resultRecord><sourcedGUID><sourcedId>{known}</sourcedId></sourcedGUID>"
            f"{result}</resultRecord></{operation}Request></imsx_POXBody></imsx_POXEnvelopeRequest>"
        )

    def replace(self, score: str | None = None, inside: str = "", details: str = "") -> "Pox":
        """Post a replaceResult with this resultScore, this further content and these submissionDetails."""
        fraction = "" if score is None else fraction_xml(score)
        wrapped = f"<submissionDetails>{details}</submissionDetails>" if details else ""
        return self.outcome("replaceResult", fraction + inside, wrapped)

    def read(self) -> str:
        answer = self.outcome("readResult")
        assert answer.status == 200
        return answer.text("textString")


def fraction_xml(text: str) -> str:
    return f"<resultScore><language>en</language><textString>{text}</textString></resultScore>"


def total_xml(text: str) -> str:
    return f"<resultTotalScore><language>en</language><textString>{text}</textString></resultTotalScore>"


def data_xml(**elements: str) -> str:
    return "<resultData>" + "".join(f"<{name}>{text}</{name}>" for name, text in elements.items()) + "</resultData>"


@dataclass
class Pox:
    """An answer of the XML door."""

    response: Response

    @property
    def status(self) -> int:
        return self.response.status

    def text(self, name: str) -> str:
        found = next(etree.fromstring(self.response.body).iter(f"{{{OMS}}}{name}"), None)
        assert found is not None, f"no {name}"
        return found.text or ""

    @property
    def code(self) -> str:
        """Canvas's error code, or the code major where there is none."""
        found = next(etree.fromstring(self.response.body).iter(f"{{{OMS}}}ext_canvas_error_code"), None)
        return self.text("imsx_codeMajor") if found is None else found.text or ""

    @property
    def message(self) -> str:
        """The message of a JSON answer."""
        return str(json.loads(self.response.body)["errors"][0]["message"])


def ags_error(response: Response) -> tuple[int, str]:
    """Give status and message of an AGS refusal in its object shape."""
    return response.status, str(json.loads(response.body)["errors"]["message"])


def listed_error(response: Response) -> tuple[int, str]:
    """Give status and message of a refusal in Canvas's list shape."""
    return response.status, str(json.loads(response.body)["errors"][0]["message"])
