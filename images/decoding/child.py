"""The program of a decoder process: one job after the other, each within limits of processor time and memory.

It knows no Django and none of its parent's environment, and ends with its parent.
"""

import os
import pickle
import resource
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pi_heif
from PIL import AvifImagePlugin

from images import rendering
from images.decoding import messages
from images.delivery.transformations import TransformationError

FUNCTIONS: dict[str, Callable[..., object]] = {
    "inspect": rendering.inspect,
    "examine": rendering.examine,
    "read_pixels": rendering.read_pixels,
    "render": rendering.render,
}
JOBS = 200
"""After so many jobs a fresh process takes over, so that what libraries leak is bounded."""
IDLE = 60.0
"""Seconds without a job after which the process ends."""
_MEGA = 1_000_000
_MOST_MEMORY = resource.getrlimit(resource.RLIMIT_AS)[1]
"""The hard limit of the address space that the service was started with, if any."""
MEMORY = 256 * _MEGA
"""Bytes of address space for Python and the codecs. A process that has once taken more ends after that job, and the
host has all of its memory again."""
MEMORY_PER_PIXEL = 20
"""WebP takes most, 16 bytes a pixel at 100 megapixels, decoded and being shrunk."""
MEMORY_PER_BYTE = 3
"""Some decoders hold the whole file, and copy it."""
SECONDS_PER_MEGABYTE = 0.02
"""Digests, on a slow machine."""
SECONDS_PER_MEGAPIXEL = 0.15
"""Four times what AVIF takes, the slowest, for slow cores."""
PIXELS_PER_BYTE = 2
"""Pixels beyond these are alike and take little time, or are a bomb: no more time is granted for them."""
SECONDS_PER_MEGAPIXEL_MADE = {"jpg": 0.03, "webp": 0.3, "png": 0.6, "avif": 0.6}
"""Resizing and encoding, by format."""


class Granting(rendering.Limits):
    """Limits that grant this process time and memory for one job, the more the larger its picture turns out to be.

    Time is counted by ITIMER_PROF, whose signal ends the process: RLIMIT_CPU counts whole seconds since its start.
    """

    def __init__(self, limits: rendering.Limits, length: int) -> None:
        super().__init__(**asdict(limits))
        self.length = length
        self.memory = MEMORY + MEMORY_PER_BYTE * length
        self.peak = _status("VmPeak")
        self.left = limits.seconds + SECONDS_PER_MEGABYTE * length / _MEGA
        self.grant(0, 0)

    def before_opening(self, pixels: int) -> None:
        self.grant(0, MEMORY_PER_PIXEL * pixels)

    def before_decoding(self, pixels: int) -> None:
        dense = min(pixels, PIXELS_PER_BYTE * self.length)
        self.grant(SECONDS_PER_MEGAPIXEL * dense / _MEGA, MEMORY_PER_PIXEL * pixels)

    def before_encoding(self, pixels: int, format: str) -> None:
        self.grant(SECONDS_PER_MEGAPIXEL_MADE[format] * pixels / _MEGA, MEMORY_PER_PIXEL * pixels)

    def grant(self, seconds: float, memory: int) -> None:
        self.memory += memory
        set_memory(self.memory)
        remaining = signal.getitimer(signal.ITIMER_PROF)[0] or self.left
        signal.setitimer(signal.ITIMER_PROF, remaining + seconds)

    def came_near(self) -> bool:
        """Whether so much memory was taken that the want of more may be what a decoder calls damage."""
        return _status("VmPeak") > max(self.peak, self.memory * 0.6)


def main() -> None:
    connection = socket.socket(fileno=int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # which would be a picture of a stranger, on the disk
    # These reach every process of a service that is asked to end: its running requests still need their decoders.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.dup2(1, 2)  # to nowhere goes what codecs say of each damaged file
    # The host's slots count decoders: each takes one core.
    AvifImagePlugin.DEFAULT_MAX_THREADS = pi_heif.options.DECODE_THREADS = 1
    threading.stack_size(1 << 18)  # address space is counted
    threading.Thread(target=end_with_parent, args=[connection], daemon=True).start()
    serve(connection)
    os._exit(0)


def end_with_parent(connection: socket.socket) -> None:
    """Waits until the other end is closed, as it is by the parent's death; PR_SET_PDEATHSIG follows a thread of it."""
    hang_up = select.poll()
    hang_up.register(connection, 0)
    hang_up.poll()
    os._exit(0)


def serve(connection: socket.socket) -> None:
    """Does jobs until it is time for a fresh process. An end between two jobs costs nothing: the parent tries again."""
    for _ in range(JOBS):
        if not select.select([connection], [], [], IDLE)[0]:
            return
        request, descriptors = messages.receive_message(connection)
        name, arguments, options = pickle.loads(request)  # noqa: S301  (of our parent)
        answer = answer_to(name, descriptors[0], arguments, options)
        messages.send_message(connection, pickle.dumps(answer))
        if _status("VmPeak") > MEMORY:
            return


def answer_to(name: str, descriptor: int, arguments: tuple[object, ...], options: dict[str, Any]) -> tuple[str, object]:
    """("done", result), or the kind of an error and what it is made of again."""
    try:
        # Opened anew: an offset that two processes share would move under the parent's buffers.
        with open(f"/proc/self/fd/{descriptor}", "rb") as file:
            os.close(descriptor)
            limits = Granting(options.pop("limits"), os.fstat(file.fileno()).st_size)
            try:
                return "done", FUNCTIONS[name](file, *arguments, limits=limits, **options)
            except rendering.PictureError as error:
                scarce = error.code in {"unidentified", "truncated", "undecodable"} and limits.came_near()
                return "picture", "too_large" if scarce else error.code
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
    except TransformationError as error:
        return "transformation", str(error)
    except MemoryError:
        return "picture", "too_large"
    except OSError as error:
        return "system", (error.errno, error.strerror)
    except Exception:
        return "fault", traceback.format_exc()
    finally:
        set_memory(_MOST_MEMORY)


def set_memory(most: int) -> None:
    """Bounds the address space, within the hard limit that the service itself was started with."""
    if _MOST_MEMORY != resource.RLIM_INFINITY:
        most = min(most, _MOST_MEMORY)
    resource.setrlimit(resource.RLIMIT_AS, (most, _MOST_MEMORY))


def _status(name: str) -> int:
    """Bytes of a line of /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
