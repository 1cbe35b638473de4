# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps of a finding that name other places of the same mistake."""

from __future__ import annotations

import pytest

from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.model.program import Program
from qerrlint.rules.loader import load_rules
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

CODE = """\
typedef struct Sluice Sluice;
int sluice_read(Sluice *s);
int sluice_level(Sluice *s);
bool sluice_lift(Sluice *s, Error **errp);
void sluice_drop(Sluice *s);
void *sluice_crank(Sluice *s, Error **errp);

int sluice_open(Sluice *s, Error **errp)
{
    int ret;

    ret = sluice_read(s);
    if (ret < 0) {
        goto fail;
    }
    if (sluice_level(s) > 8) {
        ret = -EFBIG;
        goto fail;
    }
    {more}
    ret = sluice_read(s);
    if (ret < 0) {
        goto fail;
    }
    return 0;
fail:
    sluice_drop(s);
    return ret;
}
"""


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        ("", [13, 16, 22]),
        # Who is given errp sets the Error, and so does what stands in the body.
        ("if (!sluice_lift(s, errp)) { ret = -EIO; goto fail; }", [13, 16, 22]),
        ('if (!s) { error_setg(errp, "dry"); ret = -EIO; goto fail; }', [13, 16, 22]),
        ("if (!s) { ret = -EIO; goto fail; }", [13, 16, 20, 22]),
        ("s->crank = sluice_crank(s, errp); if (!s->crank) { ret = -EIO; goto fail; }", [13, 16, 22]),
        # No failure, and no jump.
        ("if (!s) { goto fail; }", [13, 16, 22]),
        ("if (!s) { ret = -EIO; }", [13, 16, 22]),
    ],
)
def test_all_failures_that_leave_by_one_return_are_listed(more: str, lines: list[int]) -> None:
    code = CODE.replace("{more}", more).encode()
    program = Program(OverlaySource(EmptySource(), {"hw/sluice.c": code}))
    unit = program.unit("hw/sluice.c")
    assert unit is not None
    (found,) = (f for f in analyse_unit(unit, load_rules()).findings if f.rule == "failure-without-error")
    said = {
        unit.text.lines.position(step.span.start)[0]
        for step in found.steps
        if step.message == "this failure sets no Error either" or step.message.endswith("goes to fail")
    }
    assert said == set(lines)


def test_a_comparison_whose_operator_is_an_argument_is_told_as_it_is_read() -> None:
    code = b"""\
int sluice_parse(const char *text, Error **errp);

static void sluice_test(const char *text, bool good)
{
    Error *err = NULL;
    int rc = sluice_parse(text, &err);

    if (good) {
        g_assert_cmpint(rc, ==, 0);
    } else {
        g_assert_cmpint(rc, <, 0);
    }
}
"""
    unit = Program(OverlaySource(EmptySource(), {"tests/sluice.c": code})).unit("tests/sluice.c")
    assert unit is not None
    (found,) = (f for f in analyse_unit(unit, load_rules()).findings if f.rule == "leaked-error")
    assert "`rc < 0` is true" in {step.message for step in found.steps}


def test_which_access_stores_another_number_than_0_is_not_told() -> None:
    code = b"""\
static void sluice_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    SluiceState *s = opaque;

    switch (addr) {
    case 0:
        s->rate = value;
        break;
    case 4:
        if (s->rate & 1) {
            s->ticks = 1000 / (s->rate >> 8);
        }
        break;
    }
}

static const MemoryRegionOps sluice_ops = {
    .read = sluice_read,
    .write = sluice_write,
    .valid.min_access_size = 4,
    .valid.max_access_size = 4,
};

static void sluice_init(Object *obj)
{
    SluiceState *s = SLUICE(obj);

    memory_region_init_io(&s->iomem, obj, &sluice_ops, s, "sluice", 8);
}
"""
    head = b"typedef struct SluiceState { MemoryRegion iomem; uint32_t rate; uint32_t ticks; } SluiceState;\n"
    unit = Program(OverlaySource(EmptySource(), {"hw/sluice.c": head + code})).unit("hw/sluice.c")
    assert unit is not None
    (found,) = (f for f in analyse_unit(unit, load_rules()).findings if f.rule == "guest-division")
    assert "has set rate to 0xff" in found.message
    assert found.steps[0].message == "sluice_write() sets rate on a write"


DECIDED = """\
typedef struct Sluice Sluice;
int sluice_mode(Sluice *s);
bool sluice_lift(Sluice *s, Error **errp);
bool sluice_more(Sluice *s);
void sluice_note(Sluice *s);

void sluice_run(Sluice *s)
{
    Error *err = NULL;

    sluice_lift(s, &err);
    {path}
    error_free(err);
}
"""


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "switch (sluice_mode(s)) { case SLUICE_SLOW: return; default: break; }",
            ["`sluice_mode(s)` is SLUICE_SLOW"],
        ),
        (
            "switch (sluice_mode(s)) { case SLUICE_SLOW: break; default: return; }",
            ["`sluice_mode(s)` matches no other case"],
        ),
        (
            "while (sluice_more(s)) { sluice_note(s); } if (sluice_mode(s) < 0) { return; }",
            ["`sluice_more(s)` is false", "`sluice_mode(s) < 0` is true"],
        ),
    ],
    ids=["a case", "no case", "a loop"],
)
def test_which_way_a_path_takes_at_a_condition(path: str, said: list[str]) -> None:
    code = DECIDED.replace("{path}", path).encode()
    program = Program(OverlaySource(EmptySource(), {"hw/sluice.c": code}))
    unit = program.unit("hw/sluice.c")
    assert unit is not None
    (found,) = (f for f in analyse_unit(unit, load_rules()).findings if f.rule == "leaked-error")
    assert [step.message for step in found.steps[1:-1]] == said


def test_a_loop_that_comes_to_its_own_condition_next_is_told_as_a_loop() -> None:
    code = b"""\
typedef struct Sluice { char name[8]; } Sluice;

void sluice_name(Sluice *s, const char *name)
{
    char *text = g_strdup(name);

    for (int i = 0; i < 8; i++) {
        s->name[i] = text[i];
    }
}
"""
    program = Program(OverlaySource(EmptySource(), {"hw/sluice.c": code}))
    unit = program.unit("hw/sluice.c")
    assert unit is not None
    (found,) = (f for f in analyse_unit(unit, load_rules()).findings if f.rule == "missing-cleanup")
    assert [step.message for step in found.steps[1:-1]] == [
        "`i < 8` is true",
        "in the next iteration of the loop `i < 8` is false",
    ]


def test_a_condition_among_the_arguments_of_the_last_call_is_no_loop() -> None:
    code = b"""\
void sluice_lift(Sluice *s, long *turns, Error **errp);

void sluice_run(Sluice *s, const char *name, Error **errp)
{
    long turns;

    sluice_lift(s, &turns, errp);
    if (turns > 8) {
        error_setg(errp, "too many turns of %s", name ? name : "it");
    }
}
"""
    program = Program(OverlaySource(EmptySource(), {"hw/sluice.c": code}))
    unit = program.unit("hw/sluice.c")
    assert unit is not None
    (found,) = (f for f in analyse_unit(unit, load_rules()).findings if f.rule == "error-set-twice")
    assert [step.message for step in found.steps] == [
        "sluice_lift() sets errp here",
        "`turns > 8` is true",
    ]
