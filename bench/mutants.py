# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutation testing of the engine: small changes to its source, each of which some fast test should notice.

    python bench/mutants.py [--count N] [--seed S] [--jobs N] [--only FILE] [--json FILE] [--modules PART...]

Draws N mutants of the modules that `TESTS` names (all of absint, domain, transfer, model and policy, and some
of other packages) with a printed seed, and runs the fast tests on each until one fails. The package is copied
to a temporary directory for each job; a mutant is written there. One process that has imported pytest and the
libraries, and nothing of qerrlint, forks for each mutant, so that a mutant costs the tests and no start-up.
CPU time is bounded, not wall time: a busy machine makes no mutant look like a timeout.
`--only` runs the survivors that a former `--json` names, found again by their function and text.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Packages and modules that mutants are drawn of, with the tests for their mutants in the order in which they
# are run: those that notice most in least time come first.
TESTS = {
    "absint": ("test_solver", "test_domain", "test_transfer", "test_fixtures"),
    "domain": ("test_domain", "test_transfer", "test_fixtures", "test_solver"),
    "transfer": (
        "test_transfer",
        "test_branches",
        "test_calls",
        "test_slicing",
        "test_fixtures",
        "test_solver",
        "test_callers",
    ),
    "model": (
        "test_summaries",
        "test_missing_error",
        "test_definitions",
        "test_types_in_scope",
        "test_fixtures",
        "test_transfer",
        "test_receivers",
        "test_several_definitions",
        "test_qapi_commands",
        "test_facts_of_a_tree",
        "test_signatures",
        "test_contracts",
        "test_fixpoint",
        "test_words",
        "test_callers",
        "test_caller_files",
        "test_store_edits",
    ),
    "policy": (
        "test_predicates",
        "test_policy",
        "test_exemptions",
        "test_fixtures",
        "test_callers",
        "test_cli_exempted",
    ),
    "engine/changes": ("test_tree_changes", "test_facts_of_a_tree", "test_store_edits", "test_cache"),
    "engine/kept": ("test_cache", "test_kept_bases", "test_store_edits", "test_kept_reviews"),
    "checks/devices/returned_auto.py": ("test_fixtures",),
    "checks/errors/propagation/unset_status.py": ("test_fixtures",),
    "review/released_layouts.py": ("test_released_layouts",),
}
MOST_SECONDS = 60
MOST_MEMORY = 3 << 30

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Mult: ast.Add,
    ast.Mod: ast.Add,
    ast.FloorDiv: ast.Mult,
}


@dataclass(frozen=True)
class Mutant:
    """One change: the text from `start` to `end` (offsets in the file's bytes) becomes `new`.

    It stands in `function` (a dotted name, "" for the module itself), where it is the one with the number
    `among` of those that make the same change of the same text: by that it is found again when the file has
    changed elsewhere.
    """

    path: str
    line: int
    start: int
    end: int
    old: str
    new: str
    function: str = ""
    among: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {_short(self.old)} -> {_short(self.new)}"


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: killed, survived or timeout; `test` is the one that failed."""

    mutant: Mutant
    result: str
    test: str
    seconds: float


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 90 else flat[:87] + "..."


# -- the mutants --------------------------------------------------------------------------------------


def mutants_of(path: str, data: bytes) -> list[Mutant]:
    """All mutants of a module, in source order."""
    starts = [0]
    for line in data.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    tree = ast.parse(data)
    functions = dict(_functions(tree, ""))
    found = set()
    for node, new in _changes(tree):
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        old = data[start:end].decode()
        if new != old:
            found.add(Mutant(path, node.lineno, start, end, old, new, functions.get(node.lineno, "")))
    counts: Counter[tuple[str, str, str]] = Counter()
    out = []
    for one in sorted(found, key=lambda one: (one.start, one.end, one.new)):
        same = (one.function, one.old, one.new)
        out.append(replace(one, among=counts[same]))
        counts[same] += 1
    return out


def _functions(tree: ast.AST, above: str) -> Iterator[tuple[int, str]]:
    """For each line inside of a function or class its dotted name, that of the innermost one last."""
    for node in ast.iter_child_nodes(tree):
        name = above
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            name = f"{above}.{node.name}".lstrip(".")
            assert node.end_lineno is not None
            yield from ((line, name) for line in range(node.lineno, node.end_lineno + 1))
        yield from _functions(node, name)


def _changes(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Each node that is replaced with its new text.

    Left out is what no test of behaviour can notice: annotations, decorators, docstrings, messages of errors.
    """
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield from _of_statement(node)
        elif isinstance(node, ast.expr):
            yield from _of_expression(node)
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "type_comment", "bases"):
                continue
            children = value if isinstance(value, list) else [value]
            waiting += [child for child in children if isinstance(child, ast.AST) and not _inert(child)]


