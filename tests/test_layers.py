"""Imports go down only: base < scenario < mail < audit | draw < sim < engine < experiment < analysis < intake < report < surfaces."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import coexsim
from coexsim.engine.cache import KERNEL

PACKAGE = Path(coexsim.__file__).parent
LAYERS = {
    name: height
    for height, names in enumerate(
        [
            ("answers", "errors", "garbage", "units", "rng", "stats", "text", "cards", "pictures", "progress"),
            ("scenario",),
            ("mail",),
            ("audit", "draw"),
            ("sim",),
            ("engine",),
            ("experiment",),
            ("analysis",),
            ("intake",),
            ("report",),
            ("cli", "pytest_plugin", "__main__"),
        ]
    )
    for name in names
}
FREE = {"coexsim.__version__"}  # says nothing about the layers above


@cache
def parsed(source: str) -> ast.Module:
    """The tree of a source, which several tests look through."""
    return ast.parse(source)


@cache
def nodes(source: str) -> tuple[ast.AST, ...]:
    """All that is in it."""
    return tuple(ast.walk(parsed(source)))


def module_name(file: Path) -> str:
    """`coexsim.mail.dns` for coexsim/mail/dns.py; a package's own file keeps its `__init__`."""
    return ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)


def imported(module: str, source: str) -> Iterator[tuple[int, str]]:
    """Line and full name of everything of coexsim that `source` imports, in functions and for types too."""
    for node in nodes(source):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: -node.level] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{origin}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.split(".")[0] == "coexsim")


def faults(module: str, source: str) -> list[str]:
    """What is wrong with the imports of one module: those that go up, and names that belong to no layer."""
    if module == "coexsim.__init__":
        return []  # the public names, each loaded on first use
    own = module.split(".")[1]
    if own not in LAYERS:
        return [f"{module} belongs to no layer: give `{own}` a place in LAYERS"]
    found = []
    for line, name in imported(module, source):
        part = name.split(".")[1] if "." in name else ""
        if name in FREE:
            continue
        if part not in LAYERS:
            found.append(f"{module}:{line}: import from where {name} is defined, not from the public names")
        elif LAYERS[part] > LAYERS[own]:
            found.append(f"{module}:{line}: {own} must not import {name}")
    return found


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=module_name)
def test_imports_go_down_only(file: Path) -> None:
    """No module imports from a layer above its own, not even inside a function or for its types."""
    assert faults(module_name(file), file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("coexsim.mail.dns", "import coexsim.sim.world", "mail must not import coexsim.sim.world"),
        ("coexsim.mail.dns", "from coexsim.sim import world", "mail must not import coexsim.sim.world"),
        ("coexsim.mail.dns", "from coexsim import sim", "mail must not import coexsim.sim"),
        ("coexsim.mail.dns", "from ..sim.world import World", "mail must not import coexsim.sim.world.World"),
        ("coexsim.mail.__init__", "from ..cli import main", "mail must not import coexsim.cli.main"),
        (
            "coexsim.rng",
            "def f():\n    from coexsim.scenario import model",
            "coexsim.rng:2: rng must not import",
        ),
        ("coexsim.sim.world", "if TYPE_CHECKING:\n    import coexsim.report.plots", "sim must not import"),
        ("coexsim.report.html", "import coexsim.cli", "report must not import coexsim.cli"),
        ("coexsim.mail.dns", "from coexsim import simulate", "not from the public names"),
        ("coexsim.mail.dns", "import coexsim", "not from the public names"),
        ("coexsim.utils", "", "belongs to no layer"),
    ],
)
def test_an_import_that_goes_up_is_found(module: str, source: str, fault: str) -> None:
    """The check says no to every way of writing it."""
    [found] = faults(module, source)

    assert fault in found


def test_imports_that_go_down_or_sideways_are_fine() -> None:
    """Lower layers, the own package, other people's packages, and the version."""
    source = "import simpy\nfrom coexsim import __version__, rng\nfrom . import links\nfrom ..mail import dns"

    assert faults("coexsim.sim.world", source) == []
    assert faults("coexsim.__init__", "from coexsim.cli import main") == []
    assert faults("coexsim.__main__", "from coexsim.cli import main") == []


