"""``passback platform line-items``: which line items a course has for us, for the mapping file."""

import click

from chalicelib.clock import Deadline
from passback.commands import Command
from passback.output import Table
from passback.parameters import PlatformName, platform_url
from passback.session import Session, pass_session

_SECONDS = 60.0
_COLUMNS = ("line item", "label", "maximum", "resource link")
_EMPTY = (
    "The platform lists no line item for this registration. Canvas makes one at the first LTI 1.3 launch of an "
    "assignment or when an administrator moves the tool; it lists those of this developer key only."
)


@click.command(cls=Command, name="line-items")
@click.argument("name", type=PlatformName())
@click.argument("url")
@click.option(
    "--resource-link", "resource_link", metavar="ID", help="Only of this one; Canvas: LTI 1.1's ext_lti_assignment_id."
)
@pass_session
def line_items(session: Session, name: str, url: str, resource_link: str | None) -> None:
    """List the line items that a course has for our registration at the platform NAME.

    URL is that of the course's line items: on Canvas https://HOST/api/lti/courses/N/line_items, on Moodle
    https://HOST/mod/lti/services.php/N/lineitems?type_id=N. The first column is what `passback mapping add` and the
    mapping file want as line item.
    """
    import httpx

    platform = session.platform(name)
    platform_url(url, "URL", local=session.services.settings.is_local)
    asked = httpx.URL(url)
    if resource_link is not None:
        asked = asked.copy_merge_params({"resource_link_id": resource_link})
    found = session.services.ags.list_line_items(platform, str(asked), Deadline.after(session.clock, _SECONDS))
    documents = [
        {
            "line_item": each.url,
            "label": each.label,
            "maximum": None if each.score_maximum is None else f"{each.score_maximum:f}",
            "resource_link": each.resource_link_id or None,
        }
        for each in found
    ]
    rows = [tuple(value or "-" for value in document.values()) for document in documents]
    session.output.show({"line_items": documents}, Table(_COLUMNS, rows, empty=_EMPTY))
