"""A table of the addresses of all arrays; its own address (`w`) is how a step of the kernel comes to them, or to one row.

To hand over sixty arrays would cost as much as a step itself.
"""

from __future__ import annotations

from typing import Any, cast

import numba
import numpy as np
from numba import types
from numba.core import cgutils as untyped_cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from coexsim.engine.layout import ARRAYS

cgutils: Any = untyped_cgutils
_FIRST: dict[str, int] = {}  # where the words of an array begin: its address, and its length along each axis
_WORDS = 0
for _name, _array in ARRAYS.items():
    _FIRST[_name] = _WORDS
    _WORDS += 1 + _array.dimensions


def new_addresses() -> NDArray[np.int64]:
    """A table for the arrays of one run."""
    return np.zeros(_WORDS, np.int64)


def note_address(addresses: NDArray[np.int64], name: str, array: NDArray[Any]) -> None:
    """Tell the kernel where an array is. Raises TypeError where it is not one that compiled code takes under this name."""
    spec = ARRAYS[name]
    if array.dtype != np.dtype(spec.dtype) or array.ndim != spec.dimensions or not array.flags.c_contiguous:
        raise TypeError(
            f"{name}: {array.dtype}, {array.ndim} dimensions; the kernel takes {spec.dtype}, {spec.dimensions}, in rows"
        )
    first = _FIRST[name]
    addresses[first : first + 1 + array.ndim] = (array.ctypes.data, *array.shape)


def _words(builder: Any, w: Any, first: int, count: int) -> list[Any]:
    """Words of the table of addresses, from a place on."""
    table = builder.inttoptr(w, cgutils.intp_t.as_pointer())
    return [builder.load(cgutils.gep_inbounds(builder, table, first + k)) for k in range(count)]


def _typed_and_built(_typing: Any, w: Any, name: Any) -> Any:
    """The type of an array, and the code that makes it of its address and lengths."""
    if not isinstance(name, types.StringLiteral):
        return None
    spec, first = ARRAYS[name.literal_value], _FIRST[name.literal_value]
    item = np.dtype(spec.dtype)
    array_type = types.Array(cast("Any", numba).from_dtype(item), spec.dimensions, "C")

    def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        word = cgutils.intp_t
        address, *lengths = _words(builder, arguments[0], first, 1 + spec.dimensions)
        count = word(1)
        strides: list[Any] = []
        for length in reversed(lengths):
            strides.insert(0, builder.mul(count, word(item.itemsize)))
            count = builder.mul(count, length)
        model = context.data_model_manager[array_type]
        array = cgutils.get_null_value(model.get_value_type())  # of no owner that Numba counts
        data = builder.inttoptr(address, array.type.elements[model.get_field_position("data")])
        fields = {"data": data, "nitems": count, "itemsize": word(item.itemsize)}
        fields |= {
            "shape": cgutils.pack_array(builder, lengths, word),
            "strides": cgutils.pack_array(builder, strides, word),
        }
        for field, value in fields.items():
            array = builder.insert_value(array, value, model.get_field_position(field))
        return array

    return array_type(w, name), build


_typed_and_built.__name__ = "shared"
shared: Any = cast("Any", intrinsic)(prefer_literal=True)(_typed_and_built)
"""``shared(w, "copies")``: in compiled code, an array by its name. Python owns it, and keeps it while the kernel runs."""


def _row_typed_and_built(_typing: Any, w: Any, name: Any, number: Any) -> Any:
    """The type of a row, and the code that finds it."""
    if not isinstance(name, types.StringLiteral) or not isinstance(number, types.Integer):
        return None
    spec, first = ARRAYS[name.literal_value], _FIRST[name.literal_value]
    if spec.dimensions != 1 or np.dtype(spec.dtype).names is None:
        return None
    record = cast("Any", numba).from_dtype(np.dtype(spec.dtype))

    def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        word = cgutils.intp_t
        address, length = _words(builder, arguments[0], first, 2)
        at = arguments[2]
        before_first = builder.icmp_signed("<", at, word(0))
        at = builder.select(before_first, builder.add(at, length), at)  # -1 is the last one, as ever
        place = builder.add(address, builder.mul(at, word(record.size)))
        return builder.inttoptr(place, context.get_value_type(record))

    return record(w, name, types.int64), build


_row_typed_and_built.__name__ = "row"
row: Any = cast("Any", intrinsic)(prefer_literal=True)(_row_typed_and_built)
"""``row(w, "copies", c)``: in compiled code, ``shared(w, "copies")[c]`` without the array, whose making is the greater part to compile."""
