"""Compiled programs, kept as long as the functions that they were made from."""

import weakref
from collections.abc import Callable, Hashable
from types import MethodType
from typing import Any

# (ids of the functions, static options) -> (program, weak references that end the entry)
_PROGRAMS: dict[Any, tuple[Any, list[weakref.ref]]] = {}


def program_for(
    build: Callable[..., Any], functions: tuple[Callable | None, ...], options: Hashable
) -> Any:
    """The program that `build` makes of functions and options, made once while they live.

    A program must not keep its own functions alive, or the entry would never end: so `build` is
    given a call without arguments per function, which returns it.

    Args:
        build: Called as build(*references, options).
        functions: What the program calls. They are told apart by identity; bound methods by their
            object and function.
        options: Static options, told apart by equality.

    Returns:
        What `build` returned.

    Examples:
        >>> def double(x):
        ...     return 2 * x
        >>> build = lambda reference, times: object()
        >>> program_for(build, (double,), 3) is program_for(build, (double,), 3)
        True
    """
    parts = [part for function in functions for part in _parts(function)]
    key = (build, tuple(map(id, parts)), options)
    if key not in _PROGRAMS:
        program = build(*map(_reference, functions), options)
        watchers = []
        for part in parts:
            try:
                watchers.append(weakref.ref(part, lambda _: _PROGRAMS.pop(key, None)))
            except TypeError:  # no weak references, as for None: `_reference` holds it
                continue
        _PROGRAMS[key] = program, watchers
    return _PROGRAMS[key][0]


def _parts(function: Any) -> tuple[Any, ...]:
    """What must live for a function to live: a bound method is made anew at each access."""
    if isinstance(function, MethodType):
        return function.__self__, function.__func__
    return (function,)


def _reference(function: Any) -> Callable[[], Any]:
    try:
        weak = weakref.WeakMethod if isinstance(function, MethodType) else weakref.ref
        return weak(function)
    except TypeError:
        return lambda: function