def _inert(node: ast.AST) -> bool:
    """Whether nothing inside a node is changed."""
    return isinstance(node, (ast.JoinedStr, ast.Raise, ast.Import, ast.ImportFrom, ast.Assert)) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _of_statement(node: ast.stmt) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    if is_call or (
        isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Attribute, ast.Subscript))
    ):
        yield node, "pass"
    elif isinstance(node, ast.AugAssign):
        yield node, "pass"
        other = _COMPUTED.get(type(node.op))
        if other is not None:
            changed = copy.deepcopy(node)
            changed.op = other()
            yield node, ast.unparse(changed)
    elif isinstance(node, ast.Continue):
        yield node, "break"
    elif isinstance(node, ast.Break):
        yield node, "pass"
    elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        yield node, "return None"
    elif isinstance(node, (ast.If, ast.While)):
        yield node.test, f"(not ({ast.unparse(node.test)}))"


def _of_expression(node: ast.expr) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    changed: ast.expr
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            changed = copy.deepcopy(node)
            changed.ops[place] = _COMPARED[type(operator)]()
            yield node, f"({ast.unparse(changed)})"
    elif isinstance(node, ast.BoolOp):
        changed = copy.deepcopy(node)
        changed.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield node, f"({ast.unparse(changed)})"
        for place in range(len(node.values)):
            changed = copy.deepcopy(node)
            del changed.values[place]
            yield node, f"({ast.unparse(changed if len(changed.values) > 1 else changed.values[0])})"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.Invert, ast.USub)):
        yield node, f"({ast.unparse(node.operand)})"
    elif isinstance(node, ast.BinOp) and type(node.op) in _COMPUTED:
        changed = copy.deepcopy(node)
        changed.op = _COMPUTED[type(node.op)]()
        yield node, f"({ast.unparse(changed)})"
    elif isinstance(node, ast.IfExp):
        yield node.test, f"(not ({ast.unparse(node.test)}))"
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield node, str(not node.value)
        elif isinstance(node.value, int):
            yield node, str(node.value + 1)
        elif isinstance(node.value, str):
            yield node, repr(node.value + "~")


def draw(count: int, seed: int, modules: Sequence[str]) -> list[Mutant]:
    """The mutants of a run: a sample without repetition of all mutants of all modules."""
    found: list[Mutant] = []
    for part in TESTS:
        below = ROOT / "qerrlint" / part
        for path in sorted(below.rglob("*.py")) if below.is_dir() else [below]:
            name = path.relative_to(ROOT).as_posix()
            if not modules or any(wanted in name for wanted in modules):
                found += mutants_of(name, path.read_bytes())
    print(f"mutants: {len(found)} in all, {min(count, len(found))} drawn with seed {seed}", flush=True)
    return random.Random(seed).sample(found, min(count, len(found)))


# -- running them -------------------------------------------------------------------------------------


