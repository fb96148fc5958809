"""Rules that hold for every sequence of outcomes, every answer of a platform, and every number."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import MAX_EMAX, MIN_EMIN, Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.clock import from_milliseconds, to_milliseconds
from chalicelib.delivery.records import Cell, DeliveryState, KnownScore, SubmissionState
from chalicelib.errors import PlatformRefused
from chalicelib.lti11.messages import DataKind, DeleteResult, ReplaceResult, ResultData, ScoreScale, ToolScore, Write
from chalicelib.lti13.profiles import CANVAS, CANVAS_OLDER, PROFILES, Profile, RefusalKind
from chalicelib.lti13.score_json import write_score
from chalicelib.lti13.scores import Result
from chalicelib.translation.plan import next_step
from chalicelib.translation.reading import read_answer
from chalicelib.translation.refusals import FILE_TRIES, after_refusal, ordering_timestamp
from chalicelib.translation.steps import (
    UNREAD,
    Concessions,
    Conclude,
    Facts,
    Order,
    PostScore,
    ReadLineItem,
    ReadResults,
)

from .builders import KEY, USER, R, later, replaces
from .canvas_gradebook import CanvasGradebook
from .moodle_gradebook import MoodleGradebook
from .square import Lost, Square

MOST_READS = 2  # the result and the line item
MOST_POSTS = FILE_TRIES + 3  # a file's tries; without it; without an attempt; with the present time

quick = settings(max_examples=150, deadline=None)

WEIRD = ["0", "-0", "1E+300", "1E-300", f"1E{MAX_EMAX}", f"1E{MIN_EMIN}", "9" * 500, "0." + "3" * 500, "-5", "0.1"]
weird_numbers = st.one_of(
    st.sampled_from([Decimal(text) for text in WEIRD]),
    st.decimals(allow_nan=False, allow_infinity=False),
)
or_none = st.one_of(st.none(), weird_numbers)
tool_fractions = st.decimals(min_value=0, max_value=1, allow_nan=False, allow_infinity=False)
tool_points = st.decimals(min_value=0, max_value=Decimal("1e308"), allow_nan=False, allow_infinity=False)
scores = st.one_of(
    st.builds(ToolScore, st.just(ScoreScale.FRACTION), tool_fractions),
    st.builds(ToolScore, st.just(ScoreScale.POINTS), tool_points),
)
work = st.builds(ResultData, st.sampled_from(DataKind), st.text(max_size=5), st.just("name"))
moments = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1)).map(  # noqa: DTZ001  # made UTC
    lambda moment: moment.replace(tzinfo=R.tzinfo)
)
writes: st.SearchStrategy[Write] = st.one_of(
    st.just(DeleteResult()),
    st.builds(ReplaceResult, st.none() | scores, st.none() | work, st.none() | moments, st.booleans(), st.booleans()),
)
known_scores = st.builds(KnownScore, or_none, or_none)
cells = st.builds(
    Cell,
    key=st.just(KEY),
    submission=st.sampled_from(SubmissionState),
    first_submitted_at=st.none() | st.just(to_milliseconds(R) - 5),
    last_posted=st.none() | known_scores,
    last_known=st.none() | known_scores,
    graded_at=st.none() | st.sampled_from([to_milliseconds(R) - 1, to_milliseconds(R)]),
)
results = st.builds(
    Result, or_none, or_none, st.sampled_from([None, "none", "online_url", "?"]), st.sampled_from([None, "2026", ""])
)
facts = st.builds(Facts, st.just(UNREAD) | st.none() | results, st.just(UNREAD) | or_none)
concessions = st.builds(
    Concessions,
    no_new_submission=st.booleans(),
    no_file=st.booleans(),
    moved_timestamp=st.booleans(),
    grade_stays=st.booleans(),
    file_tries=st.integers(0, FILE_TRIES),
)
profiles = st.sampled_from(list(PROFILES.values()))


@quick
@given(tool_fractions, profiles)
def test_a_fraction_is_sent_to_its_last_digit(value: Decimal, profile: Profile) -> None:
    write = ReplaceResult(ToolScore(ScoreScale.FRACTION, value))
    step = next_step(Order(write, USER, R, R), Cell(KEY, submission=SubmissionState.EXISTS), profile, Facts())
    assert isinstance(step, PostScore)
    assert step.score.score_given is not None
    assert step.score.score_maximum == profile.fraction_maximum
    assert Fraction(step.score.score_given) == Fraction(value) * Fraction(profile.fraction_maximum)


@quick
@given(tool_points, st.none() | tool_points, profiles)
def test_points_are_sent_to_their_last_digit(value: Decimal, maximum: Decimal | None, profile: Profile) -> None:
    write = ReplaceResult(ToolScore(ScoreScale.POINTS, value))
    cell = Cell(KEY, submission=SubmissionState.EXISTS)
    step = next_step(Order(write, USER, R, R), cell, profile, Facts(line_item_maximum=maximum))
    assert isinstance(step, PostScore)
    assert step.score.score_given == value
    assert step.score.score_maximum == (0 if maximum is None else maximum)


@quick
@given(writes, cells, profiles, facts, st.booleans(), st.booleans(), concessions)
def test_the_rules_always_say_something_that_can_be_sent(
    write: Write, cell: Cell, profile: Profile, read: Facts, retry: bool, forced: bool, conceded: Concessions
) -> None:
    step = next_step(Order(write, USER, R, R, retry, forced, conceded), cell, profile, read)
    if isinstance(step, PostScore):
        assert write_score(step.score)
        assert (step.score.score_given is None) == (step.score.score_maximum is None)


@quick
@given(st.none() | results, cells, profiles)
def test_every_result_reads_as_something(result: Result | None, cell: Cell, profile: Profile) -> None:
    answer = read_answer(result, cell, profile)
    assert answer.error_code == "platform_refused" or answer.score_text is not None
    assert len(answer.score_text or "") < 400


@quick
@given(
    writes,
    cells,
    profiles,
    st.none() | results,
    or_none,
    st.booleans(),
    st.booleans(),
    st.lists(st.sampled_from(RefusalKind), min_size=MOST_POSTS + 1, max_size=MOST_POSTS + 1),
)
def test_a_plan_always_ends(
    write: Write,
    cell: Cell,
    profile: Profile,
    result: Result | None,
    maximum: Decimal | None,
    retry: bool,
    forced: bool,
    refusals: list[RefusalKind],
) -> None:
    order, read, reads, posts = Order(write, USER, R, R, retry, forced), Facts(), 0, 0
    now = later(1)
    while True:
        step = next_step(order, cell, profile, read)
        if isinstance(step, Conclude):
            break
        if isinstance(step, ReadResults):
            assert read.result is UNREAD
            read, reads = replace(read, result=result), reads + 1
        elif isinstance(step, ReadLineItem):
            assert read.line_item_maximum is UNREAD
            read, reads = replace(read, line_item_maximum=maximum), reads + 1
        else:
            refusal = PlatformRefused(refusals[posts], 400, "no")
            posts += 1
            following = after_refusal(order, step, refusal, profile, now)
            if isinstance(following, Conclude):
                ends = {DeliveryState.REFUSED, DeliveryState.HELD}
                assert following.state in ends | ({DeliveryState.DELIVERED} if step.stale_is_ours else set())
                break
            order, now = following, now + timedelta(seconds=1)
        assert reads <= MOST_READS
        assert posts <= MOST_POSTS


@quick
@given(
    writes,
    cells,
    profiles,
    facts,
    st.booleans(),
    st.integers(-5000, 200_000),
    st.sampled_from(RefusalKind),
)
def test_nothing_is_ever_dated_before_r(
    write: Write, cell: Cell, profile: Profile, read: Facts, retry: bool, milliseconds: int, kind: RefusalKind
) -> None:
    order = Order(write, USER, R, R, retry)
    step = next_step(order, cell, profile, read)
    if not isinstance(step, PostScore):
        return
    assert step.score.timestamp >= R
    now = R + timedelta(milliseconds=milliseconds)
    following = after_refusal(order, step, PlatformRefused(kind, 400, "no"), profile, now)
    if isinstance(following, Order):
        assert following.timestamp >= R
        assert following.received_at == R


@quick
@given(st.lists(st.integers(0, 3000), max_size=12).map(sorted), profiles)
def test_timestamps_grow_by_whole_ticks_and_are_never_before_r(receipts: list[int], profile: Profile) -> None:
    newest: int | None = None
    for after in receipts:
        received_at = to_milliseconds(R) + after
        timestamp = ordering_timestamp(received_at, newest, profile)
        assert timestamp >= received_at
        if newest is not None:
            assert timestamp // profile.tick_milliseconds > newest // profile.tick_milliseconds
        assert from_milliseconds(timestamp) >= from_milliseconds(received_at)
        newest = timestamp


losses = st.sampled_from([None, None, Lost.ANSWER, Lost.REQUEST])
score_only = st.tuples(
    st.one_of(
        st.sampled_from([replaces("0.5"), replaces("0.9"), replaces("0"), DeleteResult()]),
        st.builds(lambda flag: replaces("0.7", prioritize=flag), st.booleans()),
    ),
    losses,
    st.booleans(),  # whether it is tried again after an unknown end
)


@quick
@given(st.lists(score_only, min_size=1, max_size=8), st.booleans(), st.booleans(), st.booleans())
def test_scores_alone_never_make_a_second_attempt(
    outcomes: list[tuple[Write, Lost | None, bool]], older: bool, hidden: bool, queues: bool
) -> None:
    gradebook = CanvasGradebook(older=older, hidden=hidden)
    square = Square(gradebook, queues=queues)
    for number, (write, lost, again) in enumerate(outcomes):
        told = square.sends(write, later(number * 100), lost)
        if told.applied is None and (again or queues):
            square.retries(told, later(number * 100 + 90))
        assert gradebook.attempts <= 1


@quick
@given(st.lists(score_only, max_size=6), st.booleans(), st.booleans())
def test_scores_alone_never_touch_work(
    outcomes: list[tuple[Write, Lost | None, bool]], older: bool, queues: bool
) -> None:
    gradebook = CanvasGradebook(older=older)
    gradebook.submits_text("the student's own", R - timedelta(days=1))
    gradebook.teacher_grades("6", R - timedelta(hours=1))
    gradebook.adopts()
    square = Square(gradebook, Cell(KEY), queues)
    for number, (write, lost, again) in enumerate(outcomes):
        told = square.sends(write, later(number * 100), lost)
        if told.applied is None and (again or queues):
            square.retries(told, later(number * 100 + 90))
        assert (gradebook.work, gradebook.attempts) == ("the student's own", 1)


@quick
@given(
    st.lists(st.tuples(st.sampled_from(["0", "0.25", "0.5", "1"]), losses), min_size=1, max_size=6),
    st.booleans(),
    st.booleans(),
)
def test_the_last_score_of_a_tool_is_the_grade(
    scores_sent: list[tuple[str, Lost | None]], moodle: bool, queues: bool
) -> None:
    square = Square(MoodleGradebook(points=Decimal(10)) if moodle else CanvasGradebook(), queues=queues)
    for number, (score, lost) in enumerate(scores_sent):
        told = square.sends(replaces(score), later(number * 100), lost)
        if told.applied is None:
            square.retries(told, later(number * 100 + 90))
        grade = square.gradebook.read_result()
        stored = Decimal(0) if grade is None or grade.score is None else grade.score
        maximum = None if grade is None else grade.maximum
        assert stored / (maximum or 1) == Decimal(score)


@quick
@given(st.lists(score_only, max_size=4), st.sampled_from(["0", "8", "10"]), st.sampled_from([CANVAS, CANVAS_OLDER]))
def test_a_tool_that_asks_nicely_never_overwrites_a_person(
    outcomes: list[tuple[Write, Lost | None, bool]], grade: str, profile: Profile
) -> None:
    gradebook = CanvasGradebook(older=profile is CANVAS_OLDER)
    square = Square(gradebook)
    for number, (write, _, _) in enumerate(outcomes):
        square.sends(write, later(number * 100))
    gradebook.teacher_grades(grade)
    ours = square.cell.last_posted
    square.sends(replaces("0.3", prioritize=True), later(1000))
    looks_like_ours = ours is not None and ours.score is not None and ours.score * 10 == Decimal(grade)
    assert gradebook.score == (Decimal(3) if looks_like_ours else Decimal(grade))
