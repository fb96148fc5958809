"""Scopes a developer key can have (Canvas AGS, sections 1 and 8.1)."""

LINE_ITEM = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem"
LINE_ITEM_READONLY = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly"
RESULT_READONLY = "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly"
SCORE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
PROGRESS = "https://canvas.instructure.com/lti-ags/progress/scope/show"
MEMBERSHIP = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
PUBLIC_JWK_UPDATE = "https://canvas.instructure.com/lti/public_jwk/scope/update"

ALL = (LINE_ITEM, LINE_ITEM_READONLY, RESULT_READONLY, SCORE, PROGRESS, MEMBERSHIP, PUBLIC_JWK_UPDATE)
