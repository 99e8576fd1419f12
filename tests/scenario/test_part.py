"""Parts of a scenario and how their values are read: by type, with everything that is wrong at once."""

import pickle
from typing import Annotated, Any, Literal, Self

import pytest
from pydantic import AfterValidator, Field, ValidationError, model_validator

from coexsim.scenario import faults
from coexsim.scenario.part import PartError, Spec
from coexsim.scenario.quantities import At, Domain, Number, Switch, Whole
from coexsim.units import Moment


def _even(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number


class Inner(Spec):
    name: str
    number: Whole = Field(default=2, ge=1, description="how many")

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name == "odd" and self.number % 2 == 0:
            raise ValueError("odd has an odd number")
        return self


class Low(Spec):
    kind: Literal["low"]
    depth: Whole = 0


class High(Spec):
    kind: Literal["high"]
    height: Number


class Part(Spec):
    sender: str = Field(default="", alias="from")
    number: Number = 0.0
    count: Whole = 0
    least: Whole | None = Field(default=None, ge=1, le=9)
    between: Number = Field(default=0.5, gt=0, lt=1)
    switch: Switch = False
    word: Literal["one", "two", 3] = "one"
    pair: tuple[str, Whole] = ("", 0)
    many: tuple[Inner, ...] = ()
    inner: Inner = Inner(name="default")
    table: dict[str, Annotated[Whole, Field(ge=0)]] = Field(default_factory=dict)
    either: tuple[str, ...] | Whole | Literal["all"] = 0
    server: Annotated[Low | High, Field(discriminator="kind")] | None = None
    even: Annotated[Whole, AfterValidator(_even)] = 0
    at: At | None = None
    domain: Domain = "a.b"


def wrong(**keys: Any) -> list[str]:
    """What is wrong, a line each."""
    with pytest.raises(PartError) as caught:
        Part.from_data(keys)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("key", "written", "read"),
    [
        ("number", 3, 3.0), ("number", "2.5", 2.5), ("number", 1e300, 1e300),
        ("count", 3.0, 3), ("count", "7", 7), ("count", -(2**63) + 1, -(2**63) + 1),
        ("least", None, None), ("least", 9, 9), ("between", 0.999, 0.999),
        ("switch", True, True), ("switch", "yes", True), ("switch", "Off", False), ("switch", 1, True),
        ("word", "two", "two"), ("word", 3, 3),
        ("pair", ["a", 1], ("a", 1)), ("table", {"a": 0}, {"a": 0}),
        ("either", ["a"], ("a",)), ("either", 5, 5), ("either", "all", "all"),
        ("even", 4, 4), ("at", "10:00", Moment(None, 36000.0)), ("domain", "x.y", "x.y"),
        ("inner", "short", Inner(name="short")), ("inner", {"name": "x", "number": 5}, Inner(name="x", number=5)),
        ("many", ["a", {"name": "b"}], (Inner(name="a"), Inner(name="b"))),
        ("server", {"kind": "low"}, Low(kind="low")), ("server", None, None),
    ],
)  # fmt: skip
def test_what_is_written_has_the_type_of_its_key(key: str, written: object, read: object) -> None:
    """Also numbers in quotes, words of switches, short forms."""
    found = getattr(Part.from_data({key: written}), key)

    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    ("key", "written", "text"),
    [
        ("number", "x", "number: expected a number; found 'x'"),
        ("number", True, "number: expected a number; found True"),
        ("number", float("nan"), "number: expected a number with an end; found nan"),
        ("number", 10**400, "number: expected a smaller number; found 1000"),
        ("number", [1], "number: expected a number"),
        ("count", 1.5, "count: expected a whole number; found 1.5"),
        ("count", False, "count: expected a whole number; found False"),
        ("count", float("inf"), "count: expected a number with an end; found inf"),
        ("count", 2**63, "count: expected a smaller number; found 9223372036854775808"),
        ("least", 0, "least: expected 1 or more; found 0"),
        ("least", "10", "least: expected 9 at the most; found '10'"),
        ("between", 0, "between: expected more than 0; found 0"),
        ("between", 1, "between: expected less than 1; found 1"),
        ("switch", "perhaps", "switch: expected true or false; found 'perhaps'"),
        ("switch", 2, "switch: expected true or false; found 2"),
        ("sender", 5, "sender: expected text; found 5; write it in quotes: '5'"),
        ("sender", None, "sender: expected text; found None"),
        ("word", "tow", "word: 'tow' is not one of 'one', 'two' or 3; did you mean 'two'?"),
        ("word", True, "word: True is not one of"),
        ("pair", ["a"], "pair.1: item 2 is missing"),
        ("pair", ["a", 1, 2], "pair: expected 2 items at the most"),
        ("pair", "ab", "pair: expected a list, found 'ab'"),
        ("many", {"name": "a"}, "many: expected a list, found {'name': 'a'}"),
        ("many", ["a", 3], "many.1: expected keys with values, found 3"),
        ("inner", {"nmae": "a"}, "inner.nmae: there is no such key; did you mean 'name'?"),
        ("inner", {"name": "a", "zz": 1}, "inner.zz: there is no such key; known here: name, number"),
        ("inner", {"number": 1}, "inner.name: 'name' is missing"),
        ("inner", {"name": "odd"}, "inner: odd has an odd number"),
        ("table", {"a": -1}, "table.a: expected 0 or more; found -1"),
        ("table", {5: 1}, "table.5: expected text; found 5"),
        ("table", ["a"], "table: expected keys with values, found ['a']"),
        ("either", 1.5, "either: expected a list, found 1.5"),
        ("server", {"depth": 1}, "server: a server says its kind, for example 'kind: low'; one of low, high"),
        ("server", {"kind": "hihg"}, "server.kind: 'hihg' is no kind of server; did you mean 'high'?"),
        ("server", {"kind": ["high"]}, "server.kind: ['high'] is no kind of server"),
        ("server", {"kind": "high", "height": 1, "depth": 1}, "server.depth: there is no such key; known here: height, kind"),
        ("server", 5, "server: expected keys with values, found 5"),
        ("even", 3, "even: 3 is odd"),
        ("even", "x", "even: expected a whole number; found 'x'"),
        ("at", "25:00", "at: '25:00' is not a time of day"),
        ("at", 10, "at: 10 has no unit"),
        ("domain", "x.y\n", "domain: expected a domain such as 'corporate.com'; found 'x.y\\n'"),
        ("domain", 7, "domain: expected text; found 7"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_key(key: str, written: object, text: str) -> None:
    """What was found, and what would do."""
    lines = wrong(**{"from" if key == "sender" else key: written})

    assert any(line.startswith(text.replace("sender:", "from:")) for line in lines), lines


def test_everything_is_told_at_once() -> None:
    """In the order of the keys, unknown ones last; a value that none of several types takes has what is wrong by each."""
    assert wrong(either=1.5, count="x", many=["a", {"number": 0}], nonsense=1) == [
        "count: expected a whole number; found 'x'",
        "many.1.name: 'name' is missing",
        "many.1.number: expected 1 or more; found 0",
        "either: expected a list, found 1.5",
        "either: expected a whole number; found 1.5",
        "either: 1.5 is not one of 'all'",
        "nonsense: there is no such key; known here: " + ", ".join(faults.keys_of(Part)),
    ]


def test_a_key_has_its_word_in_the_file() -> None:
    """``from`` is no name in Python, and the attribute's name no key of the file."""
    assert Part.from_data({"from": "a"}).sender == "a"
    assert wrong(sender="b") == ["sender: there is no such key; did you mean 'from'?"]


def test_a_part_is_a_value() -> None:
    """Frozen, compared by its keys, the same after a pickle; defaults are of each part alone."""
    part = Part.from_data({"from": "a", "many": ["x"], "at": "1 s"})

    assert pickle.loads(pickle.dumps(part)) == part == Part.from_data({"from": "a", "many": ["x"], "at": "1 s"})
    assert part != Part.from_data({"from": "b"})
    assert Part().table is not Part().table
    with pytest.raises(ValidationError, match="frozen"):
        part.sender = "b"
    with pytest.raises(ValidationError, match="frozen"):
        del part.sender
    assert repr(Inner(name="x")) == "Inner(name='x', number=2)"


def test_another_with_other_values() -> None:
    """The first stays; a name that there is not is refused."""
    part = Part.from_data({"count": 1})

    assert (part.replaced(count=2).count, part.count) == (2, 1)
    with pytest.raises(TypeError, match="Part: unknown \\['cuont'\\]"):
        part.replaced(cuont=2)


def test_plain_data() -> None:
    """What JSON can hold, by the names of the keys."""
    data = Part.from_data({"many": ["x"], "pair": ["a", 1], "table": {"k": 3}}).to_data()

    assert data["many"] == [{"name": "x", "number": 2}]
    assert (data["pair"], data["table"], data["sender"]) == (["a", 1], {"k": 3}, "")
