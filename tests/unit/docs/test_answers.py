"""The page on answers holds every code, kind and text that the code can give, and none that it cannot."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.delivery import reception
from chalicelib.delivery.retries import RetryRules
from chalicelib.errors import HostRefused, OutcomeCode, OutcomeUnsupported, PlatformUnavailable
from chalicelib.lti11 import answers as pox
from chalicelib.lti11 import authorization, envelope, form, outcome, signature, times
from chalicelib.lti11.messages import Answer, DataKind, ResultData
from chalicelib.lti13.profiles import RefusalKind
from chalicelib.translation import answers
from chalicelib.web import outcomes

from .pages import ROOT, inline_code, read, rows

PAGE = "docs/answers.md"
CODE = inline_code(PAGE)


def first_cells(head: str) -> list[str]:
    return [row[0].strip("`") for row in rows(PAGE, head)]


def called_with_texts(name: str) -> Iterator[list[str]]:
    """Give the literal texts of every call of ``name`` in the service."""
    for path in sorted((ROOT / "chalicelib").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield [
                    each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
                ]


def said_by_answers() -> list[str]:
    """Return the descriptions of every answer that needs nothing but a reason."""
    given = {
        "problem": PlatformUnavailable("REASON", maybe_applied=False),
        "refusal": HostRefused("REASON"),
        "reason": "REASON",
        "time": RetryRules().patience,
    }
    found = []
    for name, function in inspect.getmembers(answers, inspect.isfunction):
        parameters = set(inspect.signature(function).parameters)
        if (
            name not in ("refused", "success", "failure")
            and function.__module__ == answers.__name__
            and parameters <= set(given)
        ):
            answer = function(**{parameter: given[parameter] for parameter in parameters})
            assert isinstance(answer, Answer)
            found.append(answer.description.replace("REASON", "..."))
    maybe = answers.unavailable(PlatformUnavailable("...", maybe_applied=True))
    reading = answers.storage_unavailable(reads=True), answers.storage_unavailable(reads=False)
    return [*found, maybe.description, *(answer.description for answer in reading)]


def test_every_outcome_code_has_a_row_and_no_other() -> None:
    assert first_cells("Code") == [code.value for code in OutcomeCode]


def test_every_row_of_a_code_has_cause_remedy_and_retry() -> None:
    assert all(len(row) == 5 and all(row) for row in rows(PAGE, "Code"))
    assert {row[4] for row in rows(PAGE, "Code")} <= {"yes", "no", "later"}


def test_every_kind_of_refusal_has_a_row_and_no_other() -> None:
    assert first_cells("Kind") == [kind.value for kind in RefusalKind]


def test_a_kind_of_refusal_is_told_as_the_page_says() -> None:
    told = {row[0].strip("`"): row[2] for row in rows(PAGE, "Kind")}
    for kind, (code, _text) in answers._REFUSALS.items():
        assert told[kind.value] == f"`{code.value}`"
    others = set(RefusalKind) - set(answers._REFUSALS) - {RefusalKind.STALE_TIMESTAMP}
    assert all("`platform_refused`" in told[kind.value] for kind in others)


def test_the_code_of_a_refusal_has_its_description_on_the_page() -> None:
    described = {row[0].strip("`"): row[1].strip("`") for row in rows(PAGE, "Code")}
    for code, text in answers._REFUSALS.values():
        assert described[code.value] == text


@pytest.mark.parametrize("text", said_by_answers())
def test_what_an_answer_says_is_on_the_page(text: str) -> None:
    assert text in CODE


def test_the_reasons_stand_where_the_page_has_dots() -> None:
    assert "The grade was not stored: .... Please send it again." in said_by_answers()
    assert any(text.startswith("The platform refused the outcome: ") for text in CODE)


@pytest.mark.parametrize(
    "text",
    [
        answers.QUEUED,
        answers.SUPERSEDED,
        answers.GRADED_MEANWHILE,
        answers.NO_ATTEMPTS_LEFT,
        answers.FILE_NOT_STORED,
        answers.REVIEW_NOT_MARKED,
        *(answers.work_not_taken(ResultData(kind, "")) for kind in DataKind),
        outcome.INVALID_SOURCEDID,
        outcome.NOT_BETWEEN,
        outcome.NEGATIVE_TOTAL,
        outcome.NO_SCORE,
        times.NOT_PARSEABLE,
        times.IN_FUTURE,
        authorization.INVALID_AUTHORIZATION,
        signature.TIMESTAMP_EXPIRED,
        pox.UNSUPPORTED_DESCRIPTION,
        outcomes.NOT_FOUND,
        outcomes.ONLY_POST,
        outcomes.BROKEN,
    ],
)
def test_a_text_of_the_code_is_on_the_page(text: str) -> None:
    assert text in CODE


def test_every_refusal_before_the_outcome_is_on_the_page() -> None:
    texts = {words[0] for words in called_with_texts("RequestRefused") if words}
    assert {"Duplicate nonce detected", "Request body too large"} <= texts
    assert texts <= {*CODE, authorization.INVALID_AUTHORIZATION}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<imsx_POXEnvelopeRequest>",
        b"<!DOCTYPE a><a/>",
        b"<a>" * 300 + b"</a>" * 300,
        b'<?xml version="1.0" encoding="utf8"?><a/>',
    ],
    ids=["empty", "damaged", "document type", "deep", "encoding"],
)
def test_a_reason_for_unsupported_is_on_the_page(body: bytes) -> None:
    with pytest.raises(OutcomeUnsupported) as unsupported:
        envelope.read_envelope(body)
    assert unsupported.value.detail.replace("utf8", "...") in first_cells("After that")


def test_every_reason_for_unsupported_is_one_of_these() -> None:
    assert len(first_cells("After that")) == 6  # with the one that says nothing
    assert {text for words in called_with_texts("OutcomeUnsupported") for text in words} <= set(CODE)


def source(module: str) -> str:
    return Path(ROOT / "chalicelib" / "lti11" / f"{module}.py").read_text(encoding="utf-8")


def test_statuses_are_those_of_the_doors() -> None:
    statuses = {int(row[0]) for row in rows(PAGE, "Status")}
    assert statuses == {401, 404, 405, 413, 415, 500}


def test_sizes_are_those_of_the_code() -> None:
    assert reception.LARGEST_BODY == 256 * 1024
    assert f"a form of more than {form.MOST_FIELDS} fields" in read(PAGE)


def test_what_the_log_says_on_the_troubleshooting_page_is_what_the_code_says() -> None:
    reasons = re.findall(r", log `([^`]+)`", read("docs/point-a-tool.md"))
    code = "".join(source(module) for module in ("authorization", "signature")) + inspect.getsource(reception)
    assert len(reasons) >= 4
    assert [reason for reason in reasons if f'"{reason}"' not in code] == []
