"""Whether the function runs at all. It asks nothing of the table, so that a probe costs nothing."""

from chalice.app import Blueprint

blueprint = Blueprint(__name__)


@blueprint.route("/health", methods=["GET"])
def health() -> dict[str, str]:
    """Answer that the function runs."""
    return {"status": "ok"}
