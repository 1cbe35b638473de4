# SPDX-License-Identifier: GPL-2.0-or-later
"""record: a class made by it is what a frozen dataclass would be, but for the freezing."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, field, fields, replace

import pytest

from qerrlint.records import record


@record(frozen=True, slots=True)
class Peg:
    """A record with fields of each kind."""

    name: str
    size: int = 3
    holes: list[int] = field(default_factory=list)
    note: str = field(default="", compare=False, repr=False)

    @property
    def long(self) -> bool:
        return self.size > 3


@record(frozen=True, slots=True)
class Spike(Peg):
    """A record with the fields of another and one more."""

    sharp: bool = False


@record(frozen=True, slots=True)
class Knob:
    """A record with methods of its own."""

    name: str

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a knob without a name")

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Knob) and self.name.lower() == other.name.lower()

    def __hash__(self) -> int:
        return hash(self.name.lower())


@record(frozen=True, slots=True, order=True)
class Place:
    """A record with an order."""

    line: int
    column: int = 0


@dataclass(frozen=True)
class Plain:
    name: str
    size: int = 3
    sharp: bool = False


def test_fields_and_their_defaults() -> None:
    one, other = Peg("a"), Peg("a")
    assert (one.name, one.size, one.holes, one.note) == ("a", 3, [], "")
    assert one.holes is not other.holes
    given = [1]
    assert Peg("a", 5, holes=given).holes is given
    assert [one.name for one in fields(Spike)] == ["name", "size", "holes", "note", "sharp"]  # type: ignore[arg-type, unused-ignore]
    assert Spike("a", 1, [], "", True).sharp
    assert not hasattr(one, "__dict__")


@pytest.mark.parametrize("arguments", [(), ("a", 1, [], "", True)])
def test_wrong_arguments_are_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError):
        Peg(*arguments)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Peg("a", colour="red")  # type: ignore[call-arg]


def test_comparison_and_hash() -> None:
    assert Peg("a", note="x") == Peg("a", note="y")
    assert Peg("a") != Peg("b")
    text: object = "a"
    assert Peg("a") != text
    assert Peg("a") != Spike("a")
    assert Spike("a") == Spike("a") != Spike("a", sharp=True)
    assert len({Place(1), Place(1), Place(2)}) == 2
    assert hash(Place(1)) == hash(Place(1, 0))
    with pytest.raises(TypeError):
        hash(Peg("a"))


def test_hash_before_and_after_it_is_written() -> None:
    @record(frozen=True, slots=True)
    class Rod:
        a: int
        b: str

    first = {Rod(1, "x")}
    assert Rod(1, "x") in first
    assert Rod(1, "y") not in first


def test_representation() -> None:
    assert repr(Peg("a")) == "Peg(name='a', size=3, holes=[])"
    assert repr(Spike("a", sharp=True)) == "Spike(name='a', size=3, holes=[], sharp=True)"
    assert repr(Plain("a")) == "Plain(name='a', size=3, sharp=False)"


def test_own_methods_stay() -> None:
    assert Knob("A") == Knob("a")
    assert hash(Knob("A")) == hash(Knob("a"))
    assert repr(Knob("A")) == "<A>"
    with pytest.raises(ValueError, match="without a name"):
        Knob("")


def test_order() -> None:
    assert Place(1, 2) < Place(2) < Place(2, 1)
    assert max(Place(1), Place(3), Place(2)) == Place(3)


def test_copies() -> None:
    one = Spike("a", 4, [1], "n", sharp=True)
    for again in (replace(one), copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert again == one
        assert again.note == "n"
    assert replace(one, size=9).size == 9
    assert one.long
