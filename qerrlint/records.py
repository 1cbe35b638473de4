# SPDX-License-Identifier: GPL-2.0-or-later
"""record: the decorator of classes whose objects are never changed.

A class decorated with `@record(frozen=True, slots=True)` is a frozen dataclass for mypy, which refuses to set
its fields. When the program runs it is a plain one, for two reasons. The initialiser of a frozen dataclass
takes three times as long as a plain one, since it goes round its own `__setattr__` for each field. And there
are some 300 of these classes, which count at the start: to make a frozen one takes twice as long. For the
same reason the initialiser, comparison, hash and representation of a class are written when they are first
used; those of many classes never are.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(*, frozen, slots, order=False):
        """The decorator; `frozen` has to be True: it says what the type checker holds."""
        assert frozen
        if order:
            return dataclass(slots=slots, order=True, unsafe_hash=True)
        plain = dataclass(slots=slots, init=False, eq=False, repr=False)
        return lambda cls: _with_late_methods(plain(cls))

    def _with_late_methods(cls):
        """The class with methods that write themselves, but for those that it defines."""
        for name, write in _WRITERS.items():
            if name not in cls.__dict__:
                setattr(cls, name, _late(cls, name, write))
        return cls

    def _late(cls, name, write):
        """A method that at the first call is replaced by the one that `write` makes of the class's fields."""

        def method(self, *arguments, **named):
            written = write(cls)
            setattr(cls, name, written)
            return written(self, *arguments, **named)

        return method

    def _initialiser(cls):
        """What a dataclass would have, for fields with and without defaults."""
        scope = {"_MISSING": MISSING}
        parameters, lines = [], []
        for field in fields(cls):
            value = name = field.name
            if field.default is not MISSING:
                scope[f"_default_{name}"] = field.default
                parameters.append(f"{name}=_default_{name}")
            elif field.default_factory is not MISSING:
                scope[f"_make_{name}"] = field.default_factory
                parameters.append(f"{name}=_MISSING")
                value = f"_make_{name}() if {name} is _MISSING else {name}"
            else:
                parameters.append(name)
            lines.append(f" self.{name} = {value}")
        if hasattr(cls, "__post_init__"):
            lines.append(" self.__post_init__()")
        exec("\n".join((f"def __init__(self, {', '.join(parameters)}):", *lines, " return")), scope)
        return scope["__init__"]

    def _compared(cls, of):
        """The tuple of the fields that count in a comparison, as an expression."""
        return f"({''.join(f'{of}.{field.name},' for field in fields(cls) if field.compare)})"

    def _equality(cls):
        mine, other = _compared(cls, "self"), _compared(cls, "other")
        return eval(
            f"lambda self, other: {mine} == {other} if other.__class__ is self.__class__ else NotImplemented"
        )

    def _hash(cls):
        return eval(f"lambda self: hash({_compared(cls, 'self')})")

    def _representation(cls):
        names = [field.name for field in fields(cls) if field.repr]

        def represent(self):
            shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
            return f"{type(self).__qualname__}({shown})"

        return represent

    _WRITERS = {
        "__init__": _initialiser,
        "__eq__": _equality,
        "__hash__": _hash,
        "__repr__": _representation,
    }


__all__ = ["record"]
