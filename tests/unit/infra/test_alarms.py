"""Every alarm is raised by what our code writes when that happens, and by no less; its numbers have their reasons."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from cloudwatch import Values, collect, found, is_raised, period, watched

from chalicelib import metrics, telemetry
from chalicelib.delivery.records import DeliveryState
from chalicelib.delivery.retries import RetryRules
from chalicelib.delivery.sqs import MOST_RECEIVES, VISIBILITY_SECONDS
from chalicelib.lti11.messages import Operation
from chalicelib.translation import answers

from .stage_template import DATA, STAGE, WHOLE, alarms, resources

ALARMS = alarms()
HOUR, DAY = 3600, 86_400
NOTHING: Values = {}


def written(*runs: Callable[[], None]) -> Values:
    """Return what CloudWatch gets when these things happen, each in a run of a function."""
    lines = []
    for happens in runs:
        with metrics.collected() as entries:
            happens()
        lines += metrics.lines(entries, STAGE, 0)
    return collect(lines)


def gauge(metric: metrics.Metric, *values: float) -> Values:
    """Return what CloudWatch gets when these values are measured, of platforms or one after another."""

    def measure(value: float, number: int) -> None:
        of_platform = {"Platform": f"p{number}"} if ("Platform",) in metric.dimensions else {}
        metrics.add(metric, value, **of_platform)

    return written(*(partial(measure, value, number) for number, value in enumerate(values)))


def ended(state: DeliveryState) -> None:
    metrics.add_delivery(state.value, "campus", ended=True, milliseconds=1)


def refused(status: int) -> None:
    telemetry.event("refused", reference="1", status=status, message="no")


def unmapped() -> None:
    answer = answers.sourcedid_invalid()
    operation = Operation.REPLACE_RESULT.value
    telemetry.event("outcome", operation=operation, code=answer.code, error=answer.error_code, milliseconds=4)


def token_failed() -> None:
    metrics.add_call("campus", "refused", 0.1, token=True)


def of_aws(alarm: str, value: float) -> Values:
    return {found(ALARMS[alarm]): [value]}


COUNTED: dict[str, tuple[Callable[[], None], int]] = {
    "failed": (lambda: ended(DeliveryState.FAILED), 1),
    "unmapped": (unmapped, 20),
    "unauthorised": (lambda: refused(401), 20),
    "unanswered": (lambda: refused(500), 5),
    "faults": (lambda: telemetry.event("work_failed"), 1),
    "token-failures": (token_failed, 5),
}
"""What is counted, and how often it has to happen in one period."""
MEASURED: dict[str, tuple[metrics.Metric, float, int]] = {
    "oldest-undelivered": (metrics.OLDEST_UNDELIVERED, HOUR + 1, 3),
    "giving-up": (metrics.OLDEST_UNDELIVERED, 5 * DAY + 1, 1),
    "breaker-open": (metrics.BREAKER_OPEN, 1, 6),
    "parked": (metrics.PARKED, 1, 24),
}
"""What is measured each minute, the lowest value that matters, and in how many periods it has to be so."""
BY_AWS = {
    "queue-age": 1801,
    "dead-letters": 1,
    "api-errors": 1,
    "api-throttles": 1,
    "worker-errors": 5,
    "worker-throttles": 5,
    "schedule-errors": 5,
    "schedule-throttles": 5,
}
"""What AWS measures, and the lowest value that matters."""


def test_every_alarm_is_tried_here() -> None:
    assert ALARMS.keys() == {*COUNTED, *MEASURED, *BY_AWS, "refused", "schedule-stands"}


@pytest.mark.parametrize("name", COUNTED)
def test_what_is_counted_raises_its_alarm_when_it_happens_often_enough(name: str) -> None:
    happens, often = COUNTED[name]
    assert is_raised(ALARMS[name], [written(*[happens] * often)])
    assert not is_raised(ALARMS[name], [written(*[happens] * (often - 1))])
    others = {
        each for each, (other, number) in COUNTED.items() if is_raised(ALARMS[each], [written(*[happens] * often)])
    }
    assert others == {name}


@pytest.mark.parametrize("name", MEASURED)
def test_what_is_measured_raises_its_alarm_when_it_lasts(name: str) -> None:
    metric, value, lasting = MEASURED[name]
    alarm = ALARMS[name]
    bad, good = gauge(metric, 0, value), gauge(metric, 0, value - 1)
    if alarm["Statistic"] == "Minimum":  # parked: one number for all, that must never have been 0
        bad, good = gauge(metric, value, value + 1), gauge(metric, value + 1, 0)
    quiet = [good] * (alarm["EvaluationPeriods"] - lasting)
    assert is_raised(alarm, [*quiet, *[bad] * lasting])
    assert is_raised(alarm, [*[bad] * lasting, *quiet])
    assert not is_raised(alarm, [*quiet, good, *[bad] * (lasting - 1)])
    assert not is_raised(alarm, [NOTHING] * alarm["EvaluationPeriods"])
    assert alarm["TreatMissingData"] == "ignore"  # while nothing measures, nothing has become better


@pytest.mark.parametrize("name", BY_AWS)
def test_what_aws_measures_raises_its_alarm(name: str) -> None:
    alarm = ALARMS[name]
    often = alarm["EvaluationPeriods"]
    assert is_raised(alarm, [of_aws(name, BY_AWS[name])] * often)
    assert not is_raised(alarm, [of_aws(name, BY_AWS[name] - 1)] * often)
    assert not is_raised(alarm, [NOTHING] * often)


def test_a_schedule_that_does_not_run_is_noticed_and_one_that_has_nothing_to_send_is_none() -> None:
    runs = written(lambda: telemetry.event("schedule", sent=0))
    assert is_raised(ALARMS["schedule-stands"], [NOTHING, NOTHING])
    assert not is_raised(ALARMS["schedule-stands"], [NOTHING, runs])
    assert period(ALARMS["schedule-stands"]) * ALARMS["schedule-stands"]["EvaluationPeriods"] == 600


@pytest.mark.parametrize(
    ("number_refused", "others", "raised"),
    [(5, 0, True), (4, 0, False), (5, 45, True), (5, 46, False), (0, 100, False), (0, 0, False), (20, 1000, False)],
)
def test_refusals_raise_their_alarm_by_their_share_and_never_when_few(
    number_refused: int, others: int, raised: bool
) -> None:
    states = [each for each in DeliveryState if each.ended and each is not DeliveryState.REFUSED]
    assert len(states) == 4

    def deliver() -> None:
        for _ in range(number_refused):
            ended(DeliveryState.REFUSED)
        for number in range(others):
            ended(states[number % len(states)])

    assert is_raised(ALARMS["refused"], [written(deliver)]) is raised


def test_each_watches_a_metric_that_is_written_under_exactly_these_dimensions() -> None:
    known = {metric.name: {frozenset(("Stage", *each)) for each in metric.dimensions} for metric in metrics.ALL}
    for name, alarm in ALARMS.items():
        for namespace, metric, dimensions in watched(alarm):
            if namespace == metrics.NAMESPACE:
                assert frozenset(each for each, _ in dimensions) in known[metric], name
                assert ("Stage", STAGE) in dimensions, name


def test_the_alarms_on_aws_name_what_the_stack_has() -> None:
    functions = [
        one["Properties"]["FunctionName"]["Fn::Sub"]
        for one in WHOLE["Resources"].values()
        if "FunctionName" in one["Properties"]
    ]
    names = {each.replace("${Stage}", STAGE) for each in functions}
    queues = {each["QueueName"] for each in resources("AWS::SQS::Queue").values()}
    seen: dict[str, set[tuple[str, str]]] = {"FunctionName": set(), "QueueName": set()}
    for alarm in ALARMS.values():
        for namespace, metric, dimensions in watched(alarm):
            if namespace != metrics.NAMESPACE:
                ((dimension, value),) = dimensions
                assert namespace == {"FunctionName": "AWS/Lambda", "QueueName": "AWS/SQS"}[dimension]
                seen[dimension].add((metric, value))
    assert seen["FunctionName"] == {(metric, name) for metric in ("Errors", "Throttles") for name in names}
    assert {value for _, value in seen["QueueName"]} == queues


def test_thresholds_follow_the_limits_of_the_code() -> None:
    rules = RetryRules()
    assert ALARMS["oldest-undelivered"]["Threshold"] * 1000 == rules.longest_wait
    assert ALARMS["giving-up"]["Threshold"] * 1000 == rules.give_up_after - 2 * DAY * 1000
    assert ALARMS["queue-age"]["Threshold"] == MOST_RECEIVES * VISIBILITY_SECONDS
    again_in_a_window = period(ALARMS["worker-errors"]) / VISIBILITY_SECONDS + 1
    assert ALARMS["worker-errors"]["Threshold"] > again_in_a_window  # one message alone belongs to the dead letters


def test_cloudwatch_takes_these_periods() -> None:
    for name, alarm in ALARMS.items():
        seconds = period(alarm)
        assert seconds % 60 == 0
        assert seconds * alarm["EvaluationPeriods"] <= (DAY if seconds < HOUR else 7 * DAY), name
        assert alarm.get("DatapointsToAlarm", 1) <= alarm["EvaluationPeriods"]


def test_every_alarm_reaches_the_topic_and_states_that_pass_say_so_too() -> None:
    topic = [f"passback-{STAGE}-alarms"]
    assert [each["TopicName"] for each in resources("AWS::SNS::Topic").values()] == topic
    for name, alarm in ALARMS.items():
        assert alarm["AlarmActions"] == topic, name
        passes = name in {*MEASURED, "queue-age", "dead-letters", "schedule-stands"}
        assert alarm.get("OKActions") == (topic if passes else None), name
        assert alarm["AlarmDescription"].endswith("docs/operate.md")


def test_who_gets_them_by_mail_is_a_parameter() -> None:
    subscription = DATA["Resources"]["AlarmsByEmail"]
    assert subscription["Condition"] == "HasAlarmEmail"
    assert subscription["Properties"]["Endpoint"] == {"Ref": "AlarmEmail"}
    assert DATA["Parameters"]["AlarmEmail"]["Default"] == ""


def test_both_ways_of_deploying_have_all_alarms() -> None:
    def declared(template: Mapping[str, Any]) -> set[str]:
        return {name for name, one in template["Resources"].items() if one.get("Type") == "AWS::CloudWatch::Alarm"}

    assert declared(DATA) == declared(WHOLE)


def test_only_alarms_of_metric_math_can_be_left_out_and_are_there_unless_somebody_does() -> None:
    conditional = {
        name: one["Condition"]
        for name, one in DATA["Resources"].items()
        if one["Type"] == "AWS::CloudWatch::Alarm" and "Condition" in one
    }
    by_math = {name for name, one in DATA["Resources"].items() if "Metrics" in one["Properties"]}
    assert conditional == dict.fromkeys(by_math, "HasShareAlarms") == {"RefusedAlarm": "HasShareAlarms"}
    assert DATA["Conditions"]["HasShareAlarms"] == {"Fn::Equals": [{"Ref": "ShareAlarms"}, "yes"]}
    parameter = DATA["Parameters"]["ShareAlarms"]
    assert (parameter["Default"], parameter["AllowedValues"]) == ("yes", ["yes", "no"])
