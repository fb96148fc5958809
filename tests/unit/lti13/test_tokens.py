from dataclasses import replace

import httpx
import pytest

from chalicelib.clock import to_milliseconds
from chalicelib.errors import PlatformRefused, PlatformUnavailable, StorageUnavailable
from chalicelib.lti13.keys import SigningKey
from chalicelib.lti13.signing import Signer
from chalicelib.lti13.tokens import StoredToken, TokenSource, token_key

from .builders import CANVAS_SCHOOL, MemoryTokens, Script, deadline, signer, token_answer, transport
from .clocks import FakeClock

KEY = token_key(CANVAS_SCHOOL)
HOUR = 3600
DOWN = httpx.Response(503)


class Container:
    """A token source, with a memory of its own and the table of all."""

    def __init__(self, clock: FakeClock, table: MemoryTokens, *answers: httpx.Response | Exception) -> None:
        self.script = Script(*answers)
        self.clock = clock
        self.source = TokenSource(transport(self.script, clock), signer(clock), table, clock)

    def token(self) -> str:
        return self.source.token(CANVAS_SCHOOL, deadline(self.clock)).value

    def renewed(self, rejected: str) -> str:
        token = self.source.token(CANVAS_SCHOOL, deadline(self.clock))
        return self.source.renewed(CANVAS_SCHOOL, replace(token, value=rejected), deadline(self.clock)).value

    @property
    def asked(self) -> int:
        return len(self.script.requests)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def table() -> MemoryTokens:
    return MemoryTokens()


def stored(clock: FakeClock, value: str, seconds: float, renewing: float = 0.0) -> StoredToken:
    now = to_milliseconds(clock.now())
    return StoredToken(value, now + int(seconds * 1000), now + int(renewing * 1000) if renewing else 0)


def test_a_token_is_asked_for_once_and_then_kept_in_memory(clock: FakeClock, table: MemoryTokens) -> None:
    container = Container(clock, table, token_answer("one"))
    assert (container.token(), container.token()) == ("one", "one")
    assert container.asked == 1


def test_another_container_finds_the_token_in_the_table(clock: FakeClock, table: MemoryTokens) -> None:
    Container(clock, table, token_answer("one")).token()
    other = Container(clock, table)
    assert other.token() == "one"
    assert other.asked == 0


def test_what_is_stored_is_the_token_and_its_end(clock: FakeClock, table: MemoryTokens) -> None:
    Container(clock, table, token_answer("one")).token()
    assert table.stored == {KEY: stored(clock, "one", HOUR)}


def test_an_expired_token_in_the_table_is_not_used(clock: FakeClock, table: MemoryTokens) -> None:
    table.put(KEY, stored(clock, "old", -1))
    assert Container(clock, table, token_answer("new")).token() == "new"


def test_an_expired_token_in_memory_is_not_used(clock: FakeClock, table: MemoryTokens) -> None:
    container = Container(clock, table, token_answer("one"), token_answer("two"))
    container.token()
    clock.advance(HOUR)
    assert container.token() == "two"


def test_a_token_is_not_sent_in_its_last_seconds(clock: FakeClock, table: MemoryTokens) -> None:
    table.put(KEY, stored(clock, "old", 15))
    assert Container(clock, table, token_answer("new")).token() == "new"


def test_a_token_is_renewed_some_minutes_before_its_end(clock: FakeClock, table: MemoryTokens) -> None:
    container = Container(clock, table, token_answer("one"), token_answer("two"))
    container.token()
    clock.advance(HOUR - 181)
    assert container.token() == "one"
    clock.advance(2)
    assert container.token() == "two"


def test_one_container_renews_while_the_others_go_on_with_the_old_token(clock: FakeClock, table: MemoryTokens) -> None:
    table.put(KEY, stored(clock, "old", 120))
    bystander = Container(clock, table)
    seen: list[str] = []

    def renewing(_: httpx.Request) -> httpx.Response:
        seen.append(bystander.token())
        return token_answer("new")

    renewer = Container(clock, table)
    renewer.script.add(renewing)
    assert renewer.token() == "new"
    assert seen == ["old"]
    assert bystander.token() == "new"
    assert bystander.asked == 0


def test_of_two_that_saw_the_same_token_one_renews(clock: FakeClock, table: MemoryTokens) -> None:
    seen = stored(clock, "old", 120)
    table.put(KEY, seen)

    class Late(MemoryTokens):
        """Its reader saw the token just before somebody else claimed it."""

        def get(self, key: str) -> StoredToken | None:
            return seen

        def claim_renewal(self, key: str, seen: StoredToken, until: int) -> bool:
            return False

    loser = Container(clock, Late())
    assert loser.token() == "old"
    assert loser.asked == 0


@pytest.mark.parametrize("answer", [DOWN, httpx.Response(400, json={"error": "invalid_request"})])
def test_when_the_renewal_fails_the_old_token_goes_on(
    clock: FakeClock, table: MemoryTokens, answer: httpx.Response
) -> None:
    table.put(KEY, stored(clock, "old", 120))
    container = Container(clock, table, answer)
    assert container.token() == "old"
    assert container.asked == 1


def test_after_a_failed_renewal_the_next_try_waits_until_the_claim_has_run_out(
    clock: FakeClock, table: MemoryTokens
) -> None:
    table.put(KEY, stored(clock, "old", 120))
    container = Container(clock, table, DOWN, token_answer("new"))
    assert (container.token(), container.token()) == ("old", "old")
    clock.advance(11)
    assert container.token() == "new"


