"""Histories of model-based tests: steps that are done to a world, one after the other."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

Step = tuple[Any, ...]
"""The name of a method of the world, and its arguments. One that is itself a step is given as a function to call."""


class World(Protocol):
    """The product, what is done to it, and what may be true of it then."""

    def settle(self) -> None:
        """Let everything come to its end, and hold it against what may be true."""


def happen(world: World, history: Sequence[Step]) -> None:
    """Do the steps, and look what came of them."""
    for step in history:
        act(world, step)
    world.settle()


def is_found_out(world: World, history: Sequence[Step]) -> bool:
    """Whether the history shows that the product is built wrong."""
    try:
        happen(world, history)
    except AssertionError:
        return True
    return False


def act(world: World, step: Step) -> None:
    """Do one step."""
    name, *arguments = step
    getattr(world, name)(*[partial(act, world, each) if _is_step(each) else each for each in arguments])


def _is_step(argument: object) -> bool:
    return isinstance(argument, tuple) and isinstance(argument[0], str)
