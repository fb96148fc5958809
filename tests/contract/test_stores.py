from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chalicelib.delivery.records import Delivery, DeliveryState
from chalicelib.errors import SetupError, StorageConflict, StorageUnreadable
from chalicelib.lti11.tools import Tool
from chalicelib.lti13.keys import SigningKey
from chalicelib.lti13.tokens import StoredToken
from chalicelib.storage.attributes import Item
from chalicelib.storage.deliveries import DeliveryFilter, DeliveryStore
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.storage.mappings import MappingStore
from chalicelib.storage.platforms import PlatformStore
from chalicelib.storage.sealing import KeyFileSealer
from chalicelib.storage.signing_keys import PK, SigningKeyStore
from chalicelib.storage.table import Table
from chalicelib.storage.tokens import TokenStore, token_key
from chalicelib.storage.tools import ToolStore, tool_key

from .records import DELIVERY, MAPPING, NOW, NOW_MS, PLATFORM, TOOL

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ONE_SECRET = replace(TOOL, secrets=("first secret",))


def everything_stored(client: "DynamoDBClient", table: Table) -> str:
    return repr(client.scan(TableName=table.name, ConsistentRead=True)["Items"])


class TestTools:
    def test_a_tool_comes_back_as_it_was(self, tools: ToolStore) -> None:
        tools.add(TOOL)
        assert tools.get(TOOL.consumer_key) == TOOL

    def test_an_unknown_tool_is_none(self, tools: ToolStore) -> None:
        assert tools.get("unknown") is None

    def test_a_key_is_registered_once(self, tools: ToolStore) -> None:
        tools.add(TOOL)
        with pytest.raises(SetupError, match="registered already"):
            tools.add(ONE_SECRET)
        assert tools.get(TOOL.consumer_key) == TOOL

    def test_tools_are_listed_by_their_keys(self, tools: ToolStore) -> None:
        for consumer_key in ("b", "c", "a", "é" * 600):
            tools.add(Tool(consumer_key, ("s",)))
        assert [tool.consumer_key for tool in tools.list()] == ["a", "b", "c", "é" * 600]

    def test_removing_tells_whether_it_was_there(self, tools: ToolStore) -> None:
        tools.add(TOOL)
        assert tools.remove(TOOL.consumer_key) is True
        assert tools.remove(TOOL.consumer_key) is False
        assert tools.get(TOOL.consumer_key) is None

    def test_a_second_secret_goes_first_and_both_live(self, tools: ToolStore) -> None:
        tools.add(ONE_SECRET)
        rotated = tools.rotate(TOOL.consumer_key, "second secret")
        assert rotated.secrets == ("second secret", "first secret")
        assert tools.get(TOOL.consumer_key) == rotated

    def test_a_third_secret_is_refused(self, tools: ToolStore) -> None:
        tools.add(TOOL)
        with pytest.raises(SetupError, match="two live secrets"):
            tools.rotate(TOOL.consumer_key, "third")
        assert tools.get(TOOL.consumer_key) == TOOL

    def test_the_same_secret_again_is_refused(self, tools: ToolStore) -> None:
        tools.add(ONE_SECRET)
        with pytest.raises(SetupError, match="this secret already"):
            tools.rotate(TOOL.consumer_key, "first secret")

    def test_the_oldest_secret_is_retired(self, tools: ToolStore) -> None:
        tools.add(TOOL)
        assert tools.retire_oldest(TOOL.consumer_key).secrets == TOOL.secrets[:1]
        assert tools.get(TOOL.consumer_key) == replace(TOOL, secrets=TOOL.secrets[:1], rotated_at=None)
        with pytest.raises(SetupError, match="only one secret"):
            tools.retire_oldest(TOOL.consumer_key)

    def test_an_unknown_tool_is_neither_rotated_nor_retired(self, tools: ToolStore) -> None:
        with pytest.raises(SetupError, match="not registered"):
            tools.rotate("unknown", "secret")
        with pytest.raises(SetupError, match="not registered"):
            tools.retire_oldest("unknown")

    def test_secrets_are_not_in_the_table_nor_in_a_repr(
        self, client: "DynamoDBClient", table: Table, tools: ToolStore
    ) -> None:
        tools.add(TOOL)
        shown = everything_stored(client, table) + repr(tools) + repr(tools.get(TOOL.consumer_key))
        assert "newer secret" not in shown
        assert "older secret" not in shown

    def test_a_secret_copied_to_another_tool_does_not_open(self, table: Table, tools: ToolStore) -> None:
        tools.add(TOOL)
        stolen = table.get(tool_key(TOOL.consumer_key)) or {}
        table.put({**stolen, "pk": tool_key("thief"), "consumer_key": "thief"})
        with pytest.raises(StorageUnreadable):
            tools.get("thief")