def circles(sources: dict[str, str]) -> list[list[str]]:
    """Modules that import each other in a ring, in functions and for types too."""
    imports = {
        module: [
            name if name in sources else name.rpartition(".")[0]
            for _, name in imported(module, source)
            if name in sources or name.rpartition(".")[0] in sources
        ]
        for module, source in sources.items()
    }
    found, done = [], set()
    for start in imports:
        way = [(start, iter(imports[start]))] if start not in done else []
        while way:
            following = next(way[-1][1], None)
            names = [name for name, _ in way]
            if following is None:
                done.add(way.pop()[0])
            elif following in names:
                found.append(names[names.index(following) :])
            elif following not in done:
                way.append((following, iter(imports[following])))
    return found


def test_no_modules_import_each_other() -> None:
    """No ring of imports anywhere, those for types only included; the public names are loaded on first use and stand apart."""
    files = {module_name(file): file.read_text(encoding="utf-8") for file in PACKAGE.rglob("*.py")}
    files.pop("coexsim.__init__")

    assert circles(files) == []
    ring = {
        "coexsim.sim.a": "from coexsim.sim.b import B",
        "coexsim.sim.b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from coexsim.sim import a",
    }
    assert circles(ring) == [["coexsim.sim.a", "coexsim.sim.b"]]
    assert circles(ring | {"coexsim.sim.b": "import math"}) == []


def missing_from_code(walk: str) -> list[str]:
    """What a text names as `file.py` (`function`) that is not in the package."""
    found = []
    for name, functions in re.findall(r"`(\w+/\w+\.py)`((?: \((?:`\w+`(?:, )?)+\))?)", walk):
        source = (PACKAGE / name).read_text(encoding="utf-8") if (PACKAGE / name).is_file() else ""
        found += (
            [name]
            if not source
            else [f"{name}: {f}" for f in re.findall(r"\w+", functions) if f"def {f}(" not in source]
        )
    return found


def test_the_way_of_a_message_that_is_told_is_that_of_the_code() -> None:
    """Every file that ARCHITECTURE.md names is there, and defines the functions named beside it."""
    walk = (Path(__file__).parents[1] / "coexsim/ARCHITECTURE.md").read_text(encoding="utf-8")

    assert walk.count(".py`") > 20
    assert missing_from_code(walk) == []
    assert missing_from_code("`sim/gone.py`, `mail/dns.py` (`gone`)") == ["sim/gone.py", "mail/dns.py: gone"]


def stale_names(text: str, defined: set[str], *, plain: bool = False) -> list[str]:
    """What a source file calls a step or method of the reference (in double backticks) that is not defined.

    With `plain` also names without a class or an underscore, which must be a function, or a method of the class that was named last.
    """
    found, of = [], ""
    for name in re.findall(r"``((?:[A-Z]\w+\.)?_?[a-z]\w+)``", text):
        if "." in name:
            of = name.partition(".")[0]
        looked_at = plain or "." in name or name.startswith("_")
        if looked_at and name not in defined and f"{of}.{name}" not in defined:
            found.append(name)
    return found


def names_of_the_reference() -> set[str]:
    """Functions of the reference, and methods with their class."""
    defined: set[str] = set()
    for room in ("sim", "mail", "draw"):
        for file in (PACKAGE / room).rglob("*.py"):
            source = file.read_text(encoding="utf-8")
            for node in nodes(source):
                if isinstance(node, ast.ClassDef):
                    defined |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
            defined |= {node.name for node in parsed(source).body if isinstance(node, ast.FunctionDef)}
    return defined


def test_the_compiled_engine_names_steps_as_the_reference_does() -> None:
    """What its docstrings and comments call by the name of the reference's method or function is there under this name."""
    defined = names_of_the_reference()

    stale = {
        file.name: found
        for file in (PACKAGE / "engine").rglob("*.py")
        if (found := stale_names(file.read_text(encoding="utf-8"), defined, plain=file.stem in KERNEL))
    }
    assert stale == {}
    assert stale_names("``Pool.release`` after ``Copy.part``", {"Pool.release"}) == ["Copy.part"]
    gone = "``Transfer._end_attempt``: the thread goes back; ``deliver``: who was refused fails; ``let``"
    known = {"Transfer._end_attempt", "Transfer.let", "World.deliver"}
    assert stale_names(gone, known, plain=True) == ["deliver"]


