"""CloudFormation, for one stack: its state, a change set as a plan, and waiting for what was started."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.clock import Clock
from passback.failures import CommandFailed
from passback.setup.changes import ChangeSet, read_changes, refuse_loss
from passback.setup.refusals import advice, error_words, is_code, sentence
from passback.setup.states import StackState

PATIENCE = 1800.0
"""Seconds. A table with an index takes a minute or two on AWS; alarms and queues seconds."""
_LONGEST_PAUSE = 5.0
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack by its name."""

    client: Any
    name: str
    clock: Clock

    def state(self, name: str | None = None) -> StackState | None:
        """Return the stack as it is; None if there is none."""
        from botocore.exceptions import ClientError

        try:
            found = self.client.describe_stacks(StackName=name or self.name)["Stacks"][0]
        except ClientError as error:
            if is_code(error, "ValidationError") and "does not exist" in error_words(error):
                return None
            raise
        if found["StackStatus"] == "DELETE_COMPLETE":
            return None
        return StackState(
            self.name,
            found["StackId"],
            found["StackStatus"],
            found.get("StackStatusReason", ""),
            {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])},
            {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])},
        )

    def plan(
        self,
        kind: str,
        body: str,
        parameters: Sequence[Mapping[str, Any]],
        imports: Sequence[Mapping[str, Any]] = (),
        *,
        new: bool = False,
    ) -> ChangeSet | None:
        """Have CloudFormation work out what would change; None if nothing would.

        Parameters
        ----------
        kind
            ``CREATE``, ``UPDATE`` or ``IMPORT``.
        new
            There is no stack: should the plan be taken back, so is the empty stack that CloudFormation makes for it.

        Raises
        ------
        CommandFailed
            If CloudFormation cannot make the plan, or it would replace or remove what data is kept in.
        """
        from botocore.exceptions import ClientError

        more = {"ResourcesToImport": list(imports)} if imports else {}
        try:
            made = self.client.create_change_set(
                StackName=self.name,
                ChangeSetName=f"passback-setup-{secrets.token_hex(4)}",
                ChangeSetType=kind,
                TemplateBody=body,
                Parameters=list(parameters),
                **more,
            )
        except ClientError as error:
            if is_code(error, "ValidationError"):
                raise CommandFailed(
                    "plan_refused", f"CloudFormation does not take the plan: {error_words(error)}"
                ) from error
            raise
        found = self._described(made["Id"])
        change_set = ChangeSet(made["Id"], made["StackId"], tuple(read_changes(found)), for_review=new)
        if found["Status"] == "FAILED":
            reason = found.get("StatusReason", "")
            self.discard(change_set)
            if any(words in reason for words in _NO_CHANGES):
                return None
            raise CommandFailed(
                "plan_refused", f"CloudFormation cannot make a plan: {sentence(reason)} {advice(reason)}".strip()
            )
        try:
            refuse_loss(change_set.changes)
        except CommandFailed:
            self.discard(change_set)
            raise
        return change_set

    def discard(self, change_set: ChangeSet) -> None:
        """Take a plan back: nothing is left of it, nor of the empty stack that was made for it."""
        self.client.delete_change_set(ChangeSetName=change_set.id)
        if change_set.for_review:
            state = self.state(change_set.stack_id)
            if state is not None and state.status == "REVIEW_IN_PROGRESS":
                self.client.delete_stack(StackName=change_set.stack_id)

    def execute(self, change_set: ChangeSet, note: Note, *, keep: bool | None) -> StackState:
        """Do what a plan says, and wait.

        Parameters
        ----------
        keep
            What was made stays if something fails, so that the next run goes on from there; otherwise the stack goes
            back to what it was. None: an import, which always goes back.

        Raises
        ------
        CommandFailed
            If it fails, with the reason of the first resource that did.
        """
        more = {} if keep is None else {"DisableRollback": keep}
        before = self._event_ids(change_set.stack_id)
        self.client.execute_change_set(ChangeSetName=change_set.id, **more)
        state = self.wait(change_set.stack_id, note, before)
        if state is not None and state.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
            return state
        after = (
            "What was made stays; once the cause is put right, the same command goes on from there."
            if keep
            else "The stack is as it was before; once the cause is put right, run the same command again."
        )
        raise CommandFailed("stack_failed", f"{self._cause(change_set.stack_id, before)} {after}")

    def remove(self, stack_id: str, note: Note) -> None:
        """Remove the stack, and wait.

        Raises
        ------
        CommandFailed
            If it cannot be removed.
        """
        before = self._event_ids(stack_id)
        self.client.delete_stack(StackName=stack_id)
        state = self.wait(stack_id, note, before)
        if state is not None:
            cause = self._cause(stack_id, before)
            raise CommandFailed("stack_failed", f"{cause} Once the cause is put right, run the same command again.")

    def wait(self, stack_id: str, note: Note, seen: set[str]) -> StackState | None:
        """Wait until no operation is under way, telling what happens; returns the stack, None when it is gone.

        Raises
        ------
        CommandFailed
            If it takes too long.
        """
        give_up, pause, seen = self.clock.monotonic() + PATIENCE, 0.2, set(seen)
        while True:
            state = self.state(stack_id)
            for event in self._new_events(stack_id, seen):
                if not event["ResourceStatus"].endswith("_IN_PROGRESS"):
                    note(f"{event['ResourceStatus']}  {event['LogicalResourceId']}")
            if state is None or not state.status.endswith("_IN_PROGRESS"):
                return state
            if self.clock.monotonic() > give_up:
                raise CommandFailed(
                    "stack_busy",
                    f"CloudFormation is still at work on stack {self.name} ({state.status}); it goes on by itself. "
                    "Run the "
                    "same command again later.",
                )
            self.clock.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 1.5)

    def _described(self, change_set_id: str) -> dict[str, Any]:
        """Return a change set that is made, or has failed, with all its changes."""
        give_up = self.clock.monotonic() + PATIENCE
        found: dict[str, Any] = self.client.describe_change_set(ChangeSetName=change_set_id)
        while found["Status"] in ("CREATE_PENDING", "CREATE_IN_PROGRESS") and self.clock.monotonic() < give_up:
            self.clock.sleep(0.2)
            found = self.client.describe_change_set(ChangeSetName=change_set_id)
        changes, page = list(found.get("Changes", [])), found
        while page.get("NextToken"):
            page = self.client.describe_change_set(ChangeSetName=change_set_id, NextToken=page["NextToken"])
            changes += page.get("Changes", [])
        return {**found, "Changes": changes}

    def _events(self, stack_id: str) -> list[dict[str, Any]]:
        """Return the newest events, the newest first: one page, which is a hundred."""
        from botocore.exceptions import ClientError

        try:
            found: list[dict[str, Any]] = self.client.describe_stack_events(StackName=stack_id)["StackEvents"]
        except ClientError as error:
            if is_code(error, "ValidationError"):  # the stack is gone
                return []
            raise
        return found

    def _event_ids(self, stack_id: str) -> set[str]:
        return {event["EventId"] for event in self._events(stack_id)}

    def _new_events(self, stack_id: str, seen: set[str]) -> Iterator[dict[str, Any]]:
        for event in reversed(self._events(stack_id)):
            if event["EventId"] not in seen:
                seen.add(event["EventId"])
                yield event

    def _cause(self, stack_id: str, before: set[str]) -> str:
        """Say which resource failed first, and why."""
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        events = [event for page in pages for event in page["StackEvents"] if event["EventId"] not in before]
        for event in reversed(events):
            reason = event.get("ResourceStatusReason") or ""
            cancelled = "cancelled" in reason.lower()
            if event["ResourceStatus"].endswith("_FAILED") and not cancelled:
                said = sentence(reason or "no reason is given")
                return f"{event['LogicalResourceId']} failed: {said} {advice(reason)}".strip()
        return f"CloudFormation could not finish; the events of stack {self.name} say why."
