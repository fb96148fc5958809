"""The page on settings names every variable that the code reads, with its default."""

import json
import re

import pytest

from chalicelib.config import Settings
from chalicelib.delivery import sqs
from chalicelib.delivery.acceptance import REPEAT_WITHIN
from chalicelib.delivery.endings import KEPT_STORY
from chalicelib.delivery.line import LONGEST
from chalicelib.delivery.reception import LARGEST_BODY
from chalicelib.lti13.bodies import LARGEST_ANSWER
from chalicelib.storage.deliveries import KEPT_FAILED_PAYLOAD as KEPT_PAYLOAD
from chalicelib.storage.tools import MOST_SECRETS
from passback.home import Home

from .pages import ROOT, read, rows

SOURCES = [ROOT / "app.py", ROOT / ".chalice" / "config.json", ROOT / "Makefile"]
SOURCES += [path for folder in ("chalicelib", "passback", "simulator") for path in (ROOT / folder).rglob("*.py")]
PAGE = "docs/settings.md"
DAY = 86_400_000
TABLE = [row for row in rows(PAGE, "Variable") if len(row) == 3]


def named_in_code(prefix: str) -> set[str]:
    return {
        name
        for path in SOURCES
        for name in re.findall(rf"\b{prefix}_[A-Z][A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8"))
    }


def test_the_page_names_the_variables_of_the_code_and_no_others() -> None:
    assert {row[0].strip("`") for row in TABLE} == named_in_code("PASSBACK")
    assert len(TABLE) == len({row[0] for row in TABLE})


def test_the_page_names_the_variables_of_aws() -> None:
    for name in named_in_code("AWS") - {"AWS_ENDPOINT_URL_"}:
        assert f"`{name}`" in read(PAGE), name


@pytest.mark.parametrize(
    ("variable", "setting"),
    [
        ("PASSBACK_STAGE", Settings().stage),
        ("PASSBACK_TABLE", Settings().table),
        ("PASSBACK_PAST_WINDOW", Settings().past_window),
        ("PASSBACK_FUTURE_WINDOW", Settings().future_window),
        ("PASSBACK_QUEUE", Settings().queue),
        ("PASSBACK_DEAD_LETTER_QUEUE", Settings().dead_letter_queue),
        ("PASSBACK_SHARDS", Settings().shards),
        ("PASSBACK_FIRST_WAIT", Settings().retries.first_wait // 1000),
        ("PASSBACK_LONGEST_WAIT", Settings().retries.longest_wait // 1000),
        ("PASSBACK_GIVE_UP_AFTER", Settings().retries.give_up_after // 1000),
        ("PASSBACK_LOOK_AGAIN", Settings().retries.look_again // 1000),
    ],
)
def test_a_default_is_the_one_of_the_code(variable: str, setting: str | int) -> None:
    assert next(row[1] for row in TABLE if row[0] == f"`{variable}`") == f"`{setting}`"
    assert Settings.from_environment({}) == Settings()


def test_the_local_stack_is_at_home_where_the_page_says() -> None:
    default = next(row[1] for row in TABLE if row[0] == "`PASSBACK_HOME`").strip("`")
    assert Home.from_environment({}) == Home.from_environment({"PASSBACK_HOME": default})


def test_a_variable_without_default_has_none() -> None:
    settings = Settings()
    assert (settings.public_urls, settings.key_file, settings.kms_key) == ((), None, None)
    without = {row[0].strip("`") for row in TABLE if row[1] == "(none)"}
    assert {"PASSBACK_PUBLIC_URLS", "PASSBACK_KEY_FILE", "PASSBACK_KMS_KEY"} <= without


def test_what_is_fixed_is_as_the_page_says() -> None:
    settings = Settings()
    stages = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))["stages"].values()
    limits = {each["lambda_timeout"] for stage in stages for each in stage["lambda_functions"].values()
              if "lambda_timeout" in each}  # fmt: skip
    assert limits <= {sqs.WORKER_SECONDS, 29}
    assert {row[0]: row[1] for row in rows(PAGE, "What")} == {
        "Time for everything done while a tool waits, platform calls included": f"{settings.inline_budget:g} s",
        "How long a delivery owns its cell": f"{settings.lease:g} s",
        "What the worker may take over one delivery, and for how long it owns the cell": (
            f"{settings.worker_budget:g} s, {settings.worker_lease:g} s"
        ),
        "What one run of the schedule may take": f"{settings.schedule_budget:g} s",
        "Undelivered outcomes of one student and line item": str(LONGEST),
        "How long an ended delivery's content is kept, if somebody may want it": f"{KEPT_PAYLOAD // DAY} days",
        "How long a delivery's story is kept": f"{KEPT_STORY // DAY} days",
        "Time limit of the worker's functions, `deliver` and `each_minute`": f"{sqs.WORKER_SECONDS} s",
        "How long the queue hides a message in hand": f"{sqs.VISIBILITY_SECONDS} s",
        "Receives after which a message goes to the dead-letter queue": str(sqs.MOST_RECEIVES),
        "How long both queues keep a message": f"{sqs.RETENTION_SECONDS // 86_400} days",
        "Largest request": f"{LARGEST_BODY // 1024} KiB",
        "Largest answer of a platform that is read": f"{LARGEST_ANSWER // 1024**2} MiB",
        "Time in which an equal message, newly signed, is the same one": f"{REPEAT_WITHIN // 1000} s",
        "Live secrets of a tool": str(MOST_SECRETS),
    }
