"""An account for the tests of this folder."""

from collections.abc import Iterator

import pytest

from setup_stage.accounts import Answers


@pytest.fixture
def answers() -> Iterator[Answers]:
    """Give an account, and see at the end that everything was asked for."""
    account = Answers()
    yield account
    account.all_asked()
