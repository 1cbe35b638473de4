# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions that fail without an Error, and their callers in other files, with random edits of both."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

DEFINING = "hw/knell/strike.c"
CALLERS = ("hw/knell/tower.c", "hw/knell/carillon.c", "ui/knell.c")
HEADER = "include/hw/knell/strike.h"
# What a caller does; {n} is one of the functions, {h} one of the helpers of its file, @ the end of a line.
USES = """
    Error *err = NULL; strike_{n}(g, &err); if (err) {{ tell_{h}(err); return false; }} return true;
    Error *err = NULL; if (!strike_{n}(g, &err)) {{ tell_{h}(err); return false; }} return true;
    if (!strike_{n}(g, errp)) {{ return false; }} return true;
    strike_{n}(g, errp); return true;
    return strike_{n}(g, errp);
    strike_{n}(g, &error_abort); return true;
    if (!g->blows->strike_{n}(g, errp)) {{ return false; }} return true;
    Error *err = NULL; g->blows->strike_{n}(g, &err); if (err) {{ tell_{h}(err); }} return !err;
    Error *err = NULL; if (!strike_{n}(g, &err)) {{ goto no; }} return true;@no:@    tell_{h}(err); return 0;
    Error *err = NULL; strike_{n}(g, &err); tell_{h}(err); if (err) {{ return false; }} return true;
    return g->tongue > {h};
""".strip("\n").splitlines()
HELPS = (
    "error_report_err(err);",
    "error_free(err);",
    "if (err) { error_free(err); }",
    "note_knell(err);",
    "error_report_err(err); exit(1);",
    "exit(1);",
    "tell_1(err);",
)
# The modes that a file blocks; of the last it only knows the names.
MODES = (
    "",
    "MIG_MODE_CPR_TRANSFER",
    "MIG_MODE_CPR_TRANSFER) | BIT(MIG_MODE_CPR_EXEC",
    "MIG_MODE_CPR_EXEC",
    "-",
)


@dataclass
class CallersFile:
    """A file with callers: what they and its helpers do, and what stands between them."""

    bodies: list[str] = field(default_factory=list)
    helps: list[str] = field(default_factory=list)
    comments: int = 0
    word_in_comment: bool = False
    variable: str = "int"
    result: str = "bool"
    table: int = -1
    modes: str = ""


@dataclass
class Callers:
    """The files; `draw` decides all."""

    draw: random.Random
    files_of_callers: dict[str, CallersFile] = field(default_factory=dict)
    silent: list[bool] = field(default_factory=lambda: [True, True, False])
    stored: list[bool] = field(default_factory=lambda: [True, False, False])
    results: str = "bool"

    def begin(self) -> Callers:
        for path in CALLERS:
            self.files_of_callers[path] = self.file()
        return self

    def use(self) -> str:
        text = self.draw.choice(USES).replace("@", "\n")
        return text.format(n=self.draw.randrange(3), h=self.draw.randrange(2))

    def file(self) -> CallersFile:
        return CallersFile([self.use() for _ in range(3)], [self.draw.choice(HELPS) for _ in range(2)])

    def edits(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """One edit of each kind, with its name."""
        draw = self.draw
        path = draw.choice(CALLERS)
        file = self.files_of_callers.setdefault(path, self.file())
        place, number = draw.randrange(3), draw.randrange(3)
        yield "caller", lambda: file.bodies.__setitem__(place, self.use())
        yield "another caller", lambda: file.bodies.__setitem__((place + 1) % 3, self.use())
        yield "helper", lambda: file.helps.__setitem__(place % 2, draw.choice(HELPS))
        yield "comment between", lambda: setattr(file, "comments", draw.randrange(4))
        yield "word in a comment", lambda: setattr(file, "word_in_comment", not file.word_in_comment)
        yield "variable", lambda: setattr(file, "variable", draw.choice(("int", "Error *", "bool")))
        yield "result of callers", lambda: setattr(file, "result", draw.choice(("bool", "int", "void")))
        yield "table", lambda: setattr(file, "table", draw.randrange(-1, 3))
        yield "modes", lambda: setattr(file, "modes", draw.choice(MODES))
        yield "callers gone", lambda: self.files_of_callers.pop(path)
        yield "silent", lambda: self.silent.__setitem__(number, not self.silent[number])
        yield "stored", lambda: self.stored.__setitem__(number, not self.stored[number])
        yield "result", lambda: setattr(self, "results", draw.choice(("bool", "int")))

    def files(self) -> dict[str, str]:
        """The files as they are now."""
        out = {path: self._callers(path, file) for path, file in self.files_of_callers.items()}
        return {**out, HEADER: self._header(), DEFINING: self._defining()}

    def _header(self) -> str:
        functions = "".join(f"{self.results} strike_{n}(Knell *g, Error **errp);\n" for n in range(3))
        members = "".join(f"    {self.results} (*strike_{n})(Knell *g, Error **errp);\n" for n in range(3))
        return (
            '#include "qapi/error.h"\ntypedef struct Knell Knell;\n'
            f"typedef struct KnellBlows {{\n{members}}} KnellBlows;\n"
            f"struct Knell {{\n    int tongue;\n    KnellBlows *blows;\n}};\n{functions}"
            "void note_knell(Error *err);\n"
        )

    def _defining(self) -> str:
        failing = "false" if self.results == "bool" else "-EINVAL"
        good = "true" if self.results == "bool" else "0"
        text = '#include "hw/knell/strike.h"\n\n'
        for number, silent in enumerate(self.silent):
            told = "" if silent else '        error_setg(errp, "cracked");\n'
            text += (
                f"{self.results} strike_{number}(Knell *g, Error **errp)\n{{\n"
                f"    if (g->tongue < {number}) {{\n{told}        return {failing};\n    }}\n"
                '    if (g->tongue > 7) {\n        error_setg(errp, "no");\n'
                f"        return {failing};\n    }}\n    return {good};\n}}\n\n"
            )
        rows = "".join(f"    .strike_{n} = strike_{n},\n" for n, stored in enumerate(self.stored) if stored)
        return f"{text}static const KnellBlows blows = {{\n{rows}}};\n"

    def _callers(self, path: str, file: CallersFile) -> str:
        stem = path.removesuffix(".c").replace("/", "_")
        text = '#include "hw/knell/strike.h"\n\n' + f"static {file.variable} err;\n\n"
        for number, body in enumerate(file.helps):
            text += f"static void tell_{number}(Error *err)\n{{\n    {body}\n}}\n\n"
        for number, body in enumerate(file.bodies):
            text += "/* once more */\n" * file.comments
            text += "/* (strike_0) */\n" if file.word_in_comment else ""
            text += f"{file.result} {stem}_{number}(Knell *g, Error **errp)\n{{\n{body}\n}}\n\n"
        if file.table >= 0:
            text += f"static const KnellBlows own = {{\n    .strike_{file.table} = {stem}_1,\n}};\n"
        if file.modes == "-":
            text += "static const int known[] = { MIG_MODE_CPR_TRANSFER, MIG_MODE_CPR_EXEC };\n"
        elif file.modes:
            text += (
                "static Error *reason;\n\nstatic int block(Error **errp)\n{\n"
                f"    return migrate_add_blocker_modes(&reason, BIT({file.modes}), errp);\n}}\n"
            )
        return text
