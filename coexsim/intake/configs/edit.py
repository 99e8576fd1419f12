"""Keys put into a scenario file that is there: its text and comments stay, what changes is kept beside the new value."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from coexsim import units
from coexsim.errors import InputError, Problem, UnitError
from coexsim.intake.configs.yaml_text import STEP, Leaf, Tree, block, comment, entry, flow, plain_of, printable, scalar
from coexsim.scenario.plain import parse, places_of
from coexsim.scenario.yaml12 import NotYamlError, compose, value_of

LONGEST_LINE = 120  # characters up to which keys are added on one line


class KeyChange(NamedTuple):
    """A key whose value in the file was another one."""

    path: str
    old: str
    new: str


def merge_into(text: str, tree: Tree, file: str) -> tuple[str, list[KeyChange]]:
    """`text` with the keys of `tree`, and what was otherwise before. Raises `InputError`."""
    editor = _Editor(text, file)
    root = editor.root()
    if root is None:
        return (text if text.endswith("\n") or not text else text + "\n") + "\n".join(block(tree)) + "\n", []
    editor.mapping(root, tree, ())
    merged = editor.result()
    top = _Editor(merged, file).root()
    other = next(_not_merged(editor.plain(root), editor.plain(top) if top else {}, plain_of(tree), ()), None)
    if other is not None:
        why = "import cannot change this file safely: this would not be as wanted"
        cure = "write out what & and * share, each key on a line of its own, or use --out"
        raise InputError([Problem(file, _line_of_key(text, file, other), ".".join(other), f"{why}; {cure}")])
    return merged, editor.changes


def _not_merged(old: Any, new: Any, wanted: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Where `new` has not what was wanted, or not what `old` has at every other place."""
    if not isinstance(wanted, dict) or not isinstance(new, dict):
        if not _same(new, wanted):
            yield path
        return
    before = old if isinstance(old, dict) else {}
    for name in {**before, **wanted, **new}:
        if name in wanted and name in new:
            yield from _not_merged(before.get(name), new[name], wanted[name], (*path, name))
        elif name not in new or name not in before or new[name] != before[name]:
            yield (*path, name)


def _line_of_key(text: str, file: str, path: tuple[str, ...]) -> int:
    """The line of a key of a scenario, or of the key above it that is there."""
    places = {tuple(map(str, key)): place for key, place in places_of(parse(text, file)[1]).items()}
    return next((places[path[:n]].line for n in range(len(path), 0, -1) if path[:n] in places), 0)


def _same(one: Any, other: Any) -> bool:
    """Do two values say the same: also ``25 MB`` and ``25000000 B``, or one name and a list of it."""
    if one == other or ([one] == other and not isinstance(one, dict)):
        return True
    if isinstance(one, str) and isinstance(other, str):
        for reader in (units.size_bytes, units.duration_s):
            try:
                return bool(reader(one) == reader(other))
            except UnitError:
                continue
        return {"enabled": True, "disabled": False}.get(one, one) == other or one.strip() == other.strip()
    return isinstance(other, bool) and {"enabled": True, "disabled": False}.get(str(one)) == other


