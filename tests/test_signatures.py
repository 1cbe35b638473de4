# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of model/include_graph.py and model/environment.py: the declarations that a file sees."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import pytest

from qerrlint.errors import UsageError
from qerrlint.model.environment import Environment
from qerrlint.model.include_graph import DeclarationCache
from qerrlint.model.qapi_schema import generated_signature

BLOCKERS = {
    "to-8.1": b"int migrate_add_blocker(Error *reason, Error **errp);\n",
    "8.2-to-10.1": b"int migrate_add_blocker(Error **reasonp, Error **errp);\n"
    b"int migrate_add_blocker_modes(Error **reasonp, Error **errp,\n"
    b"                              MigMode mode, ...);\n",
    "10.2-on": b"int migrate_add_blocker_modes(Error **reasonp, unsigned modes, Error **errp);\n",
}

TREE = {
    "include/qapi/error.h": b"#define ERRP_GUARD() g_auto(X) y\nvoid error_free(Error *err);\n",
    "include/qapi/visitor.h": b"bool visit_start_struct(Visitor *v, void **obj, Error **errp);\n",
    "include/migration/blocker.h": BLOCKERS["10.2-on"],
    "include/migration/misc.h": b"""\
#include "qemu/notify.h"
typedef enum MigrationEventType {
    MIG_EVENT_SETUP,
    MIG_EVENT_DONE,
    MIG_EVENT_MAX
} MigrationEventType;
typedef int (*MigrationNotifyFunc)(NotifierWithReturn *n, MigrationEvent *e, Error **errp);
""",
    "include/qemu/notify.h": b"typedef struct NotifierWithReturn NotifierWithReturn;\n",
    "include/hw/relay.h": b"""\
#include "migration/misc.h"
typedef struct RelayState RelayState;
struct RelayState {
    Error *blocker;
    NotifierWithReturn cpr_notifier;
    MigrationNotifyFunc notify;
    bool (*start)(RelayState *s, Error **errp);
};
typedef RelayState Relay;
typedef int relay_status;
bool relay_start(RelayState *s, Error **errp);
""",
    "include/hw/gate.h": b"""\
struct Gate {
    bool (*start)(struct Gate *g, Error **errp);
    int (*stop)(struct Gate *g);
};
struct Door {
    void (*stop)(struct Door *d, int how);
};
""",
    "hw/misc/relay.c": b"""\
#include "qemu/osdep.h"
#include <stdio.h>
#include "hw/relay.h"
#include "hw/gate.h"
#include "relay_internal.h"
#include "kvm_relay.h"
#define relay_fail(errp, fmt, ...) error_setg(errp, fmt, ## __VA_ARGS__)
static relay_status relay_probe(int fd, Error **errp)
{
    return 0;
}
static int shared(int a)
{
    s->notify = relay_probe;
    return 0;
}
""",
    "hw/misc/relay_internal.h": b"void relay_reset(RelayState *s);\n",
    "target/arm/kvm_relay.h": b"int kvm_relay_attach(int fd, Error **errp);\n",
    "target/arm/cpu.h": b"int which_cpu(void);\n",
    "target/ppc/cpu.h": b"int which_cpu(int n);\n",
    "hw/other/other.c": b"static int shared(int a, int b)\n{\n}\nint far_away(Error **errp)\n{\n}\n"
    b"static void hidden(Error **errp)\n{\n}\n"
    b"static Ops ops = {\n    .notify = far_away,\n    .size = nothing,\n};\n",
    "tests/unit/t.c": b"int only_in_tests(Error **errp)\n{\n}\n",
    "qapi/migration.json": b"{ 'enum': 'MigMode',\n  'data': [ 'normal', 'cpr-reboot', 'cpr-exec' ] }\n"
    b"{ 'struct': 'Channel', 'data': {} }\n{ 'command': 'x-relay-now' }\n",
}
FILE = "hw/misc/relay.c"


