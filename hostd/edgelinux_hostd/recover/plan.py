"""Decides what becomes of what was found: who each antlet is, and what is written where. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal
from uuid import UUID as Uuid
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from edgelinux_hostd.antlets.numbers import next_free, number_of_mac
from edgelinux_hostd.antlets.spec import AntletSpec
from edgelinux_hostd.errors import RefusedError
from edgelinux_hostd.recover.found import Existing, Found
from edgelinux_hostd.recover.rebuild import rebuild
from edgelinux_hostd.storage.base import JOB, KIND, NAME, NUMBER, UUID

__all__ = ["Action", "Plan", "plan_recovery"]


class Action(BaseModel):
    """One thing to do. `values`: rename: new; identify: the properties; specify: spec, damaged (true when the
    antlet.yaml that is there is kept aside); keep-pool: guid.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["rename", "identify", "specify", "keep-pool"]
    dataset: str
    values: dict[str, Any]


class Plan(BaseModel):
    """What is to be done, told to people in `lines`. With `collisions`, nothing is."""

    model_config = ConfigDict(frozen=True)

    actions: tuple[Action, ...] = ()
    lines: tuple[str, ...] = ()
    collisions: tuple[str, ...] = ()
    antlets: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuse what collides; raises RefusedError."""
        if self.collisions:
            raise RefusedError(
                f"nothing was recovered: {'; '.join(self.collisions)}",
                hint="--renumber gives them new names and numbers",
                items=self.collisions,
            )


class _Taken:
    """Names, numbers and uuids, each with who has it."""

    def __init__(self, existing: Sequence[Existing], found: Sequence[Found]) -> None:
        self.names = {one.name: one.dataset for one in existing}
        self.numbers = {one.number: one.dataset for one in existing}
        self.uuids = {one.uuid: one.dataset for one in existing}
        # What somebody among the found may keep is not given to another.
        self.wanted_names = {one.name for one in found}
        self.wanted_numbers = {one.number for one in found if one.number is not None}

    def new_name(self, name: str) -> str:
        for count in range(2, 1000):
            end = f"-{count}"
            new = name[: 63 - len(end)].rstrip("-") + end
            if new not in self.names and new not in self.wanted_names:
                return new
        raise RefusedError(f"there is no name left like {name}")

    def new_number(self) -> int:
        return next_free({*self.numbers, *self.wanted_numbers})

    def take(self, dataset: str, name: str, number: int, uuid: Uuid) -> None:
        self.names[name] = self.numbers[number] = self.uuids[uuid] = dataset


def plan_recovery(
    found: Sequence[Found],
    existing: Sequence[Existing],
    *,
    renumber: bool,
    new_uuid: Callable[[], Uuid] = uuid4,
) -> Plan:
    """Plan the recovery of what was found beside the antlets that exist.

    Identity comes from local properties, or from antlet.yaml where they are absent. What is neither is left
    alone. Who collides with an antlet that exists, or with one found before it, gets a new name, number or
    uuid, if `renumber`; else all is refused. Raises RefusedError when no number is left.
    """
    lines: list[str] = []
    actions: list[Action] = []
    collisions: list[str] = []
    antlets: list[str] = []
    candidates = []
    for one in sorted(found, key=lambda each: each.dataset):
        if reason := _left_alone(one, renumber=renumber):
            lines.append(f"{one.dataset}: left alone: {reason}")
        else:
            candidates.append(one)
    # One that exists and is only damaged does not collide with itself.
    again = {one.dataset for one in candidates}
    taken = _Taken([one for one in existing if one.dataset not in again], candidates)
    known = {one.dataset for one in existing}
    # Those that the host knows keep what they have.
    for one in sorted(candidates, key=lambda each: each.dataset not in known):
        name, number, uuid = one.name, one.number, one.uuid
        problems = []
        if name in taken.names:
            problems.append(f"name {name} is that of {taken.names[name]}")
            name = taken.new_name(name) if renumber else name
        if number is None or number in taken.numbers:
            if number is not None:
                problems.append(f"number {number} is that of {taken.numbers[number]}")
            number = taken.new_number() if renumber or number is None else number
        if uuid is None or uuid in taken.uuids:
            if uuid is not None:
                problems.append(f"uuid {uuid} is that of {taken.uuids[uuid]}")
            uuid = new_uuid()
        collisions += [f"{one.dataset}: {problem}" for problem in problems]
        taken.take(one.dataset, name, number, uuid)
        spec, notes = _specification(one, name, number, uuid)
        if spec is None:
            lines.append(f"{one.dataset}: left alone: {'; '.join(notes)}")
            continue
        actions += _actions(one, spec)
        antlets.append(name)
        changed = f", since its {', its '.join(problems)}" if problems else ""
        noted = f" ({'; '.join(notes)})" if notes else ""
        lines.append(f"{one.dataset}: antlet {name}, number {number}{changed}{noted}")
    if collisions and not renumber:
        return Plan(lines=tuple(lines), collisions=tuple(collisions))
    return Plan(actions=tuple(actions), lines=tuple(lines), antlets=tuple(antlets))


def _left_alone(one: Found, *, renumber: bool) -> str:
    if not one.is_antlet:
        kind = one.local.get(KIND)
        if JOB in one.local:
            return "it was being made or deleted when its host stopped"
        return f"it is a {kind}" if kind else "neither properties nor antlet.yaml say that it is an antlet"
    if not one.mounted:
        return one.problem
    if not one.name:
        return "its name cannot be an antlet's"
    if one.number is None and not renumber:
        return "its number is not known, --renumber gives it a new one"
    return ""


def _specification(
    one: Found, name: str, number: int, uuid: Uuid
) -> tuple[AntletSpec | None, tuple[str, ...]]:
    identity = {"name": name, "number": number, "uuid": uuid}
    notes: tuple[str, ...] = ()
    if one.spec is not None:
        spec: AntletSpec | None = one.spec.model_copy(update=identity)
    else:
        spec, notes = rebuild(identity, one.text, one.xml, one.template, one.directories)
        notes = (f"{one.problem}: written anew", *notes)
    if spec is None:
        return None, notes
    # The MACs of the one that this is a copy of cannot stay, nor can one that came from the number it had.
    copy, moved = one.uuid not in (None, uuid), one.number != number
    nics = tuple(
        nic.model_copy(update={"mac": None})
        if nic.mac and (copy or (moved and number_of_mac(nic.mac) is not None))
        else nic
        for nic in spec.nics
    )
    return spec.model_copy(update={"nics": nics}), notes


def _actions(one: Found, spec: AntletSpec) -> list[Action]:
    dataset, found = one.dataset, []
    new = f"{dataset.rpartition('/')[0]}/{spec.name}"
    if new != dataset:
        found.append(Action(kind="rename", dataset=dataset, values={"new": new}))
    wanted = {KIND: "antlet", NAME: spec.name, NUMBER: str(spec.number), UUID: str(spec.uuid)}
    if any(one.local.get(key) != value for key, value in wanted.items()):
        found.append(Action(kind="identify", dataset=new, values=wanted))
    if spec != one.spec:
        damaged = one.spec is None and one.text is not None
        values = {"spec": spec.model_dump(mode="json"), "damaged": damaged}
        found.append(Action(kind="specify", dataset=new, values=values))
    return found
