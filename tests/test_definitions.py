# SPDX-License-Identifier: GPL-2.0-or-later
"""What a file shows of itself by its bytes: its definitions, which of them matter, and where names are used;
and the files of a tree, as they are loaded and indexed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from qerrlint.c.declarations.types import Signature
from qerrlint.model.definitions import Definitions, NameUses
from qerrlint.model.file_text import FileText
from qerrlint.model.include_graph import DeclarationCache, Files, NameIndex
from qerrlint.model.lookups import EVERYTHING, LookupRecorder, Lookups
from qerrlint.model.program import Program, SeenProgram
from qerrlint.model.reads import ABSENT, Digests, Question, Reads
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource
from qerrlint.source.source import git_blob_id
from qerrlint.source.span import Span

FUNCTION = "{} {}(void)\n{{\n    {}\n}}\n"


def definitions(text: str) -> Definitions:
    return Definitions(FileText("a.c", text.encode()))


def uses(text: str) -> NameUses:
    found = FileText("a.c", text.encode())
    return NameUses(found, Definitions(found))


def test_the_function_at_an_offset() -> None:
    text = "int lone;\nvoid peg_set(int n)\n{\n    n++; /* more */\n}\nint last;\n"
    found = definitions(text)
    at = {word: found.function_at(text.index(word)) for word in ("lone", "int n", "n++", "more", "last")}
    assert at == {"lone": "", "int n": "", "n++": "peg_set", "more": "", "last": ""}


# -- definitions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "relevant"),
    [
        ("Error *x;", True),
        ("GError *x;", True),
        ("MyError *x;", False),
        ("Errors *x;", False),
        ("f(errp);", True),
        ("f(xerrp);", False),
        ("error_report(x);", True),
        ("my_error_report(x);", False),
        ("f(local_err);", True),
        ("f(local_error);", False),
        ("NotifierWithReturn *n;", True),
        ("NotifierWithReturnX *n;", False),
        ("f(cpr_notifier);", True),
        ("migrate_add_blocker_modes(x);", True),
        ("f(blocker);", False),
        ("/* an error */ f();", False),
    ],
)
def test_functions_that_have_to_do_with_errors(body: str, relevant: bool) -> None:
    """Among others: one before, one behind, and one of the kind that does not count."""
    text = FUNCTION.format("int", "before", "f(errp);") + FUNCTION.format("int", "plain", "g();")
    text += FUNCTION.format("int", "asked", body) + FUNCTION.format("int", "behind", "f(errp, errp);")
    found = definitions(text)
    names = [piece.name for piece in found.relevant()]
    assert names == ["before", *(["asked"] if relevant else []), "behind"]
    assert found.is_relevant(found.by_name["asked"][0]) is relevant
    assert found.deal_with_errors("asked") is relevant
    assert not found.deal_with_errors("plain")
    assert not found.deal_with_errors("none")


def test_what_stands_between_functions_makes_none_relevant() -> None:
    text = "extern Error *errp;\n" + FUNCTION.format("int", "f", "g();") + "extern Error *e2;\n"
    assert definitions(text).relevant() == []
    assert [p.name for p in definitions(text + FUNCTION.format("int", "h", "f(errp);")).relevant()] == ["h"]
    # A type of another name before the right one.
    assert [p.name for p in definitions(FUNCTION.format("int", "f", "MyError e; Error *x;")).relevant()] == [
        "f"
    ]


def test_the_definition_around_an_offset() -> None:
    text = "int x;\n" + FUNCTION.format("int", "f", "g();") + "int y;\n" + FUNCTION.format("int", "h", "g();")
    found = definitions(text)
    first, second = found.functions
    assert found.around(0) is None
    for piece in (first, second):
        assert found.around(piece.span.start) is piece
        assert found.around(piece.span.end - 1) is piece
        assert found.around(piece.span.end) is None
        assert found.around(piece.span.start - 1) is None
    assert found.around(len(text)) is None


def test_definitions_of_one_name_and_their_linkage() -> None:
    text = "#ifdef A\nstatic int f(int a)\n{\n}\n#else\nint f(void)\n{\n    static int n;\n}\n#endif\n"
    found = definitions(text)
    one, other = found.by_name["f"]
    assert (found.is_static(one), found.is_static(other)) == (True, False)
    signatures = [found.signature(piece) for piece in (one, other)]
    assert [len(s.params) if s is not None else None for s in signatures] == [1, 0]
    assert found.signature(one) is signatures[0]


@pytest.mark.parametrize(
    ("bodies", "ends"),
    [
        (["exit(1);"], True),
        (["g_assert_not_reached();"], True),
        (["hw_error (x);"], True),
        (["my_exit(1);"], False),
        (["exits(1);"], False),
        (["if (x) { return; } exit(1);"], False),
        (["f();"], False),
        (["exit(1);", "abort();"], True),
        (["exit(1);", "f();"], False),
    ],
)
def test_functions_that_may_end_the_process(bodies: list[str], ends: bool) -> None:
    found = definitions("".join(FUNCTION.format("void", "f", body) for body in bodies))
    assert bool(found.may_end_process("f")) is ends
    assert bool(found.may_end_process("f")) is ends


def test_gaps_that_may_hold_something_about_errors() -> None:
    text = "DEFINE(f)\n{ error_setg(errp); }\nint old(a)\nint a;\n{\n    return 0;\n}\n"
    kinds = {gap.kind for gap in definitions(text).gaps}
    about = definitions(text.replace("return 0", "error_report(x)")).relevant_gaps()
    assert kinds
    assert {gap.kind for gap in about} <= kinds
    assert len(about) > len(definitions(text).relevant_gaps())
    wide = Definitions(FileText("a.c", "int f(void) { }".encode("utf-16")))
    assert wide.relevant_gaps() == list(wide.gaps)


# -- uses of names ------------------------------------------------------------------------------------

USES = """
static int f(int a);
static int f(int a)
{
    return f(a - 1);
}
static int g(void)
{
    return f(1) + f(2);
}
static int f2(void)
{
    return xf(1);
}
static int h(void)
{
    return f(3);
}
"""


def test_who_mentions_a_function() -> None:
    found = uses(USES)
    assert found.callers_of("f") == ["g", "h"]
    assert [piece.name for piece in found.definitions_that_mention("f")] == ["g", "h"]
    assert found.callers_of("none") == []
    assert found.mentions("f") == 4
    assert found.mentions("g") == 0
    assert uses("int (*p)(int) = f;\n" + USES).mentions("f") == 5
    # The head of a function is none of its body.
    assert uses("static int g(int f)\n{\n    return 1;\n}\n").callers_of("f") == []


@pytest.mark.parametrize(
    ("text", "handed"),
    [
        ("p = f;", True),
        ("g(f, 1);", True),
        ("g(&f);", True),
        ("f(1);", False),
        ("f (1);", False),
        ("s->f = 1;", False),
        ("s.f = 1;", False),
        ("f2 = 1;", False),
        ("f(1); p = f;", True),
    ],
)
def test_addresses_that_go_somewhere(text: str, handed: bool) -> None:
    assert uses(FUNCTION.format("void", "g", text)).is_handed_over("f") is handed


def test_members_that_functions_are_stored_in() -> None:
    text = (
        "static const Ops a = {\n    .open = f,\n    .close = &g,\n    .number = 3,\n};\n"
        "static const Ops b = {\n    .start = f };\n"
        + FUNCTION.format("void", "h", "s->open = f; s.next = f ; t = f; s->x = f(1);")
    )
    found = uses(text)
    assert found.slots_of("f") == {"open", "start", "next"}
    assert found.slots_of("g") == {"close"}
    assert (found.stores_of("f"), found.stores_of("g"), found.stores_of("h")) == (4, 1, 0)
    assert found.slots_of("h") == frozenset()


@pytest.mark.parametrize(
    ("text", "registered"),
    [
        ("migration_add_notifier(&s->n, f);", True),
        ("migration_add_notifier_modes(&s->n, f, 1);", True),
        ("postcopy_add_notifier(&s->f);", True),
        ("notifier_with_return_list_add(&list, &f);", True),
        ("s->n.notify = f;", True),
        ("s->n.notify = g; p = f;", False),
        ("migration_add_notifier(&s->n, g); p = f;", False),
        ("migration_remove_notifier(&s->n, f);", False),
        ("s->notify_f(1);", False),
    ],
)
def test_notifiers_that_are_registered(text: str, registered: bool) -> None:
    assert uses(FUNCTION.format("void", "g2", text)).is_registered_notifier("f") is registered


# -- the text -----------------------------------------------------------------------------------------


def test_comments_and_lines_of_a_text() -> None:
    data = b"/* one\n * two */\nint f;\nint   g ; /* at g */ int h;\n"
    text = FileText("a.c", data)
    assert text.comment_above(data.index(b"int f")) == "/* one two */"
    assert text.comment_above(data.index(b"int   g")) == ""
    assert text.comment_above(data.index(b"int h")) == "/* at g */"
    assert text.in_comment(data.index(b"two"))
    assert not text.in_comment(data.index(b"int f"))
    assert not text.in_comment(0)
    assert text.words >= {b"one", b"two", b"int", b"f", b"g", b"h"}
    assert b"g ;" not in text.words


# -- files of a tree ----------------------------------------------------------------------------------


def of_tree(files: dict[str, str], follow: bool = True, cache: DeclarationCache | None = None) -> Files:
    data = {path: text.encode() for path, text in files.items()}
    return Files(OverlaySource(EmptySource(), data), follow, cache)


def test_a_cache_of_declarations_by_path_and_content() -> None:
    cache = DeclarationCache()
    first = of_tree({"a.h": "int f(void);\n"}, cache=cache).file("a.h")
    assert first is not None
    assert cache.size == len("int f(void);\n")
    digest = git_blob_id(b"int f(void);\n")
    assert cache.get("a.h", digest) is first
    assert cache.get("b.h", digest) is None
    assert of_tree({"a.h": "int f(void);\n"}, cache=cache).file("a.h") is first
    assert cache.size == len("int f(void);\n")
    other = of_tree({"a.h": "int f(int);\n"}, cache=cache).file("a.h")
    assert other is not first
    assert cache.size == len("int f(void);\n") + len("int f(int);\n")


def test_what_is_included_by_rank() -> None:
    files = of_tree(
        {
            "a.c": '#include "b.h"\n#include "c.h"\n#include <hw/e.h>\n#include <g.h>\n#include "none.h"\n',
            "b.h": '#include "d.h"\n',
            "c.h": '#include "a.c"\n',
            "d.h": "",
            "g.h": "",
            "include/hw/e.h": "",
        }
    )
    wanted = {"a.c": 0, "b.h": 1, "c.h": 2, "include/hw/e.h": 3, "d.h": 4}
    assert files.reached("a.c") == wanted
    assert files.reached("a.c") is files.reached("a.c")
    assert files.reached("none.c") == {"none.c": 0}
    assert "reach:a.c" in files.asked.now.keys
    alone = of_tree({"a.c": '#include "b.h"\n', "b.h": ""}, follow=False)
    assert alone.reached("a.c") == {"a.c": 0}


DEFINES = "int f(void)\n{\n    return 0;\n}\n"


def test_the_one_file_that_defines_a_function() -> None:
    assert of_tree({"a.c": DEFINES, "b.h": "int f(void);\n"}).defining_file("f") == "a.c"
    assert of_tree({"a.c": DEFINES, "b.c": DEFINES}).defining_file("f") is None
    assert of_tree({"a.c": "static " + DEFINES}).defining_file("f") is None
    assert of_tree({"a.c": DEFINES, "b.c": "static " + DEFINES}).defining_file("f") == "a.c"
    assert of_tree({"a.h": DEFINES}).defining_file("f") is None
    assert of_tree({"a.c": "int f(void);\n"}).defining_file("f") is None
    assert of_tree({"a.c": DEFINES}).defining_file("g") is None


@pytest.mark.parametrize(
    "folder",
    ["roms", "subprojects", "tests", "contrib", "docs", "scripts", "pc-bios", "linux-headers", "rust"],
)
def test_folders_outside_of_the_core(folder: str) -> None:
    assert of_tree({f"{folder}/a.c": DEFINES}).defining_file("f") is None
    assert of_tree({f"x{folder}/a.c": DEFINES}).defining_file("f") == f"x{folder}/a.c"
    assert of_tree({f"hw/{folder}/a.c": DEFINES}).defining_file("f") == f"hw/{folder}/a.c"


def test_which_files_are_of_c() -> None:
    files = of_tree({"a.c": "", "b.h": "", "c.c.inc": "", "d.h.inc": "", "e.cc": "", "f.txt": ""})
    files.index_all()
    assert [one.path for one in files.known()] == ["a.c", "b.h", "c.c.inc", "d.h.inc"]
    assert EVERYTHING in files.asked.now.keys
    sources = of_tree({"a.c": "x", "b.h": "", "c.c.inc": "", "roms/d.c": "", "e.txt": ""})
    assert [*sources.of_every_source(len)] == [("a.c", 1), ("c.c.inc", 0)]
    assert EVERYTHING not in sources.asked.now.keys
    assert next(sources.every_source()) == ("a.c", b"x")
    assert EVERYTHING in sources.asked.now.keys
    nothing = Files(None, follow=False)
    nothing.index_all()
    assert not [
        *nothing.every_source(),
        *nothing.known(),
        *nothing.paths(),
        *nothing.of_every_source(len),
    ]


def test_what_is_computed_of_a_content_is_computed_once_for_trees_that_share_it() -> None:
    asked: list[bytes] = []

    def compute(data: bytes) -> bytes:
        asked.append(data)
        return data[:1]

    class Known(OverlaySource):
        def known_id(self, path: str) -> str | None:
            return self.blob_id(path) if path != "unknown.c" else None

    cache = DeclarationCache()
    first = Known(EmptySource(), {"a.c": b"one", "b.c": b"two", "unknown.c": b"xyz"})
    second = Known(EmptySource(), {"a.c": b"one", "b.c": b"more", "unknown.c": b"xyz"})
    found = [dict(Files(tree, follow=True, cache=cache).of_every_source(compute)) for tree in (first, second)]
    assert found[0] == {"a.c": b"o", "b.c": b"t", "unknown.c": b"x"}
    assert found[1] == {"a.c": b"o", "b.c": b"m", "unknown.c": b"x"}
    assert sorted(asked) == [b"more", b"one", b"two", b"xyz", b"xyz"]


def returns(signature: Signature | None) -> str | None:
    return signature.returns if signature is not None else None


def test_the_signature_that_a_file_sees() -> None:
    files = of_tree(
        {
            "hw/a.c": '#include "b.h"\n#include "c.h"\nint own(void);\nint f(void);\n',
            "hw/b.h": "long own(void);\nlong g(void);\nlong f(void);\n",
            "hw/c.h": "short g(void);\n",
            "hw/near.c": "char k(void)\n{\n}\nstatic char s(void)\n{\n}\n",
            "block/far.h": "long k(void);\nstatic inline long s(void)\n{\n}\n",
            "hw/near.h": "bool k(void);\n",
            "block/far.c": "short m(void);\n",
            "hw/z.c": "int m(void);\n",
        }
    )
    assert returns(files.signature("own", "hw/a.c", False)) == "int"
    assert returns(files.signature("g", "hw/a.c", False)) == "long"
    assert files.signature("k", "hw/a.c", False) is None
    # Then the tree's: headers first, then those of the nearest folder; no static function of another file.
    assert returns(files.signature("k", "hw/a.c", True)) == "bool"
    assert returns(files.signature("k", "block/a.c", True)) == "long"
    assert returns(files.signature("m", "hw/a.c", True)) == "int"
    assert returns(files.signature("m", "block/a.c", True)) == "short"
    assert returns(files.signature("m", "a.c", True)) == "short"
    assert returns(files.signature("s", "hw/a.c", True)) == "long"
    assert files.signature("none", "hw/a.c", True) is None
    assert "f:none" in files.asked.now.everything()[0]


def test_a_pattern_in_a_file() -> None:
    files = of_tree({"a.c": "int peg;\n"})
    assert files.contains("a.c", rb"\bpeg\b")
    assert files.contains("a.c", rb"\bpeg\b", (b"none", b"peg"))
    assert not files.contains("a.c", rb"\bpeg\b", (b"none",))
    assert not files.contains("a.c", rb"\bpe\b")
    assert not files.contains("b.c", rb"")
    assert files.asked.now.texts[("a.c", rb"\bpe\b")] is False
    assert files.asked.now.texts[("a.c", rb"\bpeg\b")] is False  # what was asked last
    assert files.read("a.c") == b"int peg;\n"
    assert files.digests["a.c"] == git_blob_id(b"int peg;\n")
    assert files.read("b.c") is None
    assert "file:b.c" in files.asked.now.keys


def test_names_by_the_first_file_that_declares_them() -> None:
    files = of_tree(
        {
            "a.c": '#include "b.h"\n#include "c.h"\n#define OWN 1\n#define BOTH 1\n',
            "b.h": "#define BOTH 2\n#define ONE 2\n#define ALL 2\n",
            "c.h": "#define ALL 3\n#define TWO 3\n",
            "d.c": '#include "c.h"\n#include "b.h"\n',
            "e.h": "#define ELSE 4\n",
        }
    )
    index = NameIndex(files, "m", lambda declarations: declarations.macros)

    def where(name: str, path: str) -> str | None:
        found = index.declaring(name, path)
        return found.path if found is not None else None

    assert [where(name, "a.c") for name in ("OWN", "BOTH", "ONE", "TWO", "ALL", "ELSE")] == [
        "a.c",
        "a.c",
        "b.h",
        "c.h",
        "b.h",
        None,
    ]
    assert [where(name, "d.c") for name in ("OWN", "BOTH", "ALL")] == [None, "b.h", "c.h"]
    assert [where(name, "a.c") for name in ("OWN", "ALL")] == ["a.c", "b.h"]
    assert {"m:ALL", "reach:d.c"} <= files.asked.now.everything()[0]


# -- what was asked -----------------------------------------------------------------------------------


def test_lookups_of_a_computation_and_of_its_parts() -> None:
    asked, table = LookupRecorder(), dict[object, tuple[object, Lookups]]()
    calls: list[str] = []

    def inner() -> int:
        calls.append("inner")
        asked.add("x")
        asked.search("a.c", b"p", True)
        return 7

    def outer() -> int:
        asked.add("y")
        return asked.recall(table, "inner", inner) + 1

    assert asked.recall(table, "outer", outer) == 8
    assert asked.recall(table, "outer", outer) == 8
    assert calls == ["inner"]
    assert asked.now.keys == set()
    keys, searches = asked.now.everything()
    assert keys == {"x", "y", "text:a.c"}
    assert searches == {("a.c", b"p"): True}
    # Another computation that recalls it has asked the same; one that fails leaves the one under way.
    before = asked.begin()
    assert asked.recall(table, "inner", inner) == 7
    assert asked.end(before).everything()[0] == {"x", "text:a.c"}

    def fails() -> int:
        asked.add("z")
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        asked.recall(table, "fails", fails)
    assert asked.now is before
    assert "fails" not in table


def test_reads_count_for_those_that_look_into_a_file() -> None:
    one, two, three = Reads(), Reads(), Reads()
    one.answers[("a",)], two.answers[("b",)], three.answers[("c",)] = 1, 2, 3
    assert one.questions() is one.answers
    one.include(two)
    one.include(two)
    two.include(three)
    three.include(one)
    one.include(one)
    assert one.others == [two]
    assert one.questions() == {("a",): 1, ("b",): 2, ("c",): 3}
    assert [id(reads) for reads in one.all()] == [id(one), id(two), id(three)]


def test_digests_of_answers() -> None:
    digests = Digests()
    assert digests.of(None) == ABSENT
    assert (digests.of(3), digests.of(True)) == ("3", "True")
    assert digests.of("a") == digests.of("a") != digests.of("b")
    assert len(digests.of("a")) == 18
    question = ("signature", "f")
    assert dict(digests.all_of({question: None})) == {question: ABSENT}
    assert digests.unchanged({question: ABSENT}, lambda asked: None)
    assert not digests.unchanged({question: ABSENT}, lambda asked: 3)
    # The place of a declaration does not count, but whether the tree has it.
    (first, moved, gone) = (
        of_tree({path: text}).signature("f", path, False)
        for path, text in (
            ("a.h", "int f(void);\n"),
            ("b.h", "\n\nint f(void);\n"),
            ("a.h", "int f(int x);\n"),
        )
    )
    assert digests.of(first) == digests.of(moved) != digests.of(gone)


# -- the program --------------------------------------------------------------------------------------

SETS = 'int f(Error **errp)\n{\n    error_setg(errp, "x");\n    return -1;\n}\n'


def program(files: dict[str, str], reach: str = "headers", at_hand: Iterable[str] = ()) -> Program:
    data = {path: text.encode() for path, text in files.items()}
    return Program(OverlaySource(EmptySource(), data), reach, at_hand)


def test_functions_of_files_at_hand() -> None:
    made = program(
        {"a.c": SETS, "b.c": SETS, "c.c": "static " + SETS.replace("f(", "g(")},
        at_hand=("a.c", "b.c", "none.c", "c.c"),
    )
    assert made.defining_path("f") == "a.c"
    assert made.defining_path("g") is None
    assert made.defining_path("none") is None
    assert len(made.bodies("f")) == 1
    assert made.bodies("g") == ()
    summary = made.summary("f")
    assert summary is not None
    assert summary.may_set
    assert program({"a.c": SETS}).summary("f") is None


@pytest.mark.parametrize(
    ("text", "reach", "known"),
    [
        ("int f(Error **errp)\n{\n    return 0;\n}\n", "tree", True),
        ("int f(Error **errp)\n{\n    return 0;\n}\n", "headers", False),
        (SETS, "tree", False),
        ('void f(Error **errp)\n{\n    error_setg(errp, "x");\n    abort();\n}\n', "tree", True),
        ("int f(int n)\n{\n    return 0;\n}\n", "tree", False),
        ("static int f(Error **errp)\n{\n    return 0;\n}\n", "tree", False),
    ],
)
def test_bodies_elsewhere_in_the_tree(text: str, reach: str, known: bool) -> None:
    made = program({"a.c": text, "b.c": ""}, reach)
    assert (made.summary("f") is not None) is known
    assert (made.summary("f") is not None) is known


def test_a_program_without_the_rest_of_its_tree_is_partial() -> None:
    assert program({}, "patch").partial
    assert not program({}, "headers").partial
    assert Program(EmptySource(), "headers", partial=True).partial


def test_what_a_program_is_asked_is_put_down() -> None:
    made = program({"a.c": SETS, "b.c": SETS.replace("f(", "g(")}, at_hand=("a.c",))
    reads = Reads()
    seen = SeenProgram(made, reads)
    assert seen.mentioning is None
    made.mentioning = lambda name: [f"{name}.c"]
    ask = seen.mentioning
    assert ask is not None
    assert ask("f") == ("f.c",)
    made.mentioning = lambda name: []
    assert ask("f") == ("f.c",)
    assert reads.answers[("mentioning", "f")] == ("f.c",)
    assert seen.containing(["error_setg"]) == ("a.c", "b.c")
    assert seen.containing(["none"]) == ()
    assert reads.answers[("containing", "error_setg")] == ("a.c", "b.c")
    other = seen.unit("b.c")
    assert other is not None
    assert reads.answers[("file", "b.c")] == other.digest
    assert other.reads in reads.others
    assert seen.unit("none.c") is None
    assert reads.answers[("file", "none.c")] is None
    assert seen.holds("b.c", rb"error_\w+")
    assert reads.answers[("holds", "b.c", r"error_\w+")] is True
    assert not seen.holds("none.c", rb"error_\w+")
    assert seen.unit_about("b.c", "f") is other
    assert reads.answers[("about", "b.c", "f")] == other.about.digest("f")
    assert seen.unit_about("none.c", "f") is None
    assert reads.answers[("about", "none.c", "f")] is None
    apart = seen.separate_unit("b.c")
    assert apart is not None
    assert apart is not other
    assert apart.reads in reads.others


def test_whose_body_was_looked_for_is_put_down() -> None:
    def asked(
        at_hand: Iterable[str], reach: str, ask: Callable[[SeenProgram], object]
    ) -> dict[Question, object]:
        reads = Reads()
        ask(SeenProgram(program({"a.c": SETS}, reach, at_hand), reads))
        assert {*reads.all(bodies=False)} == {reads}
        return dict(reads.questions())

    for ask in (lambda seen: seen.summary("f"), lambda seen: seen.bodies("f")):
        assert asked((), "headers", ask) == {}
        assert asked((), "tree", ask) == {("tree", "f"): None}
        found = asked(("a.c",), "headers", ask)
        assert found[("defining_path", "f")] == "a.c"
        assert found[("file", "a.c")] is not None
    assert asked(("a.c",), "headers", lambda seen: seen.summary("g")) == {("defining_path", "g"): None}


def test_what_is_worked_out_once_counts_for_all_who_ask() -> None:
    made = program({"a.c": SETS})
    calls: list[int] = []

    def compute(seen: SeenProgram) -> str:
        calls.append(1)
        return ",".join(seen.containing(["error_setg"]))

    for _ in range(2):
        reads = Reads()
        assert SeenProgram(made, reads).once("key", compute) == "a.c"
        assert reads.questions() == {("containing", "error_setg"): ("a.c",)}
    assert calls == [1]


def test_text_that_is_no_utf_8_is_shown_all_the_same() -> None:
    data = b"int  a;\n/* caf\xe9 */\nint b;\n"
    text = FileText("a.c", data)
    assert text.on_one_line(Span("a.c", 0, len(data))) == "int a; /* caf\ufffd */ int b;"