@dataclass
class _Editor:
    """The edits of one text, gathered from its nodes and made from the end."""

    text: str
    file: str
    changes: list[KeyChange] = field(default_factory=list)
    _edits: list[tuple[int, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._starts = [0]
        for line in self.text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def root(self) -> Any:
        """The mapping at the top; None in an empty file."""
        try:
            tree = compose(self.text)
        except NotYamlError as error:
            raise InputError([Problem(self.file, error.line, "", f"not readable as YAML: {error.why}")]) from None
        if tree is not None and (tree.id != "mapping" or (tree.value and tree.flow_style)):
            raise InputError([Problem(self.file, 1, "", "a scenario is a mapping that begins with 'coexsim: 1'")])
        return tree if tree is not None and tree.value else None

    def result(self) -> str:
        """The text with all edits."""
        text = self.text
        numbered = [(start, end, number, new) for number, (start, end, new) in enumerate(self._edits)]
        for start, end, _, new in sorted(
            numbered, reverse=True
        ):  # of those at one place, the last one made ends up last
            text = text[:start] + new + text[end:]
        return text

    def plain(self, node: Any) -> Any:
        """A node as plain data."""
        if node.id == "mapping":
            return {str(key.value): self.plain(value) for key, value in node.value}
        if node.id == "sequence":
            return [self.plain(one) for one in node.value]
        return value_of(node)

    def mapping(self, node: Any, tree: Tree, path: tuple[str, ...]) -> None:
        """Edits that put `tree` into a mapping."""
        there = {str(key.value): (key, value) for key, value in node.value}
        missing: Tree = {}
        for name, part in tree.items():
            if name not in there:
                missing[name] = part
                continue
            key, value = there[name]
            if isinstance(part, Leaf) and isinstance(part.value, dict) and value.id == "mapping":
                part = {key: Leaf(one, part.where, part.note) for key, one in part.value.items()}
            if isinstance(part, dict) and value.id == "mapping" and value.value:
                self.mapping(value, part, (*path, name))
            elif not _same(self.plain(value), plain_of(part)):
                self._replace(node, key, value, name, part, path)
        if missing:
            (self._insert_in_flow if node.flow_style else self._insert_in_block)(node, missing)

    def _insert_in_block(self, node: Any, missing: Tree) -> None:
        last = _last(node)
        at = self._end_of_line(self._end(last))
        indent = " " * node.value[0][0].start_mark.column
        lines = "\n".join(block(missing, indent))
        ended = self.text[at - 1 : at] == "\n" or not at
        self._edits.append((at, at, f"{lines}\n" if ended else f"\n{lines}\n"))

    def _insert_in_flow(self, node: Any, missing: Tree) -> None:
        at = self._place(node.end_mark) - 1  # before the closing brace
        if self._insert_on_the_line(node, missing, at):
            return
        line_start = self._starts[node.start_mark.line]
        own = self.text[line_start:]
        indent = " " * (len(own) - len(own.lstrip(" "))) + STEP
        lines = list(_flow_lines(missing, indent))
        before = self.text[self._place(node.start_mark) : at].rstrip()
        comma = "" if before.endswith((",", "{")) else ","
        self._edits.append((at, at, comma + "\n" + "\n".join(lines) + "\n" + indent))

    def _insert_on_the_line(self, node: Any, missing: Tree, at: int) -> bool:
        """Keys that have room on the line of their braces stand there, their places in the comment at its end."""
        stop = self._line_end(at)
        line = self.text[self._starts[node.start_mark.line] : stop]
        simple = all(isinstance(part, Leaf) for part in missing.values()) and node.start_mark.line == node.end_mark.line
        said = ", ".join(f"{scalar(name)}: {flow(part.value)}" for name, part in missing.items()) if simple else ""
        if not simple or len(line) + len(said) > LONGEST_LINE:
            return False
        inside = self.text[self._place(node.start_mark) + 1 : at].strip()
        self._edits.append((at, at, (", " if inside and not inside.endswith(",") else "") + said))
        places = dict.fromkeys(str(part.where) for part in missing.values() if part.where)
        commented = "#" in self.text[at:stop]
        if places:
            self._edits.append((stop, stop, ("; " if commented else "  # ") + printable(", ".join(places))))
        return True

    def _line_end(self, place: int) -> int:
        """The end of the line, before what ends it."""
        stop = self._end_of_line(place)
        return stop - (self.text[stop - 1 : stop] == "\n")

    def _replace(self, node: Any, key: Any, value: Any, name: str, part: Any, path: tuple[str, ...]) -> None:
        old, new = self.plain(value), plain_of(part)
        self.changes.append(KeyChange(".".join((*path, name)), printable(flow(old)), printable(flow(new))))
        leaf = part if isinstance(part, Leaf) else None
        start, end = self._place(value.start_mark), self._end(_last(value))
        one_line = value.start_mark.line == self._line_of(end) and value.start_mark.line == key.start_mark.line
        simple = leaf is not None and not any(line.endswith("|") or line == "" for line in entry(name, leaf, ""))
        if node.flow_style or (one_line and simple and len(list(entry(name, leaf, "") if leaf else ())) == 1):
            new_text = flow(new) if leaf else "{" + ", ".join(f"{scalar(n)}: {flow(v)}" for n, v in new.items()) + "}"
            close = self._place(value.end_mark) if value.id != "scalar" else end
            self._edits.append((start, close, new_text if start < close else " " + new_text))
            if (
                "#" in self.text[start:close] and not one_line
            ):  # it may have comments: they stay, with what they are about
                first = self._starts[key.start_mark.line]
                self._edits.append((first, first, self._was(first, self._end_of_line(close), "")))
            note = f"was {flow(old)}" if not leaf or not leaf.note else f"{leaf.note}; was {flow(old)}"
            stop = self._line_end(close)
            self._edits.append((stop, stop, comment(leaf.where if leaf else None, note)))
            return
        first = self._starts[key.start_mark.line]
        stop = self._end_of_line(max(end, start))
        indent = " " * key.start_mark.column
        lines = entry(name, leaf, indent) if leaf else block({name: part}, indent)
        self._edits.append((first, stop, self._was(first, stop, indent) + "\n".join(lines) + "\n"))

    def _was(self, first: int, stop: int, indent: str) -> str:
        """Lines of the text as comments."""
        return "".join(f"{indent}# was: {line}\n" for line in self.text[first:stop].splitlines())

    def _place(self, mark: Any) -> int:
        line: int = min(mark.line, len(self._starts) - 1)
        return self._starts[line] + int(mark.column)

    def _line_of(self, place: int) -> int:
        return bisect_right(self._starts, place) - 1

    def _end(self, node: Any) -> int:
        """Where a scalar or a flow collection ends; a block of text ends with its last line that is not empty."""
        start, end = self._place(node.start_mark), self._place(node.end_mark)
        return start + len(self.text[start:end].rstrip())

    def _end_of_line(self, place: int) -> int:
        found = self.text.find("\n", place)
        return len(self.text) if found < 0 else found + 1


def _last(node: Any) -> Any:
    """The node that ends a node: the last value of a block collection, and so on."""
    while node.id != "scalar" and not node.flow_style and node.value:
        node = node.value[-1][1] if node.id == "mapping" else node.value[-1]
    return node


def _flow_lines(tree: Tree, indent: str) -> Iterator[str]:
    """The lines of keys inside braces, one a line, so that each can have its comment."""
    last = len(tree) - 1
    for number, (name, part) in enumerate(tree.items()):
        comma = "," if number < last else ""
        if isinstance(part, dict):
            yield f"{indent}{scalar(name)}: {{"
            yield from _flow_lines(part, indent + STEP)
            yield f"{indent}}}{comma}"
        else:
            yield f"{indent}{scalar(name)}: {flow(part.value)}{comma}{comment(part.where, part.note)}"