class Files:
    """A tree out of a mapping; counts what is read."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.reads: list[str] = []

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def paths(self) -> Sequence[str]:
        return sorted(self.files)

    def exists(self, path: str) -> bool:
        return path in self.files

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        for path in paths:
            if path in self.files:
                self.reads.append(path)
                yield path, self.files[path]

    def known_id(self, path: str) -> str | None:
        data = self.files.get(path)
        return None if data is None else hashlib.sha256(data).hexdigest()


@pytest.fixture(name="environment")
def _world() -> Environment:
    return Environment(Files(TREE), "headers")


@pytest.fixture(name="tree")
def _tree() -> Environment:
    return Environment(Files(TREE), "tree")


def test_own_file_then_includes(environment: Environment) -> None:
    own, included = environment.signature("relay_probe", FILE), environment.signature("relay_start", FILE)
    assert own is not None
    assert own.path == FILE
    assert included is not None
    assert (included.path, included.errp) == ("include/hw/relay.h", 1)
    beside = environment.signature("relay_reset", FILE)
    assert beside is not None
    assert beside.path == "hw/misc/relay_internal.h"


def test_includes_are_resolved_like_the_build_does(environment: Environment) -> None:
    files = environment.files
    assert files.resolve("relay_internal.h", FILE) == "hw/misc/relay_internal.h"
    assert files.resolve("kvm_relay.h", FILE) == "target/arm/kvm_relay.h"
    assert files.resolve("cpu.h", FILE) is None, "two targets have one: neither is taken"
    assert files.resolve("cpu.h", "hw/arm/board.c") == "target/arm/cpu.h"
    assert files.resolve("../../etc/passwd", "a.c") is None
    assert files.resolve("target/ppc/cpu.h", FILE) == "target/ppc/cpu.h"
    assert next(iter(files.reached(FILE))) == FILE
    assert "include/qemu/notify.h" in files.reached(FILE)


def test_reach(environment: Environment, tree: Environment) -> None:
    assert environment.signature("far_away", FILE) is None
    found = tree.signature("far_away", FILE)
    assert found is not None
    assert (found.path, found.errp) == ("hw/other/other.c", 0)
    assert tree.signature("hidden", FILE) is None, "static in another file"
    assert tree.signature("only_in_tests", FILE) is None
    shared = tree.signature("shared", "hw/other/other.c")
    assert shared is not None
    assert len(shared.params) == 2
    with pytest.raises(UsageError, match="galaxy: no reach"):
        Environment(None, "galaxy")


def test_contracts_come_last_and_fit_the_age(environment: Environment) -> None:
    setg = environment.signature("error_setg", FILE)
    assert setg is not None
    assert (setg.path, setg.errp, setg.variadic) == (None, 0, True)
    for age, text in BLOCKERS.items():
        one = Environment(Files({**TREE, "include/migration/blocker.h": text}))
        assert one.age == age
    modes = Environment(Files({"include/migration/blocker.h": BLOCKERS["8.2-to-10.1"]}))
    assert modes.signature("migrate_add_blocker_modes", "x.c") == modes.api.contract(
        "migrate_add_blocker_modes", "8.2-to-10.1"
    )


def test_patch_reach_sees_the_file_and_the_contracts() -> None:
    environment = Environment(Files({FILE: TREE[FILE]}), "patch")
    assert environment.signature("relay_probe", FILE) is not None
    assert environment.signature("relay_start", FILE) is None
    assert environment.signature("migrate_add_blocker_modes", FILE) is not None
    assert environment.age == "10.2-on"
    assert environment.mig_modes()[-1] == ("MIG_MODE_CPR_EXEC", 3)
    assert environment.mig_events()[0] == "MIG_EVENT_SETUP"
    assert environment.has_guard_macro() == "ERRP_GUARD"
    assert Environment(None, "patch").signature("error_free", "x.c") is not None


def test_types(environment: Environment) -> None:
    types = {member.name: member.type for member in environment.members("RelayState", FILE)}
    assert types["blocker"] == "Error *"
    assert types["cpr_notifier"] == "NotifierWithReturn"
    for other in ("struct RelayState", "Relay"):
        assert environment.members(other, FILE) == environment.members("RelayState", FILE), (
            "through two typedefs"
        )
    assert environment.members("Absent", FILE) == ()
    probe = environment.signature("relay_probe", FILE)
    assert probe is not None
    assert environment.result_kind(probe, FILE) == "int"
    mode = environment.typedef("MigMode", FILE)
    assert mode is not None
    assert mode.kind == "enum"
    assert environment.typedef("ChannelList", FILE) is not None
    assert environment.typedef("Absent", FILE) is None


def test_function_pointers(environment: Environment) -> None:
    callback = environment.callback_signature("MigrationNotifyFunc", FILE)
    assert callback is not None
    assert callback.errp == 2
    start, notify = (environment.pointer_signature(n, FILE) for n in ("start", "notify"))
    assert start is not None
    assert (start.returns, start.errp) == ("bool", 1), "two structs agree"
    assert notify is not None
    assert notify.errp == 2, "through the member's typedef"
    assert environment.pointer_signature("stop", FILE) is None, "two structs differ"


def test_macro(environment: Environment) -> None:
    found = environment.macro("relay_fail", FILE)
    assert found is not None
    assert found.body.startswith("error_setg(errp")
    assert environment.macro("absent", FILE) is None


def test_modes_events_and_guard(environment: Environment) -> None:
    assert environment.mig_modes() == (
        ("MIG_MODE_NORMAL", 0),
        ("MIG_MODE_CPR_REBOOT", 1),
        ("MIG_MODE_CPR_EXEC", 2),
    )
    assert environment.mig_events() == ("MIG_EVENT_SETUP", "MIG_EVENT_DONE")
    assert environment.has_guard_macro() == "ERRP_GUARD"
    assert environment.enum_constants("MigMode", FILE)[-1] == ("MIG_MODE__MAX", 3)
    assert environment.enum_constants("MigrationEventType", FILE)[1] == ("MIG_EVENT_DONE", 1)
    assert environment.enum_constants("Absent", FILE) == ()
    old = Environment(Files({"include/qapi/error.h": b"#define ERRP_AUTO_PROPAGATE() x\n"}))
    assert old.has_guard_macro() == "ERRP_AUTO_PROPAGATE"
    assert Environment(Files({"include/qapi/error.h": b"\n"})).has_guard_macro() is None
    assert Environment(Files({"qapi/migration.json": b"\n"})).mig_modes() == ()


def test_generated_names(environment: Environment) -> None:
    visit, event, command = (
        environment.signature(n, FILE)
        for n in ("visit_type_Channel", "qapi_event_send_reset", "qmp_x_relay_now")
    )
    assert visit is not None
    assert (visit.returns, visit.errp, visit.params[2].type) == ("bool", 3, "Channel **")
    assert environment.signature("visit_type_uint16List", FILE) is not None
    assert environment.signature("visit_type_uint16s", FILE) is None
    assert event is not None
    assert event.errp is None
    assert command is not None
    assert (command.errp, command.variadic, command.returns) == (0, False, "void")
    assert environment.signature("qmp_absent", FILE) is None
    members = generated_signature("visit_type_Channel_members", "struct", "void")
    assert members is not None
    assert (members.returns, members.errp) == ("void", 2)
    assert generated_signature("strlen", None) is None


def test_two_worlds_share_what_did_not_change() -> None:
    cache = DeclarationCache()
    before, after = Files(TREE), Files({**TREE, FILE: TREE[FILE].replace(b"int fd", b"int fd, int n")})
    first = Environment(before, "tree", cache=cache)
    first.files.index_all()
    second = Environment(after, "tree", cache=cache)
    second.files.index_all()
    assert after.reads == [FILE]
    old, new = (w.signature("relay_probe", FILE) for w in (first, second))
    assert old is not None
    assert new is not None
    assert (old.errp, new.errp) == (1, 2)