def test_a_renewal_leaves_most_of_the_time_for_the_call_that_waits(clock: FakeClock, table: MemoryTokens) -> None:
    table.put(KEY, stored(clock, "old", 120))
    container = Container(clock, table)
    left: list[float] = []

    def look(request: httpx.Request) -> httpx.Response:
        left.append(request.extensions["deadline"].remaining())
        return token_answer("new")

    container.script.add(look)
    container.token()
    assert left == [pytest.approx(3.0)]


def test_without_any_token_a_failure_is_told(clock: FakeClock, table: MemoryTokens) -> None:
    with pytest.raises(PlatformUnavailable):
        Container(clock, table, DOWN).token()


def test_a_refusal_is_not_remembered(clock: FakeClock, table: MemoryTokens) -> None:
    container = Container(clock, table, httpx.Response(400, json={"error": "invalid_scope"}), token_answer("one"))
    with pytest.raises(PlatformRefused):
        container.token()
    assert container.token() == "one"


def test_while_another_container_asks_one_waits_for_its_token(clock: FakeClock, table: MemoryTokens) -> None:
    table.put(KEY, stored(clock, "old", -60, renewing=5))
    waiting = Container(clock, table)
    arrival = stored(clock, "new", HOUR)
    sleep = clock.sleep

    def sleep_until_it_comes(seconds: float) -> None:
        sleep(seconds)
        if len(clock.naps) == 3:
            table.put(KEY, arrival)

    clock.sleep = sleep_until_it_comes  # type: ignore[method-assign]  # the clock is how time passes in this test
    assert waiting.token() == "new"
    assert waiting.asked == 0


def test_one_waits_no_longer_than_half_of_its_time_and_then_asks_itself(clock: FakeClock, table: MemoryTokens) -> None:
    table.put(KEY, stored(clock, "old", -60, renewing=60))
    container = Container(clock, table, token_answer("new"))
    assert container.token() == "new"
    assert sum(clock.naps) == pytest.approx(4.0)


def test_one_does_not_wait_for_a_container_that_gave_up(clock: FakeClock, table: MemoryTokens) -> None:
    table.put(KEY, stored(clock, "old", -60, renewing=0.6))
    assert Container(clock, table, token_answer("new")).token() == "new"
    assert sum(clock.naps) == pytest.approx(0.75)


def test_one_does_not_wait_for_a_token_that_was_removed(clock: FakeClock, table: MemoryTokens) -> None:
    table.put(KEY, stored(clock, "old", -60, renewing=5))
    container = Container(clock, table, token_answer("new"))
    sleep = clock.sleep

    def sleep_and_remove(seconds: float) -> None:
        sleep(seconds)
        table.stored.clear()

    clock.sleep = sleep_and_remove  # type: ignore[method-assign]  # as above
    assert container.token() == "new"
    assert len(clock.naps) == 1


def test_a_rejected_token_is_replaced_by_a_new_one(clock: FakeClock, table: MemoryTokens) -> None:
    container = Container(clock, table, token_answer("one"), token_answer("two"))
    assert container.renewed("one") == "two"
    assert container.token() == "two"


def test_a_token_renewed_meanwhile_by_another_container_is_used_first(clock: FakeClock, table: MemoryTokens) -> None:
    container = Container(clock, table, token_answer("one"))
    container.token()
    table.put(KEY, stored(clock, "two", HOUR))
    assert container.renewed("one") == "two"
    assert container.token() == "two"
    assert container.asked == 1


def test_of_two_containers_with_a_rejected_token_one_asks(clock: FakeClock, table: MemoryTokens) -> None:
    Container(clock, table, token_answer("one")).token()
    first, second = Container(clock, table), Container(clock, table)
    first.token()
    second.token()
    first.script.add(token_answer("two"))
    assert first.renewed("one") == "two"
    assert second.renewed("one") == "two"
    assert (first.asked, second.asked) == (1, 0)


def test_an_expired_token_of_another_container_does_not_replace_a_rejected_one(
    clock: FakeClock, table: MemoryTokens
) -> None:
    container = Container(clock, table, token_answer("one"), token_answer("three"))
    container.token()
    table.put(KEY, stored(clock, "two", 1))
    assert container.renewed("one") == "three"


@pytest.mark.parametrize("member", ["name", "client_id", "token_url", "audience"])
def test_a_token_is_shared_only_where_all_it_depends_on_is_equal(member: str) -> None:
    assert token_key(replace(CANVAS_SCHOOL, **{member: "other"})) != KEY  # type: ignore[arg-type]  # all are texts


def test_parts_of_the_key_cannot_run_into_each_other() -> None:
    one = replace(CANVAS_SCHOOL, name="ab", client_id="c")
    assert token_key(one) != token_key(replace(one, name="a", client_id="bc"))


def test_a_stored_token_is_not_shown_in_its_representation() -> None:
    assert "secret" not in repr(StoredToken("secret", 1, 0))


@pytest.mark.parametrize("broken", ["claim_renewal", "put"])
def test_a_table_that_fails_at_the_renewal_leaves_the_old_token_in_use(
    clock: FakeClock, table: MemoryTokens, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    table.put(KEY, stored(clock, "old", 100))

    def fail(*_: object) -> None:
        raise StorageUnavailable("cut off")

    monkeypatch.setattr(table, broken, fail)
    assert Container(clock, table, token_answer("new")).token() == "old"


def test_keys_that_cannot_be_read_at_the_renewal_leave_the_old_token_in_use(
    clock: FakeClock, table: MemoryTokens
) -> None:
    table.put(KEY, stored(clock, "old", 100))

    def unreadable() -> list[SigningKey]:
        raise StorageUnavailable("cut off")

    source = TokenSource(transport(Script(), clock), Signer(unreadable, clock), table, clock)
    assert source.token(CANVAS_SCHOOL, deadline(clock)).value == "old"
