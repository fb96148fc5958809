"""One cell's life as a machine: everything that can happen to it, in any order, held to the promises all along."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import mkdtemp
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pox import delete_result, read_result, replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Crash, Stage, ToolAnswer, open_stage

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.records import DeliveryState
from chalicelib.lti11.tools import OnDelay
from model.book import Book, Outcome
from model.gradebooks import POINTS, Canvas, Gradebook, Moodle
from model.watch import Watch

FOLDER = Path(mkdtemp(prefix="passback-model-"))
JOINED = 60_000
"""Milliseconds within which a newly signed repeat joins the newest outcome (design, "Newly signed repeat")."""
LONGEST_ON_THE_WAY = 29_000
"""Milliseconds that API Gateway waits for Lambda at most."""
REPEATABLE = 80 * 60_000
"""A signed request is refused once its timestamp has left the window."""
WORKER_CRASHES = 4
"""SQS puts a message aside that was received five times."""
SCORES = st.sampled_from(["new", "new", "new", "0", "1", "0.5"])
MOMENTS = st.integers(1, 16)
QUEUE_FAULTS = ("refusing", "losing", "doubling", "confused")


class CellMachine(RuleBasedStateMachine):
    """Rules, and what must hold. Subclasses say where the cell is and what its tool wants."""

    on_delay: ClassVar[OnDelay] = OnDelay.QUEUE
    platform: ClassVar[str] = "canvas"

    @initialize()
    def begins(self) -> None:
        self.opening = open_stage(FOLDER, on_delay=self.on_delay)
        self.stage: Stage = self.opening.__enter__()
        stage = self.stage
        self.gradebook: Gradebook
        if self.platform == "canvas":
            self.gradebook = Canvas(stage)
        else:
            self.gradebook = Moodle(stage, FOLDER)
        self.sourcedids = ("first-sourcedid", "second-sourcedid")
        for sourcedid in self.sourcedids:
            self.gradebook.map(sourcedid)
        self.book = Book()
        self.watch = Watch(self.gradebook, self.book, lambda: self.now)
        self.number = 0
        self.worker_crashes = 0
        self.teacher_comes = False
        self.gradebook.watch(self.before_a_call)

    # the tool

    @rule(
        score=st.none() | SCORES,
        work=st.sampled_from([None, None, "text", "url"]),
        form=st.sampled_from(["fraction", "fraction", "total", "prioritized"]),
        sourcedid=st.integers(0, 1),
        crash_at=st.none() | st.none() | MOMENTS,
        trouble=st.none() | st.sampled_from(["drop_before", "drop_after", "slow"]),
    )
    def sends(
        self,
        score: str | None,
        work: str | None,
        form: str,
        sourcedid: int,
        crash_at: int | None,
        trouble: str | None,
    ) -> None:
        """Send an outcome; one with neither score nor work is a delete."""
        if trouble is not None:
            self.gradebook.trouble(trouble, 1)
        outcome = self.outcome(score, work, form, sourcedid)
        self.book.outcomes.append(outcome)
        self.delivers(outcome, self.now, crash_at)

    @rule(score=SCORES, work=st.sampled_from([None, "text"]))
    def signs_and_is_kept_on_the_way(self, score: str, work: str | None) -> None:
        """The gateway has received a request, and it reaches Passback only later."""
        outcome = self.outcome(score, work, "fraction", 0)
        outcome.waits = True
        self.book.outcomes.append(outcome)
        self.stage.clock.move(0.003)

    @precondition(lambda self: any(each.waits for each in self.book.outcomes))
    @rule()
    def a_late_request_arrives(self) -> None:
        outcome = next(each for each in self.book.outcomes if each.waits)
        if self.now - outcome.earliest > LONGEST_ON_THE_WAY:
            self.book.outcomes.remove(outcome)
            return
        outcome.waits, outcome.delayed = False, True
        self.delivers(outcome, outcome.earliest, None)

    @precondition(lambda self: self.repeatable)
    @rule(choice=st.integers(0, 3), crash_at=st.none() | st.none() | MOMENTS)
    def repeats_the_same_request(self, choice: int, crash_at: int | None) -> None:
        outcome = self.repeatable[-1 - choice % len(self.repeatable)]
        if self.now - to_milliseconds(self.signed_at(outcome)) > REPEATABLE:
            return
        if not outcome.told_success and not outcome.refused:
            outcome.latest = max(outcome.latest, self.now)
        self.delivers(outcome, self.now, crash_at)

    @precondition(lambda self: self.repeatable)
    @rule(crash_at=st.none() | st.none() | MOMENTS)
    def repeats_the_newest_newly_signed(self, crash_at: int | None) -> None:
        outcome = self.repeatable[-1]
        if outcome.refused or self.now - outcome.earliest > JOINED - 10_000 or outcome is not self.newest:
            return  # it is an outcome of its own then, as any other
        if not outcome.told_success:
            outcome.latest = max(outcome.latest, self.now)
        first, outcome.headers = outcome.headers, self.signed(outcome.body)
        if not self.delivers(outcome, self.now, crash_at):
            outcome.headers = first  # nobody knows whether the new signature was seen

    @rule(sourcedid=st.integers(0, 1))
    def reads(self, sourcedid: int) -> None:
        answer = self.stage.send(read_result(self.sourcedids[sourcedid]))
        if answer.code != "success":
            assert answer.error == "platform_unavailable", answer.text

    # people, time, and what goes wrong

    @rule(points=st.integers(1, 9), comes_between=st.booleans())
    def a_teacher_grades(self, points: int, comes_between: bool) -> None:
        """A teacher grades now, or just before the worker's next call."""
        if comes_between:
            self.teacher_comes = True
            return
        self.grades()

    @rule(seconds=st.sampled_from([0.001, 0.3, 5.0, 14.0, 45.0, 90.0, 700.0, 7200.0]))
    def time_passes(self, seconds: float) -> None:
        self.stage.clock.move(seconds)

    @rule(data=st.data(), count=st.sampled_from([1, 1, 2, None]))
    def the_platform_has_trouble(self, data: st.DataObject, count: int | None) -> None:
        self.gradebook.trouble(data.draw(st.sampled_from(self.gradebook.troubles)), count)

    @rule()
    def the_platform_is_well(self) -> None:
        self.gradebook.mend()

    @rule(fault=st.sampled_from(QUEUE_FAULTS), on=st.booleans())
    def the_queue_changes(self, fault: str, on: bool) -> None:
        setattr(self.stage.queue, fault, on)

    @rule(crash_at=st.none() | st.none() | MOMENTS)
    def the_worker_works(self, crash_at: int | None) -> None:
        self.runs(crash_at, schedule=False)

    @rule(minutes=st.sampled_from([1, 1, 3, 12]), crash_at=st.none() | st.none() | st.integers(1, 30))
    def minutes_pass(self, minutes: int, crash_at: int | None) -> None:
        for _ in range(minutes):
            self.stage.clock.move(60)
            self.runs(crash_at, schedule=True)
            crash_at = None

    # what must hold

    @invariant()
    def nothing_is_wrong(self) -> None:
        if hasattr(self, "stage"):
            self.watch.look()
            assert not self.watch.wrongs, self.story(str(self.watch.wrongs))

    def teardown(self) -> None:
        if not hasattr(self, "stage"):
            return
        try:
            self.settles()
            self.nothing_is_wrong()
            self.nothing_is_left()
            try:
                self.watch.check_end()
            except AssertionError as wrong:
                raise AssertionError(self.story(str(wrong))) from None
            self.goes_on()
        finally:
            self.opening.__exit__(None, None, None)

    def settles(self) -> None:
        """Everything is well again, and hours pass."""
        self.gradebook.mend()
        for fault in QUEUE_FAULTS:
            setattr(self.stage.queue, fault, False)
        self.teacher_comes = False
        for _ in range(30):
            self.stage.clock.move(300)
            self.runs(None, schedule=True)
        self.book.outcomes = [each for each in self.book.outcomes if not each.waits]

    def nothing_is_left(self) -> None:
        services, now = self.stage.services, self.stage.clock.now()
        cell = services.ledger.cell(self.gradebook.cell)
        assert (cell.line, cell.due_at, cell.lease_until) == ((), None, 0)
        due = services.ledger.due_cells(self.gradebook.cell.platform, now + timedelta(days=30))
        assert [list(cells) for cells in due] == [[] for _ in due]
        assert self.stage.queue.waiting == []
        assert self.stage.queue.buried == []
        for delivery in services.deliveries.list(now):
            assert delivery.state.ended, delivery
            if delivery.acknowledged and delivery.state in (DeliveryState.FAILED, DeliveryState.REFUSED):
                assert delivery.answer is not None
                # What a crashed request left behind ends so too: its tool was not told success.
                assert delivery.answer.error_code in ("no_submission_created", "no_score"), f"told success: {delivery}"

    def goes_on(self) -> None:
        """The cell is of use to whoever comes next."""
        if self.gradebook.grades_stick and self.book.grades:
            return
        answer = self.stage.send(replace_result(self.sourcedids[0], "0.777"))
        assert (answer.code, answer.description) == ("success", ""), answer.text
        assert self.gradebook.shown().score == Decimal("0.777") * POINTS

    # helpers

    working = False
    """The worker or the schedule runs just now."""

    @property
    def now(self) -> int:
        return to_milliseconds(self.stage.clock.now())

    @property
    def repeatable(self) -> list[Outcome]:
        return [each for each in self.book.outcomes if not each.waits]

    @property
    def newest(self) -> Outcome:
        """The outcome with the latest R, which alone is joined by a newly signed repeat."""
        return max(self.book.outcomes, key=lambda each: each.latest)

    def outcome(self, score: str | None, work: str | None, form: str, sourcedid: int) -> Outcome:
        self.number += 1
        name = None if work is None else f"{'https://tool.example.org/' if work == 'url' else ''}work-{self.number}"
        fraction = f"0.{self.number:03}" if score == "new" else score
        source = self.sourcedids[sourcedid]
        if fraction is None and name is None:
            body = delete_result(source)
        else:
            points = None if fraction is None else str(Decimal(fraction) * POINTS)
            body = replace_result(
                source,
                None if form == "total" else fraction,
                total=points if form == "total" else None,
                data=None if work is None or name is None else {work: name},
                prioritize_non_tool_grade=form == "prioritized",
            )
        return Outcome(
            body,
            self.signed(body),
            source,
            self.now,
            self.now,
            value=None if fraction is None else Decimal(fraction) * POINTS,
            sets_score=fraction is not None or name is None,
            work=name,
            prioritized=form == "prioritized" and fraction is not None,
        )

    def signed(self, body: bytes) -> dict[str, str]:
        return signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=self.now // 1000)

    def signed_at(self, outcome: Outcome) -> datetime:
        text = outcome.headers["Authorization"].partition('oauth_timestamp="')[2].partition('"')[0]
        return datetime.fromtimestamp(int(text), self.stage.clock.now().tzinfo)

    def delivers(self, outcome: Outcome, received: int, crash_at: int | None) -> bool:
        """Hand a request over, and learn from its answer; tells whether there was one that is kept."""
        moment = self.stage.clock.now() - timedelta(milliseconds=self.now - received)
        self.stage.crash(crash_at)
        try:
            answer = self.stage.deliver(OUTCOME_URL, outcome.headers, outcome.body, received=moment)
        except Crash:
            outcome.reception_unknown = not outcome.told_success
            outcome.delayed = outcome.delayed or outcome.reception_unknown
            self.stage.restart()
            return False
        self.stage.crash(None)
        self.check_answer(outcome, answer)
        if answer.code == "success" and not answer.description:
            self.watch.informed()
        self.book.told(outcome, answer.code, answer.description, answer.error)
        return answer.code == "success"

    def check_answer(self, outcome: Outcome, answer: ToolAnswer) -> None:
        story = f"{answer.code} {answer.error} {answer.description}"
        assert answer.code in ("success", "failure"), answer.text
        if outcome.told_queued and outcome.prioritized and answer.error == "no_submission_created":
            return  # a person graded before it was delivered, and it asked to give way
        if outcome.told_success:
            assert answer.code == "success", f"told success, then {story}"
        if answer.code == "success":
            assert outcome.sets_score or self.gradebook.takes_work, f"nothing to deliver, but {story}"
        if answer.code == "failure":
            allowed = ["platform_unavailable"]
            allowed += ["no_submission_created"] if outcome.prioritized else []
            allowed += [] if self.gradebook.takes_work or outcome.sets_score else ["no_score"]
            assert answer.error in allowed, story
            # The queue takes what the platform does not; only after a crash, whose end nobody knows, a tool may wait.
            queues = self.on_delay is OnDelay.QUEUE and not outcome.reception_unknown
            assert answer.error != "platform_unavailable" or not queues, story

    def runs(self, crash_at: int | None, *, schedule: bool) -> None:
        """Run the schedule, if it is to, then the worker; either may stop dead."""
        if crash_at is not None and self.worker_crashes >= WORKER_CRASHES:
            crash_at = None
        self.stage.crash(crash_at)
        self.working = True
        try:
            if schedule:
                self.stage.services.schedule.run()
            errors = self.stage.work()
            assert not errors, errors
        except Crash:
            self.worker_crashes += 1
            self.stage.restart()
            for message in self.stage.queue._waiting:
                message.in_hand = False
        finally:
            self.working = False
            self.stage.crash(None)

    def grades(self) -> None:
        self.number += 1
        points = Decimal(f"{self.number % 9}.{self.number:03}5")  # no tool's score has so many decimals
        self.gradebook.grade(str(points))
        self.book.grades.append((self.now, points))
        self.watch.shown = self.gradebook.shown()
        self.stage.clock.move(0.002)

    def before_a_call(self) -> None:
        """Look at what the last call did; a teacher may come just now."""
        self.watch.look()
        if self.teacher_comes and self.working:
            self.teacher_comes = False
            self.grades()

    def story(self, wrong: str) -> str:
        deliveries = "\n".join(
            f"  {each.received_at} {each.state} {each.answer and each.answer.description} "
            f"{[(event.at, event.what) for event in each.events]}"
            for each in self.stage.services.deliveries.list(self.stage.clock.now())
        )
        return f"{wrong}\n{self.watch.shown}\n{self.book.story()}\ndeliveries\n{deliveries}"