@pytest.mark.engine
def test_of_ten_rotations_at_the_same_time_one_is_kept(engine_table: Table, sealer: KeyFileSealer) -> None:
    tools = ToolStore(engine_table, sealer)
    tools.add(ONE_SECRET)

    def rotate(number: int) -> bool:
        try:
            tools.rotate(TOOL.consumer_key, f"secret {number}")
        except (StorageConflict, SetupError):
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(rotate, range(10))).count(True) == 1
    assert len((tools.get(TOOL.consumer_key) or TOOL).secrets) == 2


class TestPlatforms:
    def test_a_platform_comes_back_as_it_was(self, table: Table) -> None:
        platforms = PlatformStore(table)
        bare = replace(PLATFORM, name="bare", jwks_url=None, auth_url=None, held_kid=None, created_at=None, hosts=())
        for platform in (PLATFORM, bare):
            platforms.add(platform)
            assert platforms.get(platform.name) == platform
        assert list(platforms.list()) == [bare, PLATFORM]

    def test_a_name_is_taken_once(self, table: Table) -> None:
        platforms = PlatformStore(table)
        platforms.add(PLATFORM)
        with pytest.raises(SetupError, match="registered already"):
            platforms.add(replace(PLATFORM, issuer="other"))
        assert platforms.get(PLATFORM.name) == PLATFORM

    @pytest.mark.parametrize(("held", "given"), [("kid-1", "kid-2"), ("kid-1", None), (None, "kid-1")])
    def test_the_key_that_a_platform_was_given_is_noted(
        self, table: Table, held: str | None, given: str | None
    ) -> None:
        platforms = PlatformStore(table)
        before = replace(PLATFORM, held_kid=held)
        platforms.add(before)
        assert platforms.hold(before, given) == replace(PLATFORM, held_kid=given)
        assert platforms.get(PLATFORM.name) == replace(PLATFORM, held_kid=given)
        with pytest.raises(StorageConflict, match="platform"):
            platforms.hold(before, "kid-3")

    def test_nothing_is_noted_of_a_platform_that_was_removed_or_registered_anew(self, table: Table) -> None:
        platforms = PlatformStore(table)
        with pytest.raises(StorageConflict):
            platforms.hold(PLATFORM, "kid-2")
        platforms.add(replace(PLATFORM, client_id="another"))
        with pytest.raises(StorageConflict):
            platforms.hold(PLATFORM, "kid-2")
        assert platforms.get(PLATFORM.name) == replace(PLATFORM, client_id="another")

    def test_removing_tells_whether_it_was_there(self, table: Table) -> None:
        platforms = PlatformStore(table)
        platforms.add(PLATFORM)
        assert platforms.remove(PLATFORM.name) is True
        assert platforms.remove(PLATFORM.name) is False
        assert platforms.get(PLATFORM.name) is None


