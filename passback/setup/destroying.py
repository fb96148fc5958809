"""Removes a stage's stack: queues, alarms, log groups. Table and key are kept, and said so."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passback.failures import CommandFailed
from passback.output import View, Words
from passback.session import Session
from passback.setup.account import Account
from passback.setup.cloudformation import Stack
from passback.setup.consent import typed_name
from passback.setup.deployed import functions_of
from passback.setup.project import read_config
from passback.setup.showing import Place, place_document, place_view
from passback.setup.states import StackState, refuse_while_busy
from passback.setup.whereabouts import files_of, refuse_elsewhere


@dataclass(frozen=True, slots=True)
class Farewell:
    """How a stage is to be removed."""

    stage: str
    project: Path
    confirm: str | None
    with_undelivered: bool


def destroy(session: Session, account: Account, stack: Stack, farewell: Farewell) -> None:
    """Remove the stack of a stage.

    Raises
    ------
    CommandFailed
        If it is elsewhere, its functions are still up, deliveries are under way, or its name was not typed.
    """
    stage, project = farewell.stage, farewell.project
    place = Place(stage, stack.name, account.number(), account.region)
    # It can be removed from any folder; what the folder of the code says of it is heeded.
    parts = (project / ".chalice" / "config.json", project / "infra" / "template.json")
    config = read_config(project) if all(part.exists() for part in parts) else {}
    refuse_elsewhere(project, config, stage, place.account, place.region)
    state = stack.state()
    if state is None:
        document = {**place_document(place), "destroyed": False, "kept": []}
        session.output.show(
            document, Words(f"There is no stack {stack.name} in this account and region: nothing to remove.")
        )
        return
    refuse_while_busy(state)
    _refuse_functions(account, stage)
    if not farewell.with_undelivered:
        _refuse_undelivered(session, state, place)
    kept = _kept(state)
    if not session.output.json_mode:
        goes = f"Stack {stack.name} is to be removed for good, with its queues, alarms and logs."
        session.output.show({}, place_view(place), Words(goes), Words(_of_kept(kept)))
    _ask(session, farewell)
    stack.remove(state.id, session.output.note)
    files = files_of(project, config, stage)
    document = {**place_document(place), "destroyed": True, "kept": kept, "files": files}
    session.output.show(document, Words(f"Stack {stack.name} is removed.", "green"), *_of_files(files, stage))


def _ask(session: Session, farewell: Farewell) -> None:
    """Have the stage's name typed.

    Raises
    ------
    CommandFailed
        If another one was, or a script does not say it.
    """
    typed = farewell.confirm
    if typed is None:
        if session.output.json_mode:
            raise CommandFailed("usage", f"To remove stage {farewell.stage}, add --confirm {farewell.stage}.", 2)
        typed = typed_name("Type the stage's name to go on", farewell.stage)
    if typed != farewell.stage:
        raise CommandFailed(
            "not_confirmed", f"The stage is {farewell.stage}, and {typed!r} was typed: nothing is removed."
        )


def _refuse_functions(account: Account, stage: str) -> None:
    up = functions_of(account, stage).up
    if up:
        raise CommandFailed(
            "functions_up",
            f"The functions are still up ({', '.join(up)}): take them down first with `chalice delete --stage "
            f"{stage}`.",
        )


def _refuse_undelivered(session: Session, state: StackState, place: Place) -> None:
    """Refuse while outcomes are under way: nobody brings them on once the queue is gone.

    Raises
    ------
    CommandFailed
        If some are.
    """
    count = _undelivered(session, state, place)
    if count:
        raise CommandFailed(
            "deliveries_under_way",
            f"{count} {'delivery is' if count == 1 else 'deliveries are'} under way: `passback delivery list` "
            "names them. "
            "They stay in the table, but nothing brings them on: wait for them, or add --with-undelivered.",
        )


def _undelivered(session: Session, state: StackState, place: Place) -> int:
    from chalicelib.clock import to_milliseconds
    from passback.connection import connect_operator

    if not {"TableName", "KeyArn", "QueueName", "DeadLetterQueueName"} <= state.outputs.keys():
        return 0  # the stack was never finished, so that nothing has been accepted
    services = connect_operator({**session.environment, **_settings(state, place)}, session.clock)
    waiting = sum(
        len(cell.line)
        for platform in services.platforms.list()
        for cell in services.ledger.undelivered_cells(platform.name)
    )
    return waiting + sum(len(lot.parked) for lot in services.lots.list(to_milliseconds(session.clock.now())))


def _settings(state: StackState, place: Place) -> dict[str, str]:
    return {
        "AWS_REGION": place.region,
        "PASSBACK_STAGE": place.stage,
        "PASSBACK_TABLE": state.outputs["TableName"],
        "PASSBACK_KMS_KEY": state.outputs["KeyArn"],
        "PASSBACK_QUEUE": state.outputs["QueueName"],
        "PASSBACK_DEAD_LETTER_QUEUE": state.outputs["DeadLetterQueueName"],
    }


def _kept(state: StackState) -> list[dict[str, Any]]:
    """Return what stays, with the commands that remove it."""
    kept = []
    table, key = state.outputs.get("TableName"), state.outputs.get("KeyArn")
    if table:
        commands = [
            f"aws dynamodb update-table --table-name {table} --no-deletion-protection-enabled",
            f"aws dynamodb delete-table --table-name {table}",
        ]
        kept.append({"resource": f"table {table}", "remove_with": commands})
    if key:
        kept.append(
            {
                "resource": f"key {key}",
                "remove_with": [f"aws kms schedule-key-deletion --key-id {key.rpartition('/')[2]}"],
            }
        )
    return kept


def _of_kept(kept: list[dict[str, Any]]) -> str:
    if not kept:
        return "Nothing of it is kept."
    lines = [
        "These are kept, and `passback setup` takes them over again. To remove them for good, with all secrets in them:"
    ]
    for each in kept:
        lines += [f"- {each['resource']}", *(f"    {command}" for command in each["remove_with"])]
    return "\n".join(lines)


def _of_files(files: list[str], stage: str) -> list[View]:
    if not files:
        return []
    return [
        Words(
            f"What is written of stage {stage} stays: {', '.join(files)}. Keep it if the stage is to be set up again, "
            "as it says which key the table is sealed with; otherwise remove it, and open a new shell, as this one may "
            "have the stage's variables."
        )
    ]
