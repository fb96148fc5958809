"""Keeps the mappings: what each tool's sourcedids stand for."""

from collections.abc import Iterable, Iterator

from chalicelib.mapping.model import Mapping, Submitted
from chalicelib.storage.attributes import Fields, Item, written_moment
from chalicelib.storage.keys import item_key
from chalicelib.storage.table import Table

KIND = "mapping"


class MappingStore:
    """The mappings, by consumer key and sourcedid."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, consumer_key: str, sourcedid: str) -> Mapping | None:
        """Look a sourcedid up as it is, then trimmed; in one request."""
        keys = mapping_keys(consumer_key, sourcedid)
        items = self._table.get_many(keys)
        return next((from_item(items[key]) for key in keys if key in items), None)

    def put(self, mapping: Mapping) -> None:
        """Store a mapping; one that was there for the same sourcedid is replaced."""
        self._table.put(to_item(mapping))

    def put_many(self, mappings: Iterable[Mapping]) -> None:
        """Store any number of mappings, 25 in a request; of two for one sourcedid the later one counts."""
        self._table.put_many(map(to_item, mappings))

    def list(self, consumer_key: str) -> Iterator[Mapping]:
        """Read a tool's mappings, page by page as the caller goes on, in a fixed order without meaning.

        One that was stored a moment ago may be missing.
        """
        return map(from_item, self._table.listing(_listing_kind(consumer_key)))

    def remove(self, consumer_key: str, sourcedid: str) -> bool:
        """Remove the mapping of exactly this sourcedid; tell whether there was one. Its cell stays."""
        return self._table.delete(item_key(KIND, consumer_key, sourcedid))


def mapping_keys(consumer_key: str, sourcedid: str) -> tuple[str, ...]:
    """Make the keys under which a sourcedid may be stored, in the order they count: as it is, then trimmed."""
    return tuple(item_key(KIND, consumer_key, text) for text in dict.fromkeys((sourcedid, sourcedid.strip())))


def to_item(mapping: Mapping) -> Item:
    """Make the item of a mapping."""
    pk = item_key(KIND, mapping.consumer_key, mapping.sourcedid)
    return {
        "pk": pk,
        "listing_kind": _listing_kind(mapping.consumer_key),
        "listing_order": pk,
        "consumer_key": mapping.consumer_key,
        "sourcedid": mapping.sourcedid,
        "platform": mapping.platform,
        "line_item": mapping.line_item,
        "user_id": mapping.user_id,
        "submitted": mapping.submitted,
        "context": mapping.context,
        "created_at": written_moment(mapping.created_at),
    }


def from_item(item: Item) -> Mapping:
    """Read a mapping from its item."""
    fields = Fields(item)
    return Mapping(
        consumer_key=fields.text("consumer_key"),
        sourcedid=fields.text("sourcedid"),
        platform=fields.text("platform"),
        line_item=fields.text("line_item"),
        user_id=fields.text("user_id"),
        submitted=fields.choice("submitted", Submitted),
        context=fields.text("context"),
        created_at=fields.moment_or_none("created_at"),
    )


def _listing_kind(consumer_key: str) -> str:
    return item_key("mappings", consumer_key)
