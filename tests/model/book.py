"""What a gradebook may hold after a life, worked out from what was sent and told alone, by no code of Passback's.

Each outcome has the earliest and the latest moment at which it may count: usually both are the moment R when its first
request came. They differ where nobody outside can know whether that request was kept. An outcome is certain once a
tool was told success for it. Of several scores the last certain one stands, or anything that may have come after it.
"""

from dataclasses import dataclass
from decimal import Decimal

BEGINNING = -(10**18)
UNREAD = 60_000
"""Milliseconds in which a delivery may still go over a grade without looking (design, "Retry of an unknown try")."""
SUPERSEDED = "superseded by a newer outcome"
GRADED = "somebody graded"


@dataclass
class Outcome:
    """One outcome as a tool sent it, and what is known of it. Times are milliseconds."""

    body: bytes
    headers: dict[str, str]
    sourcedid: str
    earliest: int
    latest: int
    value: Decimal | None = None
    """Points; None clears the score, or there is none."""
    sets_score: bool = False
    work: str | None = None
    """The text or URL that is handed in; no two outcomes hand in the same."""
    prioritized: bool = False
    certain_score: bool = False
    certain_work: bool = False
    told_success: bool = False
    told_queued: bool = False
    refused: bool = False
    waits: bool = False
    """Its request is signed, and has not arrived yet."""
    reception_unknown: bool = False
    """A request for it ended without an answer, or with a failure for now."""
    delayed: bool = False
    """That happened at some time, or its first request came late."""

    @property
    def deletes(self) -> bool:
        return self.sets_score and self.value is None


@dataclass(frozen=True)
class Standing:
    """A score that may stand in the gradebook, and since when."""

    value: Decimal | None
    earliest: int
    latest: int
    certain: bool
    person: bool = False
    waited: bool = False
    """It was not delivered at once, as far as is known."""

    def surely_before(self, other: "Standing") -> bool:
        """Tell whether this one is gone for certain once the other is there.

        What waited may go over a person's grade for some time without looking. And once it looks, it cannot tell a
        grade that came after it from one that came before it and that Passback never saw: both stay.
        """
        if self.person and other.waited:
            return False
        late = UNREAD if self.waited and other.person else 0
        return other.certain and self.latest + late < other.earliest


class Book:
    """All that happened to one cell."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.grades: list[tuple[int, Decimal]] = []
        """What a teacher gave, and when."""

    # scores

    def scores(self, before: int | None = None) -> list[Standing]:
        """Return the scores that may stand now, or at a moment."""
        happened = [Standing(None, BEGINNING, BEGINNING, certain=True)]
        happened += [_standing(each) for each in self.outcomes if each.sets_score and not each.refused]
        happened += [Standing(value, at, at, certain=True, person=True) for at, value in self.grades]
        if before is not None:
            happened = [each for each in happened if each.earliest < before]
        return [each for each in happened if not any(each.surely_before(other) for other in happened)]

    def possible_scores(self) -> set[Decimal | None]:
        return {each.value for each in self.scores()}

    def only_a_person(self, at: int) -> bool:
        """Tell whether the score at a moment was a teacher's for certain."""
        return all(each.person for each in self.scores(before=at))

    def never_a_person(self, at: int) -> bool:
        """Tell whether the score at a moment was none of a teacher's for certain."""
        return not any(each.person for each in self.scores(before=at))

    def newest_with(self, value: Decimal | None) -> Outcome | None:
        """Return the newest outcome that may have put this score into the gradebook."""
        found = [each for each in self.outcomes if each.sets_score and each.value == value]
        return max(found, key=lambda each: each.latest, default=None)

    # works

    @property
    def seen(self) -> list[Outcome]:
        """The outcomes of which a request has reached Passback."""
        return [each for each in self.outcomes if not each.waits]

    @property
    def works(self) -> list[Outcome]:
        return [each for each in self.outcomes if each.work is not None]

    def possible_works(self) -> set[str | None]:
        """Return the works that may be shown; None: none was handed in."""
        certain = [each for each in self.works if each.certain_work]
        shown: set[str | None] = set() if certain else {None}
        for each in self.works:
            if not any(each.latest < other.earliest for other in certain):
                shown.add(each.work)
        return shown

    def work(self, shown: str) -> Outcome:
        return next(each for each in self.works if each.work == shown)

    def story(self) -> str:
        """Tell all that happened, for people."""
        told = "\n".join(
            f"  {each.earliest}-{each.latest} {each.value if each.sets_score else '-'} work={each.work}"
            f" certain={each.certain_score}/{each.certain_work} queued={each.told_queued} delayed={each.delayed}"
            for each in self.outcomes
        )
        return f"sent\n{told}\ngraded {self.grades}"

    # what a tool was told

    def told(self, outcome: Outcome, code: str | None, description: str, error: str | None) -> None:
        """Learn from the answer to the first request of an outcome, or to a repeat of it."""
        if code != "success":
            outcome.reception_unknown = error == "platform_unavailable"
            outcome.delayed = outcome.delayed or outcome.reception_unknown
            outcome.refused = not outcome.reception_unknown
            return
        outcome.told_success, outcome.reception_unknown = True, False
        outcome.told_queued = outcome.told_queued or description.startswith("queued")
        if description == SUPERSEDED:
            return
        newer = any(each.latest > outcome.earliest for each in self.seen if each.work is not None)
        outcome.certain_work = outcome.certain_work or (outcome.work is not None and not newer)
        outcome.certain_score = outcome.sets_score and GRADED not in description
        if outcome.prioritized and not self.never_a_person(outcome.latest):
            outcome.certain_score = False
        if outcome.prioritized and self.only_a_person(outcome.earliest):
            outcome.sets_score = False


def _standing(outcome: Outcome) -> Standing:
    waited = outcome.told_queued or outcome.delayed
    return Standing(outcome.value, outcome.earliest, outcome.latest, outcome.certain_score, waited=waited)
