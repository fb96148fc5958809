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
from chalicelib.delivery.endings import Ending, accepted, confirmed_submission, ended_cell, first_submission_noted
from chalicelib.delivery.records import Cell, Delivery, DeliveryState
from chalicelib.errors import PlatformRefused
from chalicelib.lti11.messages import Answer, Write
from chalicelib.lti13.profiles import Profile, RefusalKind
from chalicelib.lti13.scores import Result, Score
from chalicelib.translation import answers
from chalicelib.translation.comparison import known
from chalicelib.translation.plan import next_step, submission_state
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
    """Outcomes go in by ``sends`` and, after an unknown end, by ``retries``."""

    gradebook: Gradebook
    cell: Cell = field(default_factory=a_cell)
    sent: int = 0
    steps: list[object] = field(default_factory=list)
    """What the rules said in the last try."""

    def sends(self, write: Write, at: datetime, lost: Lost | None = None) -> Told:
        """A tool's outcome, received at R = ``at``, delivered at once."""
        self.sent += 1
        ms = to_milliseconds(at)
        self.gradebook.now = max(self.gradebook.now, at + timedelta(milliseconds=300))
        delivery = a_delivery(write, f"d{self.sent}", at)
        if self.cell.newest_received_at is not None and ms < self.cell.newest_received_at:
            return Told(DeliveryState.SUPERSEDED, answers.superseded(), delivery)
        delivery = replace(
            delivery,
            timestamp=ordering_timestamp(ms, self.cell.newest_timestamp, self.gradebook.profile),
            previous=self.cell.newest,
        )
        self.cell = accepted(self.cell, delivery)
        return self._try(delivery, lost, retry=False)

    def retries(self, told: Told, now: datetime, lost: Lost | None = None) -> Told:
        """The same delivery once more, later."""
        self.gradebook.now = now
        unknown = told.applied is None
        delivery = replace(told.delivery, outcome_unknown=unknown)
        self.cell = replace(self.cell, under_way_id=delivery.id, unsettled_id=None)
        return self._try(delivery, lost, retry=True)

    def reads(self) -> str | None:
        """What a readResult is answered."""
        return read_answer(self.gradebook.read_result(), self.cell, self.gradebook.profile).score_text

    def _try(self, delivery: Delivery, lost: Lost | None, *, retry: bool) -> Told:
        write, profile, facts = delivery.write, self.gradebook.profile, Facts()
        assert write is not None
        received, timestamp = from_milliseconds(delivery.received_at), from_milliseconds(delivery.timestamp)
        order = Order(write, delivery.cell.user_id, received, timestamp, retry)
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

    def _posted(
        self, delivery: Delivery, order: Order, step: PostScore, facts: Facts, lost: Lost | None
    ) -> "Order | Told":
        if step.first_submission and step.submitted_at is not None:
            self.cell = first_submission_noted(self.cell, delivery.id, to_milliseconds(step.submitted_at))
        self.gradebook.now = max(self.gradebook.now, order.timestamp)  # no timestamp is ahead of now
        try:
            if lost is not Lost.REQUEST:
                self.gradebook.post(step.score)
        except PlatformRefused as refusal:
            following = after_refusal(order, step, refusal, self.gradebook.profile, self.gradebook.now)
            if isinstance(following, Order):
                return following
            return self._concluded(delivery, order.write, facts, order, following, refusal)
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
            made_submission=confirmed and confirmed_submission(self.cell, write),
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
            read=None if isinstance(facts.result, Unread) else known(facts.result),
            submission=submission_state(self.cell, facts.result),
            timestamp=to_milliseconds(order.timestamp),
        )

    def _ended(self, delivery: Delivery, ending: Ending) -> Told:
        self.cell = ended_cell(self.cell, delivery, ending)
        return Told(ending.state, ending.answer, delivery, ending.warnings, ending.applied)
