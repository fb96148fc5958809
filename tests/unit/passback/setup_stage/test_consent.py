"""Who says no, or cannot be asked, has changed nothing and is told so."""

from collections.abc import Callable

import click
import pytest

from passback.failures import CommandFailed
from passback.session import Session
from passback.setup.consent import agree, typed_name


def ask() -> None:
    agree(Session(environment={}), "This is to be done.", yes=False)


def name() -> None:
    typed_name("Type it", "prod")


def answered(monkeypatch: pytest.MonkeyPatch, answer: str | type[BaseException]) -> None:
    def read(_: str) -> str:
        if isinstance(answer, str):
            return answer
        raise answer

    monkeypatch.setattr(click.termui, "visible_prompt_func", read)


def test_yes_asks_nobody() -> None:
    agree(Session(environment={}), "This is to be done.", yes=True)


def test_a_person_who_agrees_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, "y")
    ask()
    assert typed_name("Type it", "prod") == "y"


@pytest.mark.parametrize("answer", ["n", "", KeyboardInterrupt])
def test_a_person_who_does_not_has_changed_nothing(
    monkeypatch: pytest.MonkeyPatch, answer: str | type[BaseException]
) -> None:
    answered(monkeypatch, answer)
    with pytest.raises(CommandFailed) as failed:
        ask()
    assert (failed.value.code, failed.value.message, failed.value.exit_status) == (
        "declined",
        "Nothing was changed.",
        130,
    )


@pytest.mark.parametrize(("asking", "option"), [(ask, "--yes"), (name, "--confirm prod")])
def test_where_nobody_is_the_option_is_named(
    monkeypatch: pytest.MonkeyPatch, asking: Callable[[], None], option: str
) -> None:
    answered(monkeypatch, EOFError)
    with pytest.raises(CommandFailed) as failed:
        asking()
    assert failed.value.message == f"Nothing was changed, as there is nobody here to ask: add {option}."
    assert (failed.value.code, failed.value.exit_status) == ("usage", 2)