class TestSigningKeys:
    KEY = SigningKey("kid-1", "-----BEGIN PRIVATE KEY-----\nfirst\n", NOW)
    NEXT = SigningKey("kid-2", "x" * 5000, NOW + timedelta(days=1))

    @pytest.fixture
    def keys(self, table: Table, sealer: KeyFileSealer) -> SigningKeyStore:
        return SigningKeyStore(table, sealer)

    def test_keys_come_in_the_order_they_were_added(self, keys: SigningKeyStore) -> None:
        assert keys.list() == ()
        keys.add(self.KEY)
        keys.add(self.NEXT)
        assert keys.list() == (self.KEY, self.NEXT)

    def test_a_key_is_added_once(self, keys: SigningKeyStore) -> None:
        keys.add(self.KEY)
        with pytest.raises(SetupError, match="kid-1"):
            keys.add(self.KEY)

    def test_keys_are_changed_together(self, keys: SigningKeyStore) -> None:
        keys.add(self.KEY)
        forced = replace(self.NEXT, forced_at=NOW + timedelta(hours=1))
        changed = keys.change(lambda stored: (*(replace(key, withdrawn=True) for key in stored), forced))
        assert changed == keys.list() == (replace(self.KEY, withdrawn=True), forced)
        assert keys.change(lambda stored: stored[1:]) == keys.list() == (forced,)

    def test_a_decision_that_is_refused_changes_nothing(self, keys: SigningKeyStore) -> None:
        keys.add(self.KEY)

        def refuse(stored: tuple[SigningKey, ...]) -> tuple[SigningKey, ...]:
            raise SetupError("no")

        with pytest.raises(SetupError):
            keys.change(refuse)
        assert keys.list() == (self.KEY,)

    def test_a_key_added_meanwhile_is_not_lost(self, table: Table, keys: SigningKeyStore) -> None:
        keys.add(self.KEY)
        seen = table.get(PK)
        keys.add(self.NEXT)
        table.get = lambda pk: seen  # type: ignore[method-assign]  # a reader that is late
        with pytest.raises(StorageConflict):
            keys.add(replace(self.NEXT, kid="kid-3"))

    def test_private_parts_are_not_in_the_table(
        self, client: "DynamoDBClient", table: Table, keys: SigningKeyStore
    ) -> None:
        keys.add(self.KEY)
        assert "PRIVATE" not in everything_stored(client, table)


class TestMappings:
    @pytest.fixture
    def mappings(self, table: Table) -> MappingStore:
        return MappingStore(table)

    def test_a_mapping_comes_back_and_is_replaced(self, mappings: MappingStore) -> None:
        mappings.put(MAPPING)
        assert mappings.get(MAPPING.consumer_key, MAPPING.sourcedid) == MAPPING
        moved = replace(MAPPING, line_item="other", created_at=None)
        mappings.put(moved)
        assert mappings.get(MAPPING.consumer_key, MAPPING.sourcedid) == moved

    def test_a_sourcedid_is_looked_up_as_it_is_then_trimmed(
        self, mappings: MappingStore, operations: list[str]
    ) -> None:
        mappings.put(replace(MAPPING, sourcedid="a", user_id="trimmed"))
        operations.clear()
        found = mappings.get(MAPPING.consumer_key, " a\n")
        assert operations == ["BatchGetItem"]
        assert found is not None
        assert found.user_id == "trimmed"
        mappings.put(replace(MAPPING, sourcedid=" a\n", user_id="as it is"))
        found = mappings.get(MAPPING.consumer_key, " a\n")
        assert found is not None
        assert found.user_id == "as it is"

    def test_blanks_inside_and_letters_differ(self, mappings: MappingStore) -> None:
        mappings.put(replace(MAPPING, sourcedid="a b"))
        assert mappings.get(MAPPING.consumer_key, "ab") is None
        assert mappings.get(MAPPING.consumer_key, "A b") is None

    def test_key_and_sourcedid_never_run_together(self, mappings: MappingStore) -> None:
        mappings.put(replace(MAPPING, consumer_key="ab", sourcedid="c"))
        assert mappings.get("a", "bc") is None

    def test_many_mappings_are_imported_and_listed_for_their_tool_only(
        self, mappings: MappingStore, operations: list[str]
    ) -> None:
        imported = [replace(MAPPING, sourcedid=f"sourcedid {number}") for number in range(120)]
        mappings.put_many([*imported, replace(MAPPING, consumer_key="other tool")])
        assert operations == ["BatchWriteItem"] * 5
        operations.clear()
        listed = list(mappings.list(MAPPING.consumer_key))
        assert sorted(each.sourcedid for each in listed) == sorted(each.sourcedid for each in imported)
        assert operations == ["Query"] * 2
        operations.clear()
        assert list(islice(mappings.list(MAPPING.consumer_key), 50)) == listed[:50]
        assert operations == ["Query"]

    def test_removing_takes_exactly_this_sourcedid(self, mappings: MappingStore) -> None:
        mappings.put(MAPPING)
        assert mappings.remove(MAPPING.consumer_key, f" {MAPPING.sourcedid}") is False
        assert mappings.remove(MAPPING.consumer_key, MAPPING.sourcedid) is True
        assert mappings.get(MAPPING.consumer_key, MAPPING.sourcedid) is None
        assert list(mappings.list(MAPPING.consumer_key)) == []


