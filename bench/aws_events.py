"""Events that need nothing of a running stack: a request for a bare route, and EventBridge's of a minute."""

from typing import Any

ROUTE_EVENT: dict[str, Any] = {
    "resource": "/health",
    "path": "/health",
    "httpMethod": "GET",
    "headers": {"Host": "passback.example.org"},
    "multiValueHeaders": {"Host": ["passback.example.org"]},
    "queryStringParameters": None,
    "multiValueQueryStringParameters": None,
    "pathParameters": None,
    "stageVariables": None,
    "requestContext": {"resourcePath": "/health", "httpMethod": "GET", "path": "/health"},
    "body": None,
    "isBase64Encoded": False,
}

SCHEDULE_EVENT: dict[str, Any] = {
    "version": "0",
    "id": "89d1a02d-5ec7-412e-82f5-13505f849b41",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2026-02-03T10:15:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:events:us-east-1:123456789012:rule/passback-prod-each-minute"],
    "detail": {},
}
