"""Holds a gradebook to the book after every call: no step back, no attempt twice, no person's grade gone."""

from collections.abc import Callable

from model.book import UNREAD, Book, Outcome
from model.gradebooks import Gradebook, Shown


class Watch:
    """Looks at the gradebook just before each call to it and after each step: what has the last call changed?

    What is wrong is kept for later, because the app catches what is raised in its middle.
    """

    def __init__(self, gradebook: Gradebook, book: Book, now: Callable[[], int]) -> None:
        self._gradebook = gradebook
        self._book = book
        self._now = now
        self.shown = gradebook.shown()
        self.wrongs: list[str] = []
        self._newest_applied = 0
        """The latest moment R that a tool's score in the gradebook may have had."""
        self._informed_at: int | None = None
        self._excused = False
        """A score went over a person's grade, for a reason that is known; what was behind it went over it in turn."""

    def informed(self) -> None:
        """Passback has learned what stands in the gradebook.

        Before, it cannot tell whose grade is there: it posts with R, and the platform's own rule decides (design,
        "Retry of an unknown try").
        """
        self._informed_at = self._now() if self._informed_at is None else self._informed_at

    def look(self) -> None:
        """Check what has changed since the last look."""
        shown = self._gradebook.shown()
        try:
            if shown.score != self.shown.score and not shown.by_person:
                self._check_score_by_tool(shown)
            self._check_attempts(shown)
        except AssertionError as wrong:
            self.wrongs.append(str(wrong))
        self.shown = shown

    def check_end(self) -> None:
        """Check what the gradebook shows once everything has been delivered."""
        shown, book = self.shown, self._book
        if self._gradebook.grades_stick and book.grades:
            assert shown.score == book.grades[-1][1]
            return
        assert self._excused or shown.score in book.possible_scores(), f"{shown.score} in the end"
        if not self._gradebook.takes_work:
            return
        assert shown.work in book.possible_works(), f"{shown.work} in the end"
        handed_in = [attempt.work for attempt in shown.attempts]
        missing = [each.work for each in book.works if each.certain_work and each.work not in handed_in]
        assert not missing, f"{missing} never arrived"

    def _check_score_by_tool(self, shown: Shown) -> None:
        outcome = self._book.newest_with(shown.score)
        assert outcome is not None, f"nobody sent {shown.score}"
        assert outcome.latest >= self._newest_applied, f"a step back to {shown.score}"
        # An equal score that came earlier may have been applied now: the later one counts only when it alone has it.
        equal = [each for each in self._book.outcomes if each.sets_score and each.value == shown.score]
        self._newest_applied = max(self._newest_applied, min(each.earliest for each in equal))
        self.informed()
        if self.shown.by_person:
            self._check_person_overruled(outcome)

    def _check_person_overruled(self, outcome: Outcome) -> None:
        graded_at = self._book.grades[-1][0]
        if outcome.latest > graded_at or self._now() - outcome.latest <= UNREAD:
            return
        assert (self._informed_at or 0) > graded_at, f"{outcome.value} went over a newer grade of a person"
        self._excused = True

    def _check_attempts(self, shown: Shown) -> None:
        for attempt in shown.attempts:
            if attempt.work is not None:
                outcome = self._book.work(attempt.work)
                assert outcome.earliest <= attempt.at <= outcome.latest, f"{attempt.work} submitted at {attempt.at}"
        works = [attempt.work for attempt in shown.attempts]
        for work in set(works) - {None}:
            assert works.count(work) == 1, f"{work} was handed in {works.count(work)} times"
        assert None not in works[1:], f"a score made an attempt: {works}"