class Copy:
    """A copy of the package and its tests in a temporary directory, in which one mutant at a time stands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # All of it, so that what is edited meanwhile kills no mutant.
        for name in ("qerrlint", "tests", "rules", "fixtures", "docs"):
            shutil.copytree(ROOT / name, folder / name)
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, folder / name)
        self._clock = time.time()
        # The process that runs tests; 0: none.
        self.child = 0

    def end_with(self, parent: int) -> None:
        """Wait for the end of a parent process, by its sentinel; then end tests, copy and this process."""
        wait([parent])
        if self.child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
        os._exit(1)

    def run(self, tests: Sequence[str], seconds: int, keep_bytecode: bool = False) -> tuple[int, str]:
        """Run tests in a forked process; its exit code (negative: the signal that ended it) and output."""
        log = self.folder / "log"
        child = os.fork()
        if child == 0:
            self._in_child(log, tests, seconds, keep_bytecode)
        self.child = child
        _, status = os.waitpid(child, 0)
        self.child = 0
        return os.waitstatus_to_exitcode(status), log.read_text(errors="replace")

    def _in_child(self, log: Path, tests: Sequence[str], seconds: int, keep_bytecode: bool) -> None:
        code = 99
        try:
            with log.open("w") as stream:
                os.dup2(stream.fileno(), 1)
                os.dup2(stream.fileno(), 2)
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
            resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
            sys.dont_write_bytecode = not keep_bytecode
            sys.path.insert(0, os.fspath(self.folder))
            os.chdir(self.folder)
            import pytest
            from hypothesis import HealthCheck, Phase, settings

            settings.register_profile(
                "mutants",
                derandomize=True,
                database=None,
                deadline=None,
                phases=(Phase.explicit, Phase.generate),
                suppress_health_check=list(HealthCheck),
            )
            settings.load_profile("mutants")
            files = [f"tests/{name}.py" for name in tests]
            options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line"]
            # hypothesis was imported before pytest could rewrite its assertions, which are not looked at.
            options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
            code = int(pytest.main([*options, *files]))
        except BaseException:  # the process ends here, whatever it was
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def judge(self, mutant: Mutant, tests: Sequence[str], seconds: int) -> Outcome:
        """Write a mutant, run the tests, and put the original back."""
        path = self.folder / mutant.path
        original = path.read_bytes()
        start = time.monotonic()
        try:
            self._write(path, original[: mutant.start] + mutant.new.encode() + original[mutant.end :])
            code, output = self.run(tests, seconds)
        finally:
            self._write(path, original)
        took = time.monotonic() - start
        if code == -signal.SIGXCPU:
            return Outcome(mutant, "timeout", "", took)
        if code == 0:
            return Outcome(mutant, "survived", "", took)
        failed = [line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return Outcome(mutant, "killed", _short(failed[0]) if failed else f"exit {code}", took)

    def _write(self, path: Path, data: bytes) -> None:
        """Write a module with a time of change of its own, so that no kept bytecode passes for it."""
        path.write_bytes(data)
        self._clock += 2
        os.utime(path, (self._clock, self._clock))


def tests_for(path: str) -> list[str]:
    """The test modules for mutants of a module, those that are there."""
    (tests,) = (tests for part, tests in TESTS.items() if f"{path}/".startswith(f"qerrlint/{part}/"))
    return [name for name in tests if (ROOT / "tests" / f"{name}.py").is_file()]


def watch_parent(copied: Copy) -> None:
    """End this worker when its parent has ended, also where that was killed and could not say so."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=copied.end_with, args=(parent.sentinel,), daemon=True).start()


