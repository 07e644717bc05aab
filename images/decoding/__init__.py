"""What `images.rendering` does with a file, done by decoder processes: for files of uploaders (pure).

A file that takes too much time or memory, or kills its decoder, costs the call that brought it and nothing else.
"""

import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from io import UnsupportedOperation
from pathlib import Path
from typing import Any, BinaryIO, Concatenate, ParamSpec, TypeVar, cast

from images import rendering
from images.decoding import messages, processes
from images.decoding.processes import DecoderDied, NoDecoder
from images.delivery.transformations import TransformationError
from images.rendering import Limits, PictureError, Source
from images.rendering.sources import opened_file

__all__ = ["DecoderDied", "NoDecoder", "examine", "inspect", "read_pixels", "render"]

_Options = ParamSpec("_Options")
_Found = TypeVar("_Found")


def _by_decoder(
    function: Callable[Concatenate[Source, _Options], _Found],
) -> Callable[Concatenate[Source, _Options], _Found]:
    """The function in a decoder process. It raises NoDecoder too, and PictureError of `too_slow` and DecoderDied."""

    @wraps(function)
    def decoded(source: Source, /, *arguments: _Options.args, **options: _Options.kwargs) -> _Found:
        limits = options.setdefault("limits", Limits())
        request = pickle.dumps((function.__name__, arguments, options))
        with _descriptor(source) as descriptor:
            answer = processes.pool.run(request, descriptor, cast(Limits, limits).wall)
        return cast(_Found, _found_in(answer))

    return decoded


inspect = _by_decoder(rendering.inspect)
examine = _by_decoder(rendering.examine)
read_pixels = _by_decoder(rendering.read_pixels)
render = _by_decoder(rendering.render)


def _found_in(answer: bytearray) -> Any:
    """What was found, or raises the error that the answer tells of."""
    kind, found = messages.answer_in(answer)
    match kind:
        case "picture":
            raise PictureError(found)
        case "transformation":
            raise TransformationError(found)
        case "system":
            raise OSError(*found)
        case "fault":
            raise RuntimeError(f"A decoder failed:\n{found}")
    return found


@contextmanager
def _descriptor(source: Source) -> Iterator[int]:
    """The source as an open file that another process can be sent."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield file.fileno()
    elif not isinstance(source, bytes) and (found := _own_descriptor(source)) is not None:
        yield found
    else:
        with open(os.memfd_create("picture"), "r+b") as memory, opened_file(source) as file:
            shutil.copyfileobj(file, memory)
            memory.flush()
            yield memory.fileno()


def _own_descriptor(file: BinaryIO) -> int | None:
    """None for a file in memory."""
    file.seek(0)  # which also writes out what is buffered
    with suppress(AttributeError, UnsupportedOperation):
        return file.fileno()
    return None
