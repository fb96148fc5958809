"""Remedies for a token endpoint that gives no access token (Canvas AGS, section 1; Moodle 4.5, Token endpoint)."""

from passback.remedies.model import CANVAS, MOODLE, Remedy, Retry, sign

_CANVAS = "Canvas AGS, section 1"
_MOODLE = "Moodle 4.5, Token endpoint"
_SCOPES = "`score`, `result.readonly` and `lineitem.readonly`"

TOKENS = (
    Remedy(
        "token-key-changing",
        sign("token endpoint: our key is being changed there"),
        "Passback's signing key is being changed, and the platform checks with another one: it has a key set from "
        "before, or was given a key by hand.",
        "`passback key list` says who waits for which key. Give the new one to a platform that has it by hand, then "
        "`passback platform confirm-key NAME`. One that fetches our key set has the new key within a day.",
        Retry.WAIT,
        "1EdTech Security Framework 1.1, keys",
    ),
    Remedy(
        "token-key-set-unread",
        sign("JWK Error: ...Failed to fetch public key", profiles=CANVAS),
        "Canvas could not fetch Passback's public keys just then.",
        "Open the developer key's `public_jwk_url` from outside: it must be Passback's `/.well-known/jwks.json`, "
        "public, with a valid certificate. `passback doctor` fetches it too.",
        Retry.WAIT,
        _CANVAS,
    ),
    Remedy(
        "token-key-set-invalid",
        sign("JWK Error:", profiles=CANVAS),
        "What Canvas finds at the developer key's key set address, or in its `public_jwk`, is not a key set.",
        "In Canvas, *Admin*, *Developer Keys*, the key: set `public_jwk_url` to Passback's `/.well-known/jwks.json`, "
        "or paste what `passback key show` prints into `public_jwk`.",
        Retry.RETRY,
        _CANVAS,
    ),
    Remedy(
        "token-signature-invalid",
        sign("token endpoint: ...JWS signature invalid", profiles=CANVAS),
        "Canvas does not know the client id, or the developer key has no key of ours: it cannot check our signature.",
        "Compare `passback platform show NAME` with *Admin*, *Developer Keys*: the client id is the key's long number. "
        "Then compare the key's `public_jwk_url`, or its `public_jwk` with `passback key show`.",
        Retry.RETRY,
        _CANVAS,
    ),
    Remedy(
        "token-claims-missing",
        sign("the following assertions are missing", profiles=CANVAS),
        "Canvas misses a claim in the request for a token. Passback sends all that Canvas asks for.",
        "Compare the client id and the audience in `passback platform show NAME` with the developer key; an empty one "
        "is a missing claim. If they are right, report it as a fault of Passback, with the reference.",
        Retry.RETRY,
        _CANVAS,
    ),
    Remedy(
        "token-audience-invalid",
        sign("token endpoint: ...the 'aud' is invalid", profiles=CANVAS),
        "The audience that the platform was registered with here is not the token address that Canvas expects.",
        "Register the platform again with `--audience` equal to `--token-url`, both at the host that is asked: "
        "`https://HOST/login/oauth2/token`. `passback platform show NAME` tells what they are now.",
        Retry.RETRY,
        _CANVAS,
    ),
    Remedy(
        "token-times-refused",
        sign(
            "token endpoint: ...the JWT has expired",
            "token endpoint: ...the 'iat' must",
            "token endpoint: ...the 'exp' must",
            profiles=CANVAS,
        ),
        "Canvas takes the request for a token as too old or from the future: the two clocks differ by minutes.",
        "Set the clock of the machine that Passback runs on (on AWS it is right), or that of a Canvas of your own. "
        "`passback doctor` then gets a token.",
        Retry.RETRY,
        _CANVAS,
    ),
    Remedy(
        "token-scope-not-granted",
        sign("invalid_scope: A requested scope is invalid", profiles=CANVAS),
        "The developer key lacks a scope that Passback asks for, so Canvas gives no token at all.",
        f"In Canvas, *Admin*, *Developer Keys*, the key, *Scopes*: let it have {_SCOPES}. `lineitem` does not stand in "
        "for `lineitem.readonly`. `passback doctor` names the scopes.",
        Retry.RETRY,
        _CANVAS,
    ),
    Remedy(
        "token-grant-unknown",
        sign("token endpoint: ...The grant_type you requested is not currently supported", profiles=CANVAS),
        "What answers at the token address does not know this kind of request: it is not the token endpoint of LTI "
        "1.3.",
        "Compare the token URL in `passback platform show NAME`: on Canvas it ends in `/login/oauth2/token`. Look also "
        "whether a proxy in front of Canvas changes the form.",
        Retry.RETRY,
        _CANVAS,
    ),
    Remedy(
        "moodle-token-expired-assertion",
        sign("token endpoint: ...Expired token", "token endpoint: ...Cannot handle token", profiles=MOODLE),
        "Moodle takes the request for a token as expired or from the future; it allows for no difference of clocks.",
        "Set the clocks: of the Moodle server, and of the machine that Passback runs on (on AWS it is right).",
        Retry.RETRY,
        _MOODLE,
    ),
    Remedy(
        "moodle-token-signature",
        sign(
            "token endpoint: ...Signature verification failed",
            'token endpoint: ..."kid" invalid',
            profiles=MOODLE,
        ),
        "Moodle checks our signature with a key that is not ours.",
        "In Moodle, *Manage tools*, the tool: *Public key type* Keyset URL, and the address of Passback's "
        "`/.well-known/jwks.json`, which Moodle must be able to reach. `passback doctor` fetches it too.",
        Retry.RETRY,
        _MOODLE,
    ),
    Remedy(
        "moodle-token-client",
        sign("token endpoint: ...invalid_client", profiles=MOODLE),
        "Moodle knows no tool with this client id, or cannot check our signature.",
        "Compare the client id in `passback platform show NAME` with *Manage tools*, the tool, *View configuration "
        "details*; then the Keyset URL.",
        Retry.RETRY,
        _MOODLE,
    ),
    Remedy(
        "moodle-token-scope",
        sign("invalid_scope", profiles=MOODLE),
        "The tool has no grade sync in Moodle, so no token is given for it.",
        "In Moodle, *Manage tools*, the tool, *Services*, *IMS LTI Assignment and Grade Services*: choose *Use this "
        "service for grade sync*.",
        Retry.RETRY,
        _MOODLE,
    ),
    Remedy(
        "token-scope-refused",
        sign("invalid_scope"),
        "The platform gives no token with the scopes that Passback needs.",
        f"Let our registration at the platform have the scopes {_SCOPES} of AGS. `passback doctor` names them.",
        Retry.RETRY,
        "RFC 6749, section 5.2",
    ),
    Remedy(
        "token-assertion-refused",
        sign(
            "token endpoint: ...invalid_request",
            "token endpoint: ...invalid_client",
            "token endpoint: ...invalid_grant",
            "token endpoint: ...unauthorized_client",
            "token endpoint: ...unsupported_grant_type",
        ),
        "The platform does not accept our request for a token: client id, audience, clock or signing key do not match. "
        "Newer Canvas tells of a bad signature in its library's own words.",
        "Compare `passback platform show NAME` with the platform's registration: client id, token URL, audience. Then "
        "compare the key set address there with ours; `passback doctor` shows what fails.",
        Retry.RETRY,
        "Canvas AGS, section 1; RFC 6749, section 5.2",
    ),
)
