# SPDX-License-Identifier: GPL-2.0-or-later
"""What one text declares: declarators, types, top-level declarations, members, QAPI; pycparser agrees."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qerrlint.c.declarations.file import FileDeclarations
from qerrlint.c.declarations.members import parse_enumerators, parse_members
from qerrlint.c.declarations.pycparser_signatures import canonical_signature
from qerrlint.c.declarations.types import (
    Param,
    Signature,
    errp_index,
    parse_declared,
    parse_signature,
    result_kind,
    untagged,
)
from qerrlint.c.qapi import qapi_constants, qapi_names, upper_case

HEADER = b"""\
/* A quartz timer.
void in_a_comment(int x);
*/
#ifndef HW_QUARTZ_H
#define HW_QUARTZ_H

#include "qemu/notify.h"
#  include <linux/types.h>

#define QUARTZ_RATE 32768
#define quartz_fail(errp, fmt, ...) \\
    error_setg(errp, "quartz: " fmt, \\
               ## __VA_ARGS__) /* wraps */

typedef struct QuartzState QuartzState;
typedef int (*QuartzTick)(QuartzState *s, void *opaque,
                          Error **errp);
typedef void (QuartzStop)(QuartzState *);
typedef uint32_t quartz_rate_t, *quartz_rate_ptr;
typedef enum { QUARTZ_OFF, QUARTZ_SLOW = 4, QUARTZ_FAST, } QuartzSpeed;

enum QuartzPin {
    PIN_A = 1 << 2,
    PIN_B,
    PIN_C = PIN_A,
    PIN_D = sizeof(int),
    PIN_E,
    PIN_F = BIT(5),
};

OBJECT_DECLARE_TYPE(QuartzState, QuartzClass, QUARTZ)

struct QuartzState {
    DeviceState parent_obj;
    Error *blocker, *other;
    NotifierWithReturn cpr_notifier;
    uint8_t map[4][2];
    unsigned flag:1, mode:3;
    QLIST_ENTRY(QuartzState) next;
    union {
        int a;
        struct { int b; } inner;
    };
    bool (*start)(QuartzState *s, Error **errp);
    void coroutine_fn GRAPH_RDLOCK_PTR (*drain)(QuartzState *s);
    QuartzTick tick;
    Error *last;
} QEMU_PACKED;

typedef struct QuartzClass {
    DeviceClass parent_class;
    DeviceRealize parent_realize;
} QuartzClass;

int coroutine_fn GRAPH_RDLOCK
quartz_co_run(QuartzState *s, const char *name, Error **errp);
G_NORETURN void quartz_die(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void G_GNUC_PRINTF(2, 3) quartz_log(QuartzState *s, const char *fmt, ...);
void G_GNUC_PRINTF(2, 3)
quartz_log_more(QuartzState *s, const char *fmt, ...);
static inline bool quartz_on(const QuartzState *s)
{
    return s->flag;
}
extern int (*quartz_hook)(int);
int quartz_open(const char *path, /* where; it is */
                char *const *argv, int fds[2], Error **errp)
    __attribute__((nonnull(1)));
DEFINE_QUARTZ(x)
type_init(quartz_register)
#endif
"""

SOURCE = b"""\
#include "quartz.h"
static const MemoryRegionOps quartz_ops = {
    .read = quartz_read,
    .write = &quartz_write,
    .valid.max_access_size = 4,
};

static void
quartz_realize(DeviceState *dev, Error **errp)
{
    QuartzState *s = QUARTZ(dev);

    s->tick = quartz_tick;
}

#ifdef CONFIG_QUARTZ
int quartz_probe(int fd, Error **errp)
{
    return 0;
}
#else
int quartz_probe(int fd, Error **errp)
{
    return -1;
}
#endif

static void quartz_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->unrealize = quartz_unrealize;
    device_class_set_parent_realize(dc, quartz_realize, &qc->parent_realize);
}
"""


@pytest.fixture(scope="module")
def header() -> FileDeclarations:
    return FileDeclarations("include/hw/quartz.h", HEADER)


@pytest.fixture(scope="module")
def source() -> FileDeclarations:
    return FileDeclarations("hw/quartz.c", SOURCE)


def sig(text: str) -> Signature:
    found = parse_signature(text.encode())
    assert found is not None, text
    return found


def test_the_struct_of_a_cpu_has_the_same_name_for_every_target() -> None:
    declared = FileDeclarations("cpu-qom.h", b"OBJECT_DECLARE_CPU_TYPE(OboeCPU, OboeCPUClass, OBOE_CPU)\n")
    targets = {name: entry.target for name, entry in declared.types.items()}
    assert targets == {"OboeCPU": "struct ArchCPU", "OboeCPUClass": "struct OboeCPUClass"}


def test_includes(header: FileDeclarations) -> None:
    assert header.includes == ((False, "qemu/notify.h"), (True, "linux/types.h"))


def test_heads_over_lines_and_with_attributes(header: FileDeclarations) -> None:
    run = header.signature("quartz_co_run")
    assert run is not None
    assert run.returns == "int"
    assert run.params == (
        Param("s", "QuartzState *"),
        Param("name", "const char *"),
        Param("errp", "Error **"),
    )
    assert run.errp == 2
    assert run.span is not None
    assert HEADER[run.span.start : run.span.end].startswith(b"int coroutine_fn")
    assert HEADER[run.span.end : run.span.end + 1] == b";"
    for name in ("quartz_log", "quartz_log_more"):
        log = header.signature(name)
        assert log is not None
        assert log.variadic
        assert len(log.params) == 2
        assert log.returns == "void"
    opened = header.signature("quartz_open")
    assert opened is not None
    assert [p.type for p in opened.params] == ["const char *", "char *const *", "int *", "Error **"]


def test_noreturn_static_and_casts(header: FileDeclarations) -> None:
    die, on, cast = (header.signature(n) for n in ("quartz_die", "quartz_on", "QUARTZ"))
    assert die is not None
    assert die.noreturn
    assert not die.static
    assert on is not None
    assert on.static
    assert on.returns == "bool"
    assert cast is not None
    assert cast.returns == "QuartzState *"
    get_class = header.signature("QUARTZ_GET_CLASS")
    assert get_class is not None
    assert get_class.returns == "QuartzClass *"


@pytest.mark.parametrize("name", ["in_a_comment", "quartz_hook", "type_init", "DEFINE_QUARTZ", "absent"])
def test_not_a_function(header: FileDeclarations, name: str) -> None:
    assert header.signature(name) is None


def test_definitions(source: FileDeclarations, header: FileDeclarations) -> None:
    place = source.definition("quartz_realize")
    assert place is not None
    head, brace = place
    assert SOURCE[head:brace].startswith(b"static void\nquartz_realize")
    assert SOURCE[brace : brace + 1] == b"{"
    assert len(source.functions["quartz_probe"]) == 2
    assert header.definition("quartz_co_run") is None
    assert header.definition("quartz_on") is not None


def test_types(header: FileDeclarations) -> None:
    tick = header.types["QuartzTick"]
    assert tick.kind == "function-pointer"
    assert tick.signature is not None
    assert tick.signature.errp == 2
    assert header.types["QuartzStop"].kind == "function"
    assert header.types["quartz_rate_t"].target == "uint32_t"
    assert header.types["quartz_rate_ptr"].target == "uint32_t *"
    assert header.types["QuartzState"].target == "struct QuartzState"
    assert header.types["struct QuartzState"].body[0] > 0
    assert header.types["QuartzClass"].target == "struct QuartzClass"


def test_a_closing_brace_behind_a_blank() -> None:
    """The body does not reach into the next declaration, and preprocessor lines do not shorten one."""
    text = (
        b"typedef struct Peg {\n    struct {\n        int hole;\n    } at; /* } */\n    int length;\n"
        b" } QEMU_PACKED Peg;\n\n"
        b"typedef struct Board {\n    DeviceState parent_obj;\n"
        b"#ifdef PEG\n    union {\n#else\n    struct {\n#endif\n        int a;\n    } u;\n"
        b"/* text\nof a comment */\n} Board;\n"
    )
    found = FileDeclarations("peg.h", text)
    assert [member.name for member in found.members(found.types["struct Peg"])] == ["at", "length"]
    board = found.types["struct Board"]
    assert text[board.body[1] :] == b"} Board;\n"
    assert found.types["Peg"].target == "struct Peg"


def test_members(header: FileDeclarations) -> None:
    members = {m.name: m for m in header.members(header.types["struct QuartzState"])}
    assert members["blocker"].type == members["other"].type == members["last"].type == "Error *"
    assert members["cpr_notifier"].type == "NotifierWithReturn"
    assert members["map"].kind == "array"
    assert members["mode"].type == "unsigned int"
    assert members["a"].type == "int"
    assert members["inner"].type == "struct"
    start = members["start"].signature
    assert start is not None
    assert (start.returns, start.errp) == ("bool", 1)
    assert members["drain"].kind == "function-pointer"
    assert members["tick"].type == "QuartzTick"


def test_pointer_members_are_no_parameters() -> None:
    text = b"struct A {\n    int (*get)(int, Error **);\n    /* x */\n    Getter get;\n};\n"
    text += b"void f(int (*get)(void));\n"
    found = FileDeclarations("a.h", text).pointer_members("get")
    assert [d.type for d in found] == ["int (*)(int, Error **)", "Getter"]


def test_enums(header: FileDeclarations) -> None:
    assert header.enumerators(header.types["QuartzSpeed"]) == (
        ("QUARTZ_OFF", 0),
        ("QUARTZ_SLOW", 4),
        ("QUARTZ_FAST", 5),
    )
    assert header.enumerators(header.types["enum QuartzPin"]) == (
        ("PIN_A", 4),
        ("PIN_B", 5),
        ("PIN_C", 4),
        ("PIN_D", None),
        ("PIN_E", None),
        ("PIN_F", 32),
    )
    assert parse_enumerators("") == ()


def test_macros(header: FileDeclarations) -> None:
    plain, wrapper = header.macro("QUARTZ_RATE"), header.macro("quartz_fail")
    assert plain is not None
    assert (plain.params, plain.body) == (None, "32768")
    assert wrapper is not None
    assert wrapper.params == ("errp", "fmt", "...")
    assert wrapper.body == 'error_setg(errp, "quartz: " fmt, ## __VA_ARGS__)'
    assert header.macro("absent") is None


def test_slots(source: FileDeclarations) -> None:
    found = {(s.member, s.value, s.object) for s in source.slots}
    assert found >= {
        ("read", "quartz_read", ""),
        ("write", "quartz_write", ""),
        ("tick", "quartz_tick", "s"),
        ("unrealize", "quartz_unrealize", "dc"),
        ("realize", "quartz_realize", "dc"),
    }
    read = next(s for s in source.slots if s.member == "read")
    assert source.slot_type(read) == "MemoryRegionOps"


@pytest.mark.parametrize(
    ("text", "types", "returns"),
    [
        ("char const *const f(long unsigned int a, signed b)", ["unsigned long", "int"], "const char *"),
        ("unsigned f(short int a, long long b)", ["short", "long long"], "unsigned int"),
        ("Error *const *f(Error *const *errp)", ["Error *const *"], "Error *const *"),
        ("void f(int (*g)(int, Error **), struct tm *t)", ["int (*)(int, Error **)", "struct tm *"], "void"),
        ("int (*f(int a))(Error **)", ["int"], "int (*)(Error **)"),
        ("void f(void)", [], "void"),
        ("bool f()", [], "bool"),
        ("TCGOp * NI f(uint8_t b[static 16])", ["uint8_t *"], "TCGOp *"),
        ("MYAPI int f(const int x)", ["int"], "int"),
    ],
)
def test_canonical_types(text: str, types: list[str], returns: str) -> None:
    found = sig(text)
    assert [p.type for p in found.params] == types
    assert found.returns == returns


@pytest.mark.parametrize(
    "text", ["", "f(x)", "int x", "int f(", "struct {", "int f(a b c d))", "42", "int (", "*"]
)
def test_no_signature(text: str) -> None:
    assert parse_signature(text.encode()) is None


@pytest.mark.parametrize(
    ("text", "errp"),
    [
        ("int migrate_add_blocker(Error **reasonp, Error **errp)", 1),
        ("int migrate_add_blocker_modes(Error **reasonp, unsigned modes, Error **errp)", 2),
        ("int migrate_add_blocker_modes(Error **reasonp, Error **errp, MigMode mode, ...)", 1),
        ("void migrate_del_blocker(Error **reasonp)", None),
        ("int migrate_add_blocker(Error *reason, Error **errp)", 1),
        ("void f(Error **my_blocker)", None),
        ("void f(Error **, int)", 0),
        ("void f(struct Error **errp)", 0),
        ("void error_propagate(Error **dst_errp, Error *local_err)", 0),
        ("void f(Error *errp)", None),
        ("void f(int (*get)(Error **))", None),
        ("void f(GError **error)", None),
    ],
)
def test_errp_by_type(text: str, errp: int | None) -> None:
    assert sig(text).errp == errp
    assert errp_index(sig(text).params) == errp


@pytest.mark.parametrize(
    ("returns", "kind"),
    [
        ("void", "void"),
        ("bool", "bool"),
        ("gboolean", "bool"),
        ("ssize_t", "int"),
        ("int64_t", "int"),
        ("off_t", "int"),
        ("long long", "int"),
        ("size_t", "unsigned"),
        ("unsigned long", "unsigned"),
        ("const char *", "pointer"),
        ("int (*)(void)", "pointer"),
        ("enum X", "enum"),
        ("struct X", "struct"),
        ("rate_t", "unsigned"),
        ("status_t", "int"),
        ("handle_t", "pointer"),
        ("loop_t", "unknown"),
        ("mystery_t", "unknown"),
        ("double", "unknown"),
    ],
)
def test_result_kind(returns: str, kind: str) -> None:
    typedefs = {
        "rate_t": "uint32_t",
        "status_t": "status2_t",
        "status2_t": "int",
        "handle_t": "void *",
        "loop_t": "loop_t",
    }
    assert result_kind(Signature("f", None, (), returns), typedefs) == kind
    assert result_kind(returns, typedefs.get) == kind


def test_members_survive_odd_text() -> None:
    assert parse_members("int a; DECLARE_BITMAP(x, 4); struct { ; long b; } ; } int c") != ()
    assert parse_declared("") == ()
    assert parse_declared("(((") == ()


_BASE = st.sampled_from(["int", "unsigned char", "Error", "const Foo", "struct foo", "bool", "long unsigned"])


@st.composite
def _declarator(draw: st.DrawFn, name: str, depth: int = 0) -> str:
    stars = draw(st.sampled_from(["", "*", "**", "*const *"]))
    shape = draw(st.integers(0, 3 if depth < 2 else 1))
    if shape == 2:
        inner = draw(st.lists(_parameter(depth + 1), min_size=1, max_size=2))
        return f"{stars}(*{name})({', '.join(inner)})"
    if shape == 3 and name:
        return f"{stars}{name}[4]"
    return f"{stars}{name}"


@st.composite
def _parameter(draw: st.DrawFn, depth: int = 0) -> str:
    name = draw(st.sampled_from(["a", "errp", "opaque", ""]))
    return f"{draw(_BASE)} {draw(_declarator(name, depth))}"


@settings(max_examples=150, deadline=None)
@given(_BASE, st.sampled_from(["", "*", "**"]), st.lists(_parameter(), max_size=4), st.booleans())
def test_quick_parser_agrees_with_pycparser(base: str, stars: str, params: list[str], variadic: bool) -> None:
    inner = ", ".join(params + (["..."] if variadic and params else [])) or "void"
    text = f"static {base} {stars}fun({inner})"
    quick, slow = parse_signature(text.encode()), canonical_signature(text)
    assert quick is not None
    assert quick == slow, text


_PIECES = [
    *(
        b"typedef ",
        b"struct ",
        b"enum ",
        b"{",
        b"}",
        b"\n",
        b"\n}",
        b";",
        b"(",
        b")",
        b"*",
        b",",
        b"x",
        b"= ",
    ),
    *(b"int f", b"/*", b"*/", b"#define m(", b"__attribute__", b"\\", b'"', b"\xff", b".a = b,", b"DECLARE_"),
]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(_PIECES),
        max_size=60,
    )
)
def test_scans_never_raise(parts: list[bytes]) -> None:
    declared = FileDeclarations("a.c", b"".join(parts))
    for name in declared.functions:
        declared.signature(name)
        declared.definition(name)
    for macro in declared.macros:
        assert declared.macro(macro) is not None
    for entry in declared.types.values():
        declared.members(entry)
        declared.enumerators(entry)
    assert isinstance(declared.includes, tuple)
    for slot in declared.slots:
        declared.slot_type(slot)
    declared.pointer_members("x")


SCHEMA = b"""\
# { 'enum': 'Ghost', 'data': [ 'x' ] }
##
# @TickMode:
##
{ 'enum': 'TickMode',
  'data': [ 'normal', # the plain one
            { 'name': 'cpr-reboot', 'if': 'CONFIG_X' },
            'cpr-transfer' ],
  'if': { 'any': [ 'A', 'B' ] } }
{ 'enum': 'QCryptoTick', 'prefix': 'QCRYPTO_TICK', 'data': [ 'a' ] }
{ 'struct': 'Tick', 'data': { '*rate': 'int' } }
{ 'command': 'x-tick-now', 'data': { 'id': 'str' } }
{ 'enum': 'Broken', 'data': [ 'a', { 'name'
"""


def test_qapi() -> None:
    assert qapi_constants(SCHEMA, "TickMode") == [
        ("TICK_MODE_NORMAL", 0),
        ("TICK_MODE_CPR_REBOOT", 1),
        ("TICK_MODE_CPR_TRANSFER", 2),
        ("TICK_MODE__MAX", 3),
    ]
    assert qapi_constants(SCHEMA, "QCryptoTick")[0] == ("QCRYPTO_TICK_A", 0)
    assert qapi_constants(SCHEMA, "Ghost") == []
    assert qapi_constants(SCHEMA, "Tick") == []
    broken = [name for name, _ in qapi_constants(SCHEMA, "Broken")]
    assert broken == ["BROKEN_A", "BROKEN__MAX"], "what is damaged ends early"
    names = qapi_names(SCHEMA)
    assert (names.kind("Tick"), names.kind("x-tick-now"), names.kind("Ghost")) == ("struct", "command", None)


@pytest.mark.parametrize(
    ("name", "upper"),
    [
        ("MigMode", "MIG_MODE"),
        ("QKeyCode", "QKEY_CODE"),
        ("PCIELinkSpeed", "PCIE_LINK_SPEED"),
        ("OnOffAuto", "ON_OFF_AUTO"),
    ],
)
def test_qapi_upper_case(name: str, upper: str) -> None:
    assert upper_case(name) == upper


def test_a_tag_is_the_name_of_the_typedef() -> None:
    assert [untagged(text) for text in ("struct Quartz *", "Quartz *", "union Quartz")] == [
        *("Quartz *", "Quartz *", "union Quartz")
    ]