class TestDeliveries:
    DAY = 86_400_000

    @pytest.fixture
    def deliveries(self, table: Table, ledger: Ledger) -> DeliveryStore:
        for delivery in self.written():
            ledger.commit(NOW, delivery=Change(None, delivery))
        return DeliveryStore(table)

    def written(self) -> Iterator[Delivery]:
        cell = replace(DELIVERY.cell, platform="moodle", user_id="other user")
        yield replace(DELIVERY, id="now")
        yield replace(DELIVERY, id="before", received_at=NOW_MS - 1, state=DeliveryState.FAILED)
        yield replace(DELIVERY, id="yesterday", received_at=NOW_MS - self.DAY, consumer_key="other")
        yield replace(DELIVERY, id="long ago", received_at=NOW_MS - 180 * self.DAY, cell=cell)
        yield replace(DELIVERY, id="too long ago", received_at=NOW_MS - 181 * self.DAY)
        yield replace(DELIVERY, id="a clock ahead", received_at=NOW_MS + self.DAY)

    def listed(self, deliveries: DeliveryStore, wanted: DeliveryFilter | None = None) -> list[str]:
        return [each.id for each in deliveries.list(NOW, wanted or DeliveryFilter())]

    def test_they_are_listed_newest_first(self, deliveries: DeliveryStore) -> None:
        assert self.listed(deliveries) == ["a clock ahead", "now", "before", "yesterday", "long ago"]

    def test_the_listing_reads_hardly_further_than_its_caller(
        self, deliveries: DeliveryStore, operations: list[str]
    ) -> None:
        operations.clear()
        assert [each.id for each in islice(deliveries.list(NOW), 3)] == ["a clock ahead", "now", "before"]
        assert operations == ["Query"] * 3  # tomorrow; then today and yesterday together

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (DeliveryFilter(consumer_key="other"), ["yesterday"]),
            (DeliveryFilter(platform="moodle"), ["long ago"]),
            (DeliveryFilter(user_id="other user"), ["long ago"]),
            (DeliveryFilter(state=DeliveryState.FAILED), ["before"]),
            (DeliveryFilter(consumer_key="other", platform="moodle"), []),
        ],
    )
    def test_they_are_filtered(self, deliveries: DeliveryStore, wanted: DeliveryFilter, found: list[str]) -> None:
        assert self.listed(deliveries, wanted) == found

    def test_one_is_read_by_its_id(self, deliveries: DeliveryStore) -> None:
        assert deliveries.get("now") == replace(DELIVERY, id="now")
        assert deliveries.get("unknown") is None

    def test_the_listing_shows_its_state_of_now(self, deliveries: DeliveryStore, ledger: Ledger) -> None:
        seen = replace(DELIVERY, id="now")
        ledger.commit(NOW, delivery=Change(seen, replace(seen, state=DeliveryState.REFUSED)))
        assert self.listed(deliveries, DeliveryFilter(state=DeliveryState.REFUSED)) == ["now"]


