"""MiniStack, which also takes the routes of an API that is imported: its own import makes an API without any.

``chalice deploy`` hands API Gateway its routes in that way. The reading of such a document is MiniStack's own, which
does it for CloudFormation. Run as a program, in the place of ``ministack``.
"""

from typing import Any

from ministack.app import main
from ministack.services import apigateway_v1

without_routes = apigateway_v1._create_rest_api


def create_rest_api(data: dict[str, Any]) -> Any:
    """Answer CreateRestApi and ImportRestApi, which come by the same door; the latter has a Swagger document."""
    if "swagger" not in data:
        return without_routes(data)
    return apigateway_v1._get_rest_api(apigateway_v1._import_rest_api(data))


if __name__ == "__main__":
    apigateway_v1._create_rest_api = create_rest_api
    main()