HELPERS = {
    "no_room_for_decision": "arrays have room, which lists need not be asked for",
    "failures_in": "so many rows are short of room",
    "number_of_fallbacks": "the length of a list of the policy",
}
"""Functions in the kernel's steps that the reference has no counterpart of, and why."""


def without_counterpart(source: str, defined: set[str], helpers: Iterable[str] = ()) -> list[str]:
    """Functions of a module of steps whose docstring does not name what does it in the reference."""
    return [
        node.name
        for node in parsed(source).body
        if isinstance(node, ast.FunctionDef) and node.name not in helpers
        if defined.isdisjoint(re.findall(r"``([\w.]+)``", ast.get_docstring(node) or ""))
    ]


def test_each_step_of_the_kernel_says_what_it_is_in_the_reference() -> None:
    """By a function or method in double backticks; a name alone may be that of something else."""
    defined = names_of_the_reference()
    sources = {
        name: (PACKAGE / f"engine/{name}.py").read_text(encoding="utf-8")
        for name in KERNEL
        if name.endswith("_steps") or name == "interruptions"
    }

    assert len(sources) == 8
    assert {
        name: found for name, source in sources.items() if (found := without_counterpart(source, defined, HELPERS))
    } == {}
    assert sorted(n for source in sources.values() for n in without_counterpart(source, defined)) == sorted(HELPERS)
    steps = 'def move(w):\n    """``move``: it has it."""\ndef relay(w):\n    """To the next hop."""\ndef got(w):\n    """``gone``."""'
    assert without_counterpart(steps, {"move", "relay"}) == ["relay", "got"]


def found_in_sources(look: Callable[[str], Collection[str]]) -> dict[str, Collection[str]]:
    """What `look` finds in the text of each file of the package, where it finds something."""
    files = sorted(PACKAGE.rglob("*.py"))
    found = {file.relative_to(PACKAGE).as_posix(): look(file.read_text(encoding="utf-8")) for file in files}
    assert len(found) > 200
    return {name: names for name, names in found.items() if names}


PUBLIC_OF_TUPLES = {"_replace", "_asdict", "_fields", "_make"}  # documented for namedtuples


def private_names_read(source: str) -> set[str]:
    """Private names of other objects that a file reads or writes: not of `self`, nor of another of a class that has them itself."""
    own: set[str] = {node.attr for node in nodes(source) if isinstance(node, ast.Attribute) and is_self(node.value)}
    own |= {node.name for node in nodes(source) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {
        node.target.id
        for node in nodes(source)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    read = {
        node.attr
        for node in nodes(source)
        if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr) and not is_self(node.value)
    }
    imported = {
        alias.name
        for node in nodes(source)
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
        if re.match(r"_[a-z]", alias.name)
    }
    return (read - own - PUBLIC_OF_TUPLES) | imported


def is_self(node: ast.expr) -> bool:
    """`self`, or the class."""
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def test_nothing_uses_private_names_of_other_modules_or_libraries() -> None:
    """What has an underscore may change with the next release."""
    assert found_in_sources(private_names_read) == {}
    assert private_names_read("heappush(env._queue, 1)") == {"_queue"}
    assert private_names_read("from coexsim.sim.world import _serial") == {"_serial"}
    assert private_names_read("self._x = other._x; row._replace(a=1)") == set()


def products_of(source: str) -> list[str]:
    """Products of whole arrays: ``@`` and ``dot``, which a library of linear algebra adds up in as many threads as there are processors."""
    return [
        ast.unparse(node)
        for node in nodes(source)
        if (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult))
        or (isinstance(node, ast.Attribute) and node.attr in ("dot", "vdot", "inner", "matmul"))
    ]


def test_no_sum_depends_on_the_number_of_processors() -> None:
    """Nor waits for the next: such threads go on for a while after each product, a fifth of the processor time of `size` once."""
    assert found_in_sources(products_of) == {}
    assert products_of("total = weights @ delays; also = np.dot(a, b)") == ["weights @ delays", "np.dot"]
