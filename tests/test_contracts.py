# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of model/contracts.py and of the bundled rules/contracts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qerrlint.c.declarations.file import FileDeclarations
from qerrlint.c.declarations.pycparser_signatures import canonical_signature
from qerrlint.errors import UsageError
from qerrlint.model.contracts import AGES, NEWEST, Contracts, load_contracts

FOLDER = Path(__file__).resolve().parents[1] / "rules" / "contracts"


@pytest.fixture(name="contracts")
def _contracts() -> Contracts:
    return load_contracts()


def test_every_prototype_is_read_and_pycparser_agrees(contracts: Contracts) -> None:
    """Both parsers read each bundled prototype and say the same."""
    seen = 0
    for header in sorted(FOLDER.glob("*.h")):
        age = header.stem if header.stem in AGES else NEWEST
        text = re.sub(r"/\*.*?\*/|enum \w+ \{.*?\};", "", header.read_text(), flags=re.S)
        for declaration in text.split(";"):
            if not declaration.strip() or declaration.strip().startswith("typedef"):
                continue
            slow = canonical_signature(declaration)
            assert slow is not None, declaration
            assert contracts.contract(slow.name, age) == slow, header.name
            seen += 1
    assert seen > 400
    assert len(contracts.names()) >= 350


def test_a_prototype_that_only_pycparser_reads() -> None:
    text = "int peg_turn(enum PegPlace { PEG_IN, PEG_OUT } place, Error **errp);"
    assert FileDeclarations("peg.h", text.encode()).signature("peg_turn") is None
    found = Contracts({"peg": text.encode()}, {}).contract("peg_turn")
    assert found is not None
    assert ([param.type for param in found.params], found.errp) == (["enum PegPlace", "Error **"], 1)


def test_no_name_twice() -> None:
    common = [p for p in FOLDER.glob("*.h") if p.stem not in AGES]
    names = [n for p in common for n in re.findall(r"\b(\w+)\((?!\*)", p.read_text())]
    assert sorted(names) == sorted(set(names))


def test_ages(contracts: Contracts) -> None:
    found = [contracts.contract("migrate_add_blocker", age) for age in AGES]
    assert [[p.type for p in f.params] for f in found if f is not None] == [
        ["Error *", "Error **"],
        ["Error **", "Error **"],
        ["Error **", "Error **"],
    ]
    assert [f.errp for f in found if f is not None] == [1, 1, 1]
    modes = [contracts.contract("migrate_add_blocker_modes", age) for age in AGES]
    assert modes[0] is None
    assert modes[1] is not None
    assert (modes[1].errp, modes[1].variadic) == (1, True)
    assert modes[2] is not None
    assert (modes[2].errp, modes[2].variadic) == (2, False)
    assert [n for n, _ in contracts.enumerators("MigMode", AGES[1])][-1] == "MIG_MODE__MAX"
    assert contracts.enumerators("MigMode", AGES[0]) == ()
    assert contracts.type("MigrationNotifyFunc") is not None
    with pytest.raises(UsageError, match=r"6\.0: no age"):
        contracts.contract("error_setg", "6.0")


@pytest.mark.parametrize(
    ("name", "consumes", "how"),
    [
        ("error_free", 0, "free"),
        ("error_report_err", 0, "report"),
        ("warn_reportf_err", 0, "report"),
        ("error_propagate", 1, "propagate"),
        ("error_propagate_prepend", 1, "propagate"),
        ("hmp_handle_error", 1, "report"),
        ("migrate_error_propagate", 1, "propagate"),
    ],
)
def test_consumers(contracts: Contracts, name: str, consumes: int, how: str) -> None:
    effect = contracts.effect(name)
    assert effect is not None
    assert (effect.consumes, effect.how) == (consumes, how)
    signature = contracts.contract(name)
    assert signature is not None
    assert signature.params[consumes].type == "Error *"
    assert contracts.reason(name)


def test_setters_extenders_and_others(contracts: Contracts) -> None:
    for name in ("error_setg", "error_setg_errno", "error_setg_file_open", "error_set"):
        effect = contracts.effect(name)
        assert effect is not None
        assert (effect.errp, effect.evidence) == (0, "setter")
        assert [o.sets for o in effect.outcomes] == [True]
    for name in ("error_prepend", "error_append_hint", "error_get_pretty", "migrate_set_error"):
        effect = contracts.effect(name)
        assert effect is not None
        assert effect.keeps
        assert effect.consumes is None
    cleared, copied = contracts.effect("error_free_or_abort"), contracts.effect("error_copy")
    assert cleared is not None
    assert cleared.clears == 0
    assert copied is not None
    assert copied.makes_error
    assert contracts.effect("qdev_realize") is None


def test_noreturn_and_conventions(contracts: Contracts) -> None:
    assert all(contracts.is_noreturn(n) for n in ("exit", "abort", "hw_error", "g_assert_not_reached"))
    assert not contracts.is_noreturn("error_setg")
    assert contracts.fails("qio_channel_read") == "negative"
    assert contracts.fails("migration_is_blocked") == "true"
    assert contracts.fails("object_property_get_uint") == "error-only"
    assert contracts.fails("qdev_realize") is None
    assert contracts.effect("qio_channel_read") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[function.f]\nconsume = 1\nreason = 'x'\n", r"\[function\.f\]: unknown key 'consume'"),
        ("[function.f]\nconsumes = 1\n", r"\[function\.f\]: no reason given"),
        ("[function.f\n", "not valid TOML"),
        ("function = 3\n", "tables are wanted"),
        (None, "cannot be read"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, text: str | None, why: str) -> None:
    if text is not None:
        (tmp_path / "facts.toml").write_text(text)
    with pytest.raises(UsageError, match=why) as caught:
        load_contracts(str(tmp_path))
    assert "facts.toml" in str(caught.value)
    assert "\n" not in str(caught.value)
