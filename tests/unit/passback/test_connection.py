"""The command line's own connection to the table: patient, and yet nobody waits long for a table that hangs."""

from typing import Any

from stage import START, StageClock

from passback.connection import CONNECT_SECONDS, READ_SECONDS, TRIES, connect_operator

ENVIRONMENT = {
    "PASSBACK_STAGE": "local",
    "PASSBACK_KEY_FILE": "/nonexistent/master.key",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
}
LONGEST_WAIT = 30


def test_a_table_that_hangs_is_an_error_within_half_a_minute() -> None:
    services = connect_operator(ENVIRONMENT, StageClock(START))
    config: Any = services.table._client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (CONNECT_SECONDS, READ_SECONDS)
    assert config.retries == {"mode": "standard", "total_max_attempts": TRIES}
    assert (CONNECT_SECONDS + READ_SECONDS) * TRIES <= LONGEST_WAIT
