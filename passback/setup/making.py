"""Makes or changes a stage: plan, question, stack, files, next steps. Safe to stop and to run again at any point."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passback.failures import CommandFailed
from passback.output import View, Words
from passback.packaging.build import PYTHONS
from passback.packaging.stage import check_stage
from passback.session import Session
from passback.setup import project as files
from passback.setup.account import Account
from passback.setup.changes import Change, ChangeSet
from passback.setup.cloudformation import Stack
from passback.setup.consent import agree
from passback.setup.domain import check_certificate, dns_target
from passback.setup.following import look, next_steps, steps_view
from passback.setup.leftovers import Leftovers, check_sealing, find_leftovers, refuse_needless_key
from passback.setup.project import Choices, FileChange
from passback.setup.references import values_of
from passback.setup.showing import (
    Place,
    outputs_view,
    place_document,
    place_view,
    plan_document,
    plan_views,
)
from passback.setup.standing import refuse_removed
from passback.setup.states import Course, StackState, course_of
from passback.setup.template import KEY, TABLE, Template, read_parameters, read_template
from passback.setup.whereabouts import refuse_elsewhere


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for."""

    stage: str
    project: Path
    choices: Choices
    parameters: tuple[str, ...]
    key: str | None
    plan_only: bool
    yes: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """What would be done: to the stack (None: nothing), then to the files."""

    change_set: ChangeSet | None
    changes: tuple[Change, ...]
    files: tuple[FileChange, ...]
    finishes: bool
    """What is made is kept should something fail: the next run goes on from there."""

    @property
    def is_empty(self) -> bool:
        return not self.changes and not self.files


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes one stage in one account."""

    session: Session
    account: Account
    stack: Stack
    place: Place
    template: Template
    config: Mapping[str, Any]
    functions: Mapping[str, Any]
    wish: Wish
    chosen: Mapping[str, str]

    def run(self) -> None:
        """Show the plan, ask, do it, and say what comes next."""
        state = self.stack.state()
        course = course_of(state, self.wish.stage)
        if course is Course.MAKE_ANEW and state is not None:
            if not self._cleared(state):
                return
            state, course = None, Course.MAKE
        leftovers = None
        if course is Course.MAKE:
            leftovers = find_leftovers(self.account, self.template, self.wish.stage, self.wish.key)
            check_sealing(leftovers, files.stored_key(self.config, self.wish.stage), self.chosen)
        elif course is Course.CHANGE and state is not None:
            refuse_removed(self.account, self.template, self.wish.stage, state, self.chosen)
        if leftovers is None and course is not Course.FINISH:
            refuse_needless_key(self.wish.key, self.wish.stage)
        plan = self._planned(state, course, leftovers)
        try:
            go_on = self._agreed(plan, leftovers)
        except BaseException:
            self._discard(plan)
            raise
        if not go_on:
            self._discard(plan)
            return
        state = self._done(plan, state, leftovers)
        written = self._files(state)
        files.write(written)
        self._told(plan, written, state)

    def _cleared(self, state: StackState) -> bool:
        """Remove a stack whose creation was rolled back; tells whether it was to be."""
        sentence = f"The creation of stack {self.stack.name} was rolled back, and such a stack can only be removed."
        if self.wish.plan_only:
            document = {
                **place_document(self.place),
                "applied": False,
                "changes": [],
                "files": [],
                "removes_stack": True,
            }
            self.session.output.show(document, place_view(self.place), Words(f"{sentence} That would come first."))
            return False
        agree(self.session, f"{sentence} It is removed and made anew; a table of it is kept.", yes=self.wish.yes)
        self.stack.remove(state.id, self.session.output.note)
        return True

    def _planned(self, state: StackState | None, course: Course, leftovers: Leftovers | None) -> _Plan:
        if leftovers is not None:
            only = self.template.only((TABLE, KEY))
            parameters = only.parameters(self.wish.stage, self.chosen, {})
            change_set = self.stack.plan("IMPORT", only.body, parameters, leftovers.imports(), new=state is None)
            added = tuple(
                Change("Add", name, one["Type"], "", replaces=False, what=())
                for name, one in self.template.resources.items()
                if name not in only.resources
            )
            return _Plan(change_set, (change_set.changes if change_set else ()) + added, (), finishes=True)
        made = state is not None and course is not Course.MAKE
        present = state.parameters if state is not None and made else {}
        parameters = self.template.parameters(self.wish.stage, self.chosen, present)
        change_set = self.stack.plan("UPDATE" if made else "CREATE", self.template.body, parameters, new=state is None)
        changes = change_set.changes if change_set else ()
        # A new stack's own names are not known before it is made.
        known = tuple(self._files(state)) if state is not None and self._says_all(state) else ()
        return _Plan(change_set, changes, known, finishes=course is not Course.CHANGE)

    def _agreed(self, plan: _Plan, leftovers: Leftovers | None) -> bool:
        """Show the plan; tell whether it is to be done."""
        output, wish = self.session.output, self.wish
        views: list[View] = [place_view(self.place), *plan_views(plan.changes, plan.files, wish.project)]
        if leftovers is not None:
            kept = (
                f"Table {leftovers.table} and its key were kept by an earlier stack of this stage: they are taken over."
            )
            views.append(Words(kept))
        if plan.changes and not plan.files:
            views.append(
                Words("Then what differs is written to .chalice: the stage's settings, policies and variables.")
            )
        if plan.is_empty:
            views.append(Words("Nothing to do: the stage is as it has to be.", "green"))
        if wish.plan_only:
            warnings = look(self.account, wish.project, wish.stage).warnings
            document = {**place_document(self.place), "applied": False, "warnings": warnings}
            document |= plan_document(plan.changes, plan.files, wish.project)
            output.show(document, *views, *(Words(warning, "yellow") for warning in warnings))
            return False
        if not output.json_mode:
            output.show({}, *views)
        if plan.is_empty:
            return True
        question = f"This is to be done in account {self.place.account}, region {self.place.region}."
        agree(self.session, question, yes=wish.yes)
        return True

    def _done(self, plan: _Plan, state: StackState | None, leftovers: Leftovers | None) -> StackState:
        """Do the plan; returns the stack as it is then."""
        note = self.session.output.note
        if plan.change_set is not None:
            keep = None if leftovers is not None else plan.finishes
            state = self.stack.execute(plan.change_set, note, keep=keep)
        if leftovers is not None and state is not None:
            parameters = self.template.parameters(self.wish.stage, self.chosen, state.parameters)
            rest = self.stack.plan("UPDATE", self.template.body, parameters)
            if rest is not None:
                state = self.stack.execute(rest, note, keep=True)
        if state is None:
            raise CommandFailed("stack_failed", f"There is no stack {self.stack.name} any more: run this again.")
        return state

    def _discard(self, plan: _Plan) -> None:
        if plan.change_set is not None:
            self.stack.discard(plan.change_set)

    def _says_all(self, state: StackState) -> bool:
        return set(self.template.document["Outputs"]) <= state.outputs.keys()

    def _files(self, state: StackState) -> list[FileChange]:
        parameters, conditions = files.network_parameters(self.config, self.wish.stage, self.wish.choices)
        keys = files.master_keys(state.parameters)
        known = {"Stage": self.wish.stage, **keys, **parameters}
        conditions |= {"HasMasterKey": bool(keys["MasterKeyArn"])}
        conditions |= {"HasPreviousMasterKey": bool(keys["PreviousMasterKeyArn"])}
        values = values_of(self.template.document, state.outputs, known, state.id, conditions)
        return files.file_changes(
            self.wish.project, self.config, self.functions, self.wish.stage, values, self.wish.choices
        )

    def _told(self, plan: _Plan, written: list[FileChange], state: StackState) -> None:
        domain = self.wish.choices.domain or files.stored_domain(self.config, self.wish.stage)
        target = dns_target(self.account, domain.name) if domain is not None else None
        left = look(self.account, self.wish.project, self.wish.stage, [each.path.name for each in written])
        name = domain.name if domain is not None else None
        steps = next_steps(self.wish.stage, self.wish.project, left, name, target)
        views = [] if tuple(written) == plan.files else plan_views((), written, self.wish.project)
        document = {**place_document(self.place), "applied": not plan.is_empty or bool(written)}
        document |= plan_document(plan.changes, written, self.wish.project)
        document |= {"outputs": state.outputs, "dns_target": target, "next": steps, "warnings": left.warnings}
        warned = [Words(warning, "yellow") for warning in left.warnings]
        self.session.output.show(
            document, *views, outputs_view(state.outputs, name, target), *warned, *steps_view(steps)
        )


def make(session: Session, account: Account, stack: Stack, wish: Wish) -> None:
    """Make or change a stage.

    Raises
    ------
    CommandFailed
        If it cannot be done; it says why, what is left, and what to do.
    """
    check_stage(wish.stage)
    if sys.version_info[:2] not in PYTHONS:
        raise CommandFailed(
            "wrong_python", "Lambda runs what `chalice deploy` is run by: use Python 3.11, 3.12 or 3.13."
        )
    config, functions = files.read_config(wish.project), files.read_functions(wish.project)
    template = read_template(wish.project)
    chosen = read_parameters(wish.parameters, template)
    place = Place(wish.stage, stack.name, account.number(), account.region)
    refuse_elsewhere(wish.project, config, wish.stage, place.account, place.region)
    if wish.choices.domain is not None:
        check_certificate(account, wish.choices.domain)
    Maker(session, account, stack, place, template, config, functions, wish, chosen).run()