class TestTokens:
    TOKEN = StoredToken("very-secret-token", NOW_MS + 3_600_500, 0)

    @pytest.fixture
    def tokens(self, table: Table, sealer: KeyFileSealer) -> TokenStore:
        return TokenStore(table, sealer)

    def test_a_token_comes_back_and_is_replaced(self, tokens: TokenStore) -> None:
        assert tokens.get("key") is None
        tokens.put("key", self.TOKEN)
        assert tokens.get("key") == self.TOKEN
        later = StoredToken("another", NOW_MS + 7_200_000, 5)
        tokens.put("key", later)
        assert tokens.get("key") == later
        assert tokens.get("other key") is None

    def test_its_expiry_is_given_to_dynamodb(self, table: Table, tokens: TokenStore) -> None:
        tokens.put("key", self.TOKEN)
        assert (table.get(token_key("key")) or {})["expires_at"] == NOW_MS // 1000 + 3601

    def test_a_renewal_is_claimed_once(self, tokens: TokenStore) -> None:
        tokens.put("key", self.TOKEN)
        assert tokens.claim_renewal("key", self.TOKEN, NOW_MS + 10_000) is True
        assert tokens.claim_renewal("key", self.TOKEN, NOW_MS + 10_000) is False
        claimed = replace(self.TOKEN, renewing_until=NOW_MS + 10_000)
        assert tokens.get("key") == claimed
        assert tokens.claim_renewal("key", claimed, NOW_MS + 20_000) is True

    def test_a_token_that_is_gone_or_new_is_not_claimed(self, tokens: TokenStore) -> None:
        assert tokens.claim_renewal("key", self.TOKEN, NOW_MS) is False
        assert tokens.get("key") is None
        tokens.put("key", replace(self.TOKEN, expires_at=NOW_MS))
        assert tokens.claim_renewal("key", self.TOKEN, NOW_MS) is False

    def test_a_token_is_not_in_the_table(self, client: "DynamoDBClient", table: Table, tokens: TokenStore) -> None:
        tokens.put("key", self.TOKEN)
        assert "very-secret-token" not in everything_stored(client, table) + repr(tokens.get("key")) + repr(tokens)

    def test_a_token_that_does_not_open_counts_as_none_and_is_replaced(
        self, table: Table, tokens: TokenStore, tmp_path: Path
    ) -> None:
        TokenStore(table, KeyFileSealer(tmp_path / "lost key")).put("key", self.TOKEN)
        assert tokens.get("key") is None
        tokens.put("key", self.TOKEN)
        assert tokens.get("key") == self.TOKEN

    @pytest.mark.engine
    def test_of_twenty_claims_one_is_granted(self, engine_table: Table, sealer: KeyFileSealer) -> None:
        tokens = TokenStore(engine_table, sealer)
        tokens.put("key", self.TOKEN)
        with ThreadPoolExecutor(20) as pool:
            granted = list(pool.map(lambda _: tokens.claim_renewal("key", self.TOKEN, NOW_MS + 10_000), range(20)))
        assert granted.count(True) == 1


@pytest.mark.parametrize("damage", [{"payload": 5}, {"payload": "{}"}, {"payload": b"x"}, {"state": "unheard of"}])
def test_a_damaged_delivery_is_unreadable(table: Table, ledger: Ledger, damage: Item) -> None:
    ledger.commit(NOW, delivery=Change(None, DELIVERY))
    [item] = table.listing("delivery#2026-03-01")
    table.put({**item, **damage})
    with pytest.raises(StorageUnreadable):
        ledger.delivery(DELIVERY.id, NOW)
