"""Compares what is sent of images, key by key and in order, so that a failure names the key."""

from itertools import zip_longest
from typing import Any


def assert_same_payload(found: Any, expected: Any) -> None:
    """Returns where two parsed answers are the same, their keys in the same order; else fails with `difference`."""
    __tracebackhide__ = True
    if sentence := difference(found, expected):
        raise AssertionError(sentence)


def difference(found: Any, expected: Any, place: str = "payload") -> str | None:
    """The first difference as a sentence that names its place, the key and both values; None where there is none."""
    if isinstance(found, dict) and isinstance(expected, dict):
        inside = ((f"{place}[{key!r}]", found[key], expected[key]) for key in expected)
        first = of_keys(found, expected, place)
    elif isinstance(found, list) and isinstance(expected, list):
        inside = ((f"{place}[{n}]", one, other) for n, (one, other) in enumerate(zip(found, expected, strict=False)))
        first = None
    else:
        same = type(found) is type(expected) and found == expected
        return None if same else f"{place} is {found!r}, expected {expected!r}."
    if not first:
        first = next(filter(None, (difference(one, other, where) for where, one, other in inside)), None)
    if not first and len(found) != len(expected):
        return f"{place} has {len(found)} entries, expected {len(expected)}."
    return first


def of_keys(found: dict[str, Any], expected: dict[str, Any], place: str) -> str | None:
    """What `difference` says of two objects whose keys are not the same in the same order; None where they are."""
    for key, wanted in zip_longest(found, expected):  # None stands for the key after the last one
        if key == wanted:
            continue
        if wanted is not None and wanted not in found:
            return f"{place} has no key {wanted!r}, expected {expected[wanted]!r}."
        if key is not None and key not in expected:
            return f"{place} has the key {key!r} with {found[key]!r}, expected no such key."
        return f"{place} has the key {key!r} where {wanted!r} is expected."
    return None