def _work(jobs: Any, done: Any) -> None:
    """One worker: its own copy, checked once without a mutant, then mutants until there are none."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copied = Copy(Path(folder))
        watch_parent(copied)
        every = sorted({name for part in TESTS for name in tests_for(f"qerrlint/{part}")})
        code, output = copied.run(every, 600, keep_bytecode=True)
        if code != 0:
            done.put(f"without any mutant the tests fail:\n{output}")
            return
        done.put(None)
        while (mutant := jobs.get()) is not None:
            done.put(copied.judge(mutant, tests_for(mutant.path), MOST_SECONDS))


def run(mutants: Sequence[Mutant], workers: int) -> Iterator[Outcome]:
    """The outcomes, as they come. Raises SystemExit where the tests fail without a mutant."""
    context = get_context("fork")
    jobs, done = context.Queue(), context.Queue()
    for mutant in mutants:
        jobs.put(mutant)
    processes = [context.Process(target=_work, args=(jobs, done)) for _ in range(workers)]
    for process in processes:
        jobs.put(None)
        process.start()
    left = len(mutants) + workers
    while left:
        found = done.get()
        left -= 1
        if isinstance(found, str):
            for process in processes:
                process.terminate()
            raise SystemExit(found)
        if found is not None:
            yield found
    for process in processes:
        process.join()


def table(outcomes: Sequence[Outcome]) -> str:
    """Counts by module, and the survivors."""
    counts: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        counts.setdefault(outcome.mutant.path, Counter())[outcome.result] += 1
    total = sum(counts.values(), Counter[str]())
    lines = [f"{'module':48}{'killed':>8}{'timeout':>9}{'survived':>10}"]
    for name, count in [*sorted(counts.items()), ("all", total)]:
        lines.append(f"{name:48}{count['killed']:>8}{count['timeout']:>9}{count['survived']:>10}")
    noticed = total["killed"] + total["timeout"]
    lines.append(f"noticed: {noticed} of {len(outcomes)} ({100 * noticed / max(len(outcomes), 1):.1f} %)")
    lines.append("survivors:")
    survivors = [o.mutant for o in outcomes if o.result == "survived"]
    lines += [f"  {mutant}" for mutant in sorted(survivors, key=lambda m: (m.path, m.start, m.new))]
    return "\n".join(lines)


def found_again(mutant: Mutant, now: Sequence[Mutant]) -> Mutant | None:
    """The mutant of a former run among those of the module as it is; None where its text is no longer there.

    A run before mutants had functions gives the nearest line.
    """
    same = [one for one in now if (one.old, one.new) == (mutant.old, mutant.new)]
    if mutant.function:
        same = [one for one in same if (one.function, one.among) == (mutant.function, mutant.among)]
    return min(same, key=lambda one: abs(one.line - mutant.line), default=None)


def _survivors_of(file: str) -> list[Mutant]:
    """The survivors of a former run as they stand now; those whose text has changed are only named."""
    out = []
    for row in json.loads(Path(file).read_text()):
        mutant = Mutant(**row["mutant"])
        if row["result"] != "survived":
            continue
        path = ROOT / mutant.path
        again = found_again(mutant, mutants_of(mutant.path, path.read_bytes())) if path.is_file() else None
        if again is not None:
            out.append(again)
        else:
            print(f"changed since: {mutant}")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description="Mutation testing of the engine.")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=20260801)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", help="a former --json: run its survivors")
    parser.add_argument("--json", help="write the outcomes there, as they come")
    parser.add_argument(
        "--modules", nargs="*", default=(), help="parts of the paths of the modules to change"
    )
    given = parser.parse_args()
    # Imported before the forks, so that no child has to.
    import hypothesis  # noqa: F401
    import pycparser  # type: ignore[import-untyped]  # noqa: F401
    import pytest  # noqa: F401
    import tree_sitter  # noqa: F401
    import tree_sitter_c  # noqa: F401

    mutants = _survivors_of(given.only) if given.only else draw(given.count, given.seed, given.modules)
    outcomes: list[Outcome] = []
    for outcome in run(mutants, given.jobs):
        outcomes.append(outcome)
        print(f"{len(outcomes):4} {outcome.result:9}{outcome.seconds:6.1f} s  {outcome.mutant}", flush=True)
        if given.json:
            Path(given.json).write_text(json.dumps([asdict(one) for one in outcomes], indent=1))
    print(table(outcomes))


if __name__ == "__main__":
    main()
