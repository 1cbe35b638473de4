# SPDX-License-Identifier: GPL-2.0-or-later
"""What one file finds out about others beside their prototypes, with random edits of that.

Bodies of functions wherever they lie, types of variables, structs and types that only another file sees,
schemas, registrations, old interfaces.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from commandline import TREE

ERROR_H = (TREE / "include/qapi/error.h").read_text()
HEADER = "include/hw/mint/coin.h"
USER = "hw/coin/coin.c"
# The body of a function: new memory, or what somebody else keeps.
MADE, KEPT = "g_new0(Coin, 1)", "mint_kept"
# Where the functions of the header may be defined: in its own C file, in one beside it, or in the one that
# has the name of the function.
OWN, BESIDE, NAMED = "hw/mint/coin.c", ("hw/mint/stamp.c", "hw/mint/assay.c"), "hw/tools/mint-press.c"
_BLOCK = (
    "static Error *reason;\n\nint block_{0}(Error **errp)\n{{\n"
    '    error_setg(&reason, "no");\n    return migrate_add_blocker_modes(&reason, {1}, errp);\n}}\n'
)
# The migration modes that a file registers for, or only names.
_ONE, _TWO = "BIT(MIG_MODE_CPR_TRANSFER)", "BIT(MIG_MODE_CPR_EXEC)"
MODES = {
    "": "int press_is_idle;\n",
    "named": "static const int known[] = { MIG_MODE_CPR_TRANSFER, MIG_MODE_CPR_EXEC };\n",
    "one": _BLOCK.format("press", _ONE),
    "both": _BLOCK.format("press", f"{_ONE} | {_TWO}"),
}


@dataclass
class Mints:
    """The files; `draw` decides all."""

    draw: random.Random
    own: str = MADE
    beside: dict[str, str] = field(default_factory=lambda: {BESIDE[0]: MADE})
    named: str = MADE
    other_text: int = 0
    toss: str = "bool"
    side: str = "bool"
    rim: str = "bool"
    rim_is: str = "h"
    press_made: str = "table"
    press_seen: bool = False
    made_size: str = "Made"
    bad: int = -1
    main: str = "MintOps"
    gate: str = "MintOps"
    hall: str = "MintOps"
    faces: str = "    uint32_t faces[8];\n"
    weigh: str = "c->side = n"
    weigh_at: str = OWN
    casts: str = "CoinState"
    press: str = "PressState"
    press_name: str = "TYPE_PRESS"
    press_struct: str = "struct"
    press_includes: str = "hw/tools/press.h"
    result: str = "'str'"
    arguments: str = "{ 'times': 'int', '*side': 'str' }"
    flip_members: str = "'times': 'int', '*side': 'str'"
    kind: str = "CoinKind"
    modes: str = "named"
    guard: str = "ERRP_GUARD"
    version: str = "9.2.50"
    visitor: str = "bool"
    blocker: str = ""

    def edits(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """One edit of each kind, with its name."""

        def attribute(key: str, *values: object) -> Callable[[], None]:
            # Most edits show where all else is as at first.
            likely = (*(values[0] for _ in values), *values[1:])
            return lambda: setattr(self, key, self.draw.choice(likely))

        yield "body in the header's file", attribute("own", MADE, KEPT)
        place = self.draw.choice(BESIDE)
        yield "body beside", lambda: self.beside.__setitem__(place, self.draw.choice((MADE, KEPT, "")))
        yield "body beside gone", lambda: self.beside.pop(place, None)
        yield "body in the file of its name", attribute("named", MADE, KEPT, "")
        yield "text beside bodies", attribute("other_text", 0, 1, 2)
        yield "what a callee keeps", attribute("weigh", "c->side = n", "mint_kept = c")
        yield "where a callee is", attribute("weigh_at", OWN, "", "", *BESIDE)
        yield "result of a function", attribute("toss", "bool", "int")
        yield "function of an included part", attribute("side", "bool", "int")
        yield "function of an included C file", attribute("rim", "bool", "int")
        yield "what is included", attribute("rim_is", "h", "c", "c.inc")
        yield "type by a macro", attribute("press_made", "table", "macro")
        yield "type is seen", attribute("press_seen", False, True)
        yield "macro of a type", attribute("made_size", "Made", "DeviceState")
        yield "value of a constant", attribute("bad", -1, 0)
        yield "variable", attribute("main", "MintOps", "MintBad")
        yield "member of an unknown struct", attribute("gate", "MintOps", "MintBad")
        yield "member", attribute("hall", "MintOps", "MintBad")
        yield "members", attribute("faces", "    uint32_t faces[8];\n", "")
        yield "casts", attribute("casts", "CoinState", "CoinBase")
        yield "size of a type elsewhere", attribute("press", "PressState", "DeviceState")
        yield "name of a type elsewhere", attribute("press_name", "TYPE_PRESS", "TYPE_PUNCH")
        yield "struct elsewhere", attribute("press_struct", "struct", "typedef")
        yield "include elsewhere", attribute("press_includes", "hw/tools/press.h", "hw/tools/punch.h")
        yield "result of a command", attribute("result", "'str'", "'int'", "")
        yield "arguments of a command", attribute("arguments", "{ 'times': 'int', '*side': 'str' }", "'Flip'")
        yield (
            "struct of arguments",
            attribute("flip_members", "'times': 'int', '*side': 'str'", "'n': 'int'", ""),
        )
        yield "enum of a list", attribute("kind", "CoinKind", "CoinSort")
        yield "modes", attribute("modes", "named", "both", "one", "")
        yield "guard", attribute("guard", "ERRP_GUARD", "ERRP_AUTO_PROPAGATE")
        yield "version", attribute("version", "9.2.50", "6.1.0")
        yield "visitors", attribute("visitor", "bool", "void", "")
        yield "blockers", attribute("blocker", "", "Error **reasonp", "Error *reason")

    def files(self) -> dict[str, str]:
        """The files as they are now."""
        out = {HEADER: self._header(), USER: self._user(), OWN: _body("mint_new", self.own, self.other_text)}
        for path, body in self.beside.items():
            out[path] = _body("stamp_new", body, self.other_text)
        if self.weigh_at:
            out.setdefault(self.weigh_at, '#include "hw/mint/coin.h"\n\n')
            out[self.weigh_at] += f"void coin_weigh(Coin *c, int n)\n{{\n    {self.weigh};\n}}\n"
        if self.named:
            out[NAMED] = _body("mint_press_new", self.named, self.other_text)
        out["include/hw/mint/base.h"] = (
            "typedef struct Object {\n    int refs;\n} Object;\n"
            "typedef struct DeviceState {\n    Object parent_obj;\n    int id;\n} DeviceState;\n"
        )
        for name, struct in (("press", self.press_struct), ("punch", "struct")):
            out[f"include/hw/tools/{name}.h"] = _press_header(struct)
        out["hw/tools/press.c"] = self._press()
        out["include/qom/made.h"] = (
            "#define OBJECT_DEFINE_TYPE(Made, made, MADE, PARENT) \\\n"
            "    static const TypeInfo made##_info = { \\\n"
            "        .name = TYPE_##MADE, .parent = TYPE_##PARENT, \\\n"
            f"        .instance_size = sizeof({self.made_size}), \\\n    }};\n"
        )
        out["include/hw/tools/press-type.h"] = '#define TYPE_PRESS "press"\n'
        out["hw/coin/side.c.inc"] = f"static {self.side} coin_side(int n, Error **errp);\n"
        out[f"hw/coin/rim.{self.rim_is}"] = f"static {self.rim} coin_rim(int n, Error **errp);\n"
        out["ui/press.c"] = MODES[self.modes]
        returns = f", 'returns': {self.result}" if self.result else ""
        out["qapi/coin.json"] = (
            f"{{ 'enum': '{self.kind}', 'data': [ 'copper', 'gold' ] }}\n"
            f"{{ 'command': 'coin-flip', 'data': {self.arguments}{returns} }}\n"
        )
        out["qapi/side.json"] = "{ 'enum': 'CoinSide', 'data': [ 'head', 'tail' ] }\n"
        if self.flip_members:
            out["qapi/side.json"] += f"{{ 'struct': 'Flip', 'data': {{ {self.flip_members} }} }}\n"
        out["include/qapi/visitor.h"] = (
            f"{self.visitor} visit_start_struct(Visitor *v, const char *name, Error **errp);\n"
            if self.visitor
            else "typedef struct Visitor Visitor;\n"
        )
        if self.blocker:
            out["include/migration/blocker.h"] = f"int migrate_add_blocker({self.blocker}, Error **errp);\n"
        out["include/qapi/error.h"] = ERROR_H.replace("ERRP_GUARD", self.guard)
        out["VERSION"] = f"{self.version}\n"
        return out

    def _press(self) -> str:
        text = f'#include "{self.press_includes}"\n#include "qom/made.h"\n\n'
        if self.press_made == "macro" and self.press_name == "TYPE_PRESS":
            return f"{text}OBJECT_DEFINE_TYPE({self.press}, press, PRESS, DEVICE)\n"
        return text + (
            f"static const TypeInfo press_info = {{\n    .name = {self.press_name},\n"
            f"    .parent = TYPE_DEVICE,\n    .instance_size = sizeof({self.press}),\n}};\n"
        )

    def _header(self) -> str:
        return (
            '#include "hw/mint/base.h"\n#include "qapi/error.h"\n#define TYPE_COIN "coin"\n'
            "typedef struct CoinBase {\n    DeviceState parent_obj;\n    int weight;\n} CoinBase;\n"
            f"typedef struct CoinState {{\n    CoinBase parent_obj;\n{self.faces}"
            "} CoinState;\n"
            "typedef struct TokenState {\n    DeviceState parent_obj;\n    Error *reason;\n} TokenState;\n"
            f"DECLARE_INSTANCE_CHECKER({self.casts}, COIN, TYPE_COIN)\n"
            "typedef struct MintOps {\n    bool (*strike)(int n, Error **errp);\n} MintOps;\n"
            "typedef struct MintBad {\n    int (*strike)(int n, Error **errp);\n} MintBad;\n"
            f"extern {self.main} *mint_main;\n"
            f"typedef struct MintHall {{\n    {self.hall} *ops;\n}} MintHall;\n"
            f"typedef struct MintGate {{\n    {'bool' if self.gate == 'MintOps' else 'int'} "
            "(*swing)(int n, Error **errp);\n} MintGate;\n"
            "typedef struct Coin {\n    int side;\n} Coin;\nextern Coin *mint_kept;\n"
            "Coin *mint_new(int n);\nCoin *stamp_new(int n);\nCoin *mint_press_new(int n);\n"
            "void coin_weigh(Coin *c, int n);\nCoinKindList *coin_kinds(Error **errp);\n"
            f"bool coin_guarded(int n, Error **errp);\n{self.toss} coin_toss(int n, Error **errp);\n"
            f"enum {{\n    COIN_BAD = {self.bad},\n}};\n"
        )

    def _user(self) -> str:
        text = '#include "hw/mint/coin.h"\n#include "qapi/qapi-commands-coin.h"\n'
        text += '#include "hw/tools/press-type.h"\n' if self.press_seen else ""
        text += f'#include "side.c.inc"\n#include "rim.{self.rim_is}"\n\n'
        for name in ("mint_new", "stamp_new", "mint_press_new"):
            text += (
                f"int use_{name}(int n)\n{{\n    Coin *c = {name}(n);\n\n    coin_weigh(c, n);\n"
                "    return n > 3;\n}\n\n"
            )
        text += (
            'int use_bad(int n, Error **errp)\n{\n    error_setg(errp, "no");\n    return COIN_BAD;\n}\n\n'
        )
        calls = {"main": "mint_main->strike", "gate": "mint_open(n)->swing", "toss": "coin_toss"}
        calls |= {"side": "coin_side", "rim": "coin_rim"}
        for name, call in calls.items():
            text += f"bool use_{name}(int n, Error **errp)\n{{\n    return {call}(n, errp);\n}}\n\n"
        text += (
            "bool use_hall(MintHall *hall, Error **errp)\n{\n    return hall->ops->strike(1, errp);\n}\n\n"
        )
        for name, call in (
            ("flip", "qmp_coin_flip(n, NULL, errp)"),
            ("visit", "visit_type_CoinSide(v, NULL, &n, errp)"),
        ):
            text += (
                f"bool use_{name}(int n, Error **errp)\n{{\n    if (!{call}) {{\n        return false;\n"
                "    }\n    return true;\n}\n\n"
            )
        text += (
            "bool use_kinds(int n, Error **errp)\n{\n    Error *err = NULL;\n\n"
            "    if (!coin_kinds(&err)) {\n        error_report_err(err);\n    }\n    return true;\n}\n\n"
            "void use_guard(int n, Error **errp)\n{\n    coin_guarded(n, errp);\n    if (*errp) {\n"
            "        return;\n    }\n}\n\n"
            "static void coin_make(Object *obj)\n{\n    CoinState *s = mint_state(obj);\n\n"
            "    object_initialize(&s->parent_obj, sizeof(s->parent_obj), TYPE_COIN);\n}\n\n"
            "static void token_realize(DeviceState *dev, Error **errp)\n{\n"
            "    TokenState *s = token_state(dev);\n\n"
            '    error_setg(&s->reason, "no");\n    if (migrate_add_blocker(s->reason, errp) < 0) {\n'
            "        return;\n    }\n}\n\n"
            "static void token_finalize(Object *obj)\n{\n    TokenState *s = token_state(obj);\n\n"
            "    migrate_del_blocker(s->reason);\n}\n\n"
            "static void token_class_init(ObjectClass *oc, const void *data)\n{\n"
            "    DEVICE_CLASS(oc)->realize = token_realize;\n}\n\n"
        )
        text += _BLOCK.format("coin", _ONE)
        ends = "    .instance_finalize = token_finalize,\n    .class_init = token_class_init,\n"
        for name, kind, parent, size, more in (
            ("coin", "TYPE_COIN", "TYPE_DEVICE", "CoinBase", ""),
            ("token", '"token"', "TYPE_PRESS", "TokenState", ends),
        ):
            text += (
                f"static const TypeInfo {name}_info = {{\n    .name = {kind},\n    .parent = {parent},\n"
                f"    .instance_size = sizeof({size}),\n    .instance_init = coin_make,\n"
                f"{more}}};\n\n"
            )
        return text


def _press_header(struct: str) -> str:
    text = '#include "hw/mint/base.h"\n'
    if struct == "typedef":
        return f"{text}typedef DeviceState PressState;\n"
    return (
        f"{text}typedef struct PressState {{\n    DeviceState parent_obj;\n    int force;\n"
        "    char *plate;\n} PressState;\n"
    )


def _body(name: str, body: str, other: int) -> str:
    text = '#include "hw/mint/coin.h"\n\n' + "static int polish;\n" * other
    if body:
        text += f"Coin *{name}(int n)\n{{\n    Coin *made = {body};\n\n    return made;\n}}\n"
    return text
