"""The simulator's control door, as the local stack and the demo use it (docs/simulator.md)."""

import json
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import httpx

from passback.failures import CommandFailed

Document = dict[str, Any]


class SimulatorControl:
    """A client of the control door. Numbers come back as they were written: int or Decimal."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=10.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._client.close()

    def order(self, name: str, document: Document | None = None) -> Document:
        """Give one order, such as ``prepare``.

        Raises
        ------
        CommandFailed
            If the simulator refuses or does not answer.
        """
        try:
            response = self._client.post(f"/_sim/{name}", json=document or {})
            answer: Document = json.loads(response.text, parse_float=Decimal)
        except (httpx.HTTPError, ValueError) as error:
            raise CommandFailed("simulator", f"The simulator did not answer ({type(error).__name__}).") from None
        if response.status_code != 200:
            raise CommandFailed("simulator", f"The simulator refused {name}: {answer.get('error')}")
        return answer

    def knows(self, handle: str) -> bool:
        """Tell whether a handle still stands for a student."""
        try:
            self.order("state", {"handle": handle})
        except CommandFailed:
            return False
        return True
