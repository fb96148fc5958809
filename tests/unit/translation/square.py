"""A student's square of a gradebook and the cell that Passback keeps of it, with outcomes sent one after the other.

The steps are those of one try, without storage, transport and leases: ask the rules, read or post, ask again, and put
the end into the cell.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Protocol

from chalicelib.clock import from_milliseconds, to_milliseconds
from chalicelib.delivery import line
from chalicelib.delivery.endings import (
    Ending,
    confirmed_submission,
    ended_cell,
    first_submission_noted,
    waiting,
    waiting_cell,
)
from chalicelib.delivery.records import Cell, Delivery, DeliveryState, KnownScore, SubmissionState
from chalicelib.errors import PlatformRefused
from chalicelib.lti11.messages import Answer, Write
from chalicelib.lti13.profiles import Profile, RefusalKind
from chalicelib.lti13.scores import Result, Score
from chalicelib.translation import answers
from chalicelib.translation.comparison import known
from chalicelib.translation.plan import next_step, shows_anothers_grade, shows_submission, submission_state
from chalicelib.translation.reading import read_answer
from chalicelib.translation.refusals import after_refusal, ordering_timestamp
from chalicelib.translation.steps import Conclude, Facts, Order, PostScore, ReadLineItem, ReadResults, Unread

from .builders import a_cell, a_delivery


class Gradebook(Protocol):
    """What both models have."""

    now: datetime
    points: Decimal

    @property
    def profile(self) -> Profile: ...
    def post(self, score: Score) -> None: ...
    def read_result(self) -> Result | None: ...
    def read_line_item(self) -> Decimal | None: ...
    def teacher_grades(self, points: str, at: datetime | None = None) -> None: ...


class Lost(Enum):
    """What becomes of a post whose answer never comes."""

    ANSWER = "the platform applied it"
    REQUEST = "the platform never saw it"


@dataclass
class Told:
    """How a try ended, as the tool and the operator learn it. ``applied`` None: nobody knows."""

    state: DeliveryState
    answer: Answer
    delivery: Delivery
    warnings: tuple[str, ...] = ()
    applied: bool | None = False


@dataclass
class Square:
    """Outcomes go in by ``sends`` and, after an unknown end, by ``retries``; or by ``enters``, and by turns.

    ``queues``: an outcome whose answer never came waits at the head of the line; else it fails, and comes again.
    """

    gradebook: Gradebook
    cell: Cell = field(default_factory=a_cell)
    queues: bool = False
    sent: int = 0
    steps: list[object] = field(default_factory=list)
    """What the rules said in the last try."""

    def sends(self, write: Write, at: datetime, lost: Lost | None = None) -> Told:
        """A tool's outcome, received at R = ``at``, delivered at once."""
        delivery = self.enters(write, at)
        if delivery.write is None:
            return Told(DeliveryState.SUPERSEDED, answers.superseded(), delivery)
        self.gradebook.now = max(self.gradebook.now, at + timedelta(milliseconds=300))
        return self._try(delivery, lost, retry=False)

    def enters(self, write: Write, at: datetime) -> Delivery:
        """A tool's outcome, received at R = ``at``, takes its place in line; without a write: it brings nothing."""
        self.sent += 1
        received_at, profile = to_milliseconds(at), self.gradebook.profile
        delivery = replace(
            a_delivery(write, f"d{self.sent}", at),
            timestamp=ordering_timestamp(received_at, self.cell.newest_timestamp, profile),
            number=self.cell.accepted + 1,
        )
        if line.remainder(write, self.cell, delivery.rank, takes_work=profile.submission_extension) is None:
            return replace(delivery, write=None)
        self.cell = line.entered(self.cell, delivery, awaited_until=0, due_at=received_at)
        return delivery

    def takes_turn(self, delivery: Delivery, now: datetime, *, forced: bool = False) -> Told:
        """What stood in line is tried, later than a minute after R."""
        self.gradebook.now = max(self.gradebook.now, now)
        return self._try(replace(delivery, forced=forced), None, retry=True)

    def retries(self, told: Told, now: datetime, lost: Lost | None = None) -> Told:
        """The same delivery once more, later."""
        self.gradebook.now = now
        delivery = replace(told.delivery, outcome_unknown=told.applied is None)
        if not line.stands_in(self.cell, delivery.id):
            self.cell = line.entered(self.cell, delivery, awaited_until=0, due_at=to_milliseconds(now))
        return self._try(delivery, lost, retry=True)

    def reads(self) -> str | None:
        """What a readResult is answered."""
        return read_answer(self.gradebook.read_result(), self.cell, self.gradebook.profile).score_text

    def _try(self, delivery: Delivery, lost: Lost | None, *, retry: bool) -> Told:
        profile, facts = self.gradebook.profile, Facts()
        assert delivery.write is not None
        assert self.cell.head is not None
        assert self.cell.head.delivery_id == delivery.id
        delivery = self._dated(delivery)
        write = delivery.write if delivery.forced else self._remainder(delivery)
        if write is None:
            return self._ended(delivery, Ending(DeliveryState.SUPERSEDED, answers.superseded(), applied=False))
        received, timestamp = from_milliseconds(delivery.received_at), from_milliseconds(delivery.timestamp)
        order = Order(
            write, delivery.cell.user_id, received, timestamp, retry, delivery.forced, unknown=delivery.outcome_unknown
        )
        self.steps = []
        while True:
            step = next_step(order, self.cell, profile, facts)
            self.steps.append(step)
            if isinstance(step, ReadResults):
                facts = replace(facts, result=self.gradebook.read_result())
            elif isinstance(step, ReadLineItem):
                facts = replace(facts, line_item_maximum=self.gradebook.read_line_item())
            elif isinstance(step, Conclude):
                return self._concluded(delivery, write, facts, order, step)
            else:
                following = self._posted(delivery, order, step, facts, lost)
                if isinstance(following, Told):
                    return following
                order = following

    def _dated(self, delivery: Delivery) -> Delivery:
        """After what was sent last, which may have been dated anew."""
        if self.cell.posted_timestamp is None or self.cell.posted_by == delivery.id:
            return delivery
        timestamp = ordering_timestamp(delivery.timestamp, self.cell.posted_timestamp, self.gradebook.profile)
        return replace(delivery, timestamp=timestamp)

    def _remainder(self, delivery: Delivery) -> Write | None:
        """What it still brings at its turn."""
        assert delivery.write is not None
        takes_work = self.gradebook.profile.submission_extension
        return line.remainder(delivery.write, self.cell, delivery.rank, takes_work=takes_work)

    def _posted(
        self, delivery: Delivery, order: Order, step: PostScore, facts: Facts, lost: Lost | None
    ) -> "Order | Told":
        if step.first_submission and step.submitted_at is not None:
            self.cell = first_submission_noted(self.cell, delivery.id, to_milliseconds(step.submitted_at))
            self.cell = replace(self.cell, last_known=_read(facts) or self.cell.last_known)
        elif self.cell.submission is SubmissionState.UNKNOWN and not isinstance(facts.result, Unread):
            found, state = _read(facts), submission_state(self.cell, facts.result)
            self.cell = replace(self.cell, submission=state, last_known=found or self.cell.last_known)
        self.gradebook.now = max(self.gradebook.now, order.timestamp)  # no timestamp is ahead of now
        try:
            if lost is not Lost.REQUEST:
                self.gradebook.post(step.score)
        except PlatformRefused as refusal:
            following = after_refusal(order, step, refusal, self.gradebook.profile, self.gradebook.now)
            if isinstance(following, Order):
                return following
            return self._concluded(delivery, order.write, facts, order, following, refusal)
        if lost is not None and self.queues:
            return self._waits(delivery, facts, order)
        if lost is not None:
            ending = self._ending(facts, order, DeliveryState.FAILED, answers.in_progress(), applied=None)
            return self._ended(delivery, ending)
        ending = self._ending(facts, order, step.ends, answers.success(step.description), applied=True)
        made = step.submitted_at is not None or order.concessions.no_new_submission
        return self._ended(delivery, replace(ending, posted=step.posts, made_submission=made, warnings=step.warnings))

    def _concluded(
        self,
        delivery: Delivery,
        write: Write,
        facts: Facts,
        order: Order,
        step: Conclude,
        refusal: PlatformRefused | None = None,
    ) -> Told:
        confirmed = step.confirms is not None
        ending = replace(
            self._ending(facts, order, step.state, step.answer, applied=confirmed),
            posted=step.confirms,
            made_submission=confirmed and confirmed_submission(self.cell, write) and shows_submission(facts.result),
            keeps_first_submission=refusal is not None and refusal.kind is RefusalKind.UNPUBLISHED_AFTER_SUBMIT,
        )
        return self._ended(delivery, ending)

    def _ending(
        self, facts: Facts, order: Order, state: DeliveryState, answer: Answer, *, applied: bool | None
    ) -> Ending:
        return Ending(
            state,
            answer,
            applied,
            read=_read(facts),
            graded=shows_anothers_grade(order, self.cell, self.gradebook.profile, facts),
            submission=submission_state(self.cell, facts.result),
            timestamp=to_milliseconds(order.timestamp),
        )

    def _waits(self, delivery: Delivery, facts: Facts, order: Order) -> Told:
        ending = self._ending(facts, order, DeliveryState.WAITING, answers.queued(), applied=None)
        due_at = to_milliseconds(self.gradebook.now) + 60_000
        self.cell = waiting_cell(self.cell, ending, retry=order.retry, due_at=due_at)
        dated = replace(delivery, timestamp=to_milliseconds(order.timestamp))
        left = waiting(dated, "no answer", due_at, to_milliseconds(self.gradebook.now))
        return Told(ending.state, ending.answer, left, applied=None)

    def _ended(self, delivery: Delivery, ending: Ending) -> Told:
        now = to_milliseconds(self.gradebook.now)
        self.cell = ended_cell(self.cell, delivery, ending, due_at=now, now=now)
        return Told(ending.state, ending.answer, delivery, ending.warnings, ending.applied)


def _read(facts: Facts) -> KnownScore | None:
    return None if isinstance(facts.result, Unread) else known(facts.result)
