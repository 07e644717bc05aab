"""The decoder processes of this process: started when they are needed, reused, and never shared with a fork."""

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from images.decoding import messages
from images.rendering import PictureError
from sharinpix.errors import Unavailable

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "67108864",
    "MALLOC_TRIM_THRESHOLD_": "134217728",
}
"""All that a decoder knows of the environment. An arena for each thread would count as address space; asking the kernel
for the memory of each picture anew takes a fifth of the time of a small one."""
OVERRUN = {-signal.SIGPROF, -signal.SIGXCPU}
LAST_BREATH = 5  # seconds that a decoder which has closed its end has to be gone


class DecoderDied(PictureError):
    """The decoder was killed by something else than its limits: by the file, or by a host without memory."""

    def __init__(self) -> None:
        super().__init__("undecodable")


class NoDecoder(Unavailable):
    """All decoders are at work, or the host cannot start one."""

    sentence = "Too many pictures are being read. Please try again."


class Retired(Exception):
    """The decoder has ended between two jobs, so that this one was not begun."""


class Decoder:
    """One decoder process, for one job at a time."""

    def __init__(self) -> None:
        self.connection, other = socket.socketpair()
        command = [sys.executable, "-m", "images.decoding.child", str(other.fileno())]
        with other:
            self.process = subprocess.Popen(  # noqa: S603  (ours)
                command,
                cwd=ROOT,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[other.fileno()],
            )

    def run(self, request: bytes, descriptor: int, deadline: float) -> bytearray:
        """The answer. Raises PictureError and Retired. After any exception, also one that a signal raises here, the
        process is gone, for it may still be at the job."""
        try:
            messages.send_message(self.connection, request, descriptor)
            return messages.receive_message(self.connection, deadline)[0]
        except TimeoutError as error:
            self.kill()
            raise PictureError("too_slow") from error
        except (EOFError, OSError) as error:
            fate = self.fate()
            self.kill()
            raise fate from error
        except BaseException:
            self.kill()
            raise

    def fate(self) -> PictureError | Retired:
        """What became of the process, which has closed its end."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(LAST_BREATH)
        if self.process.returncode == 0:
            return Retired()
        return PictureError("too_slow") if self.process.returncode in OVERRUN else DecoderDied()

    def kill(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()

    def forget(self) -> None:
        """In a forked process: the decoder is the parent's, and must not wait for this process to end too."""
        self.connection.close()
        self.process.returncode = 0  # not this process's child: nothing is to be waited for


class Decoders:
    """At most `size` jobs at once; further ones wait, `wait` seconds at most."""

    def __init__(self, size: int, wait: float) -> None:
        self.size = size
        self.wait = wait
        self.places = threading.Semaphore(size)
        self.idle: list[Decoder] = []
        self.busy: set[Decoder] = set()

    def run(self, request: bytes, descriptor: int, seconds: float) -> bytearray:
        """The answer of a decoder within `seconds`, the wait for one included.

        Raises PictureError where it is too slow or dies, and NoDecoder.
        """
        deadline = time.monotonic() + seconds
        if not self.places.acquire(timeout=min(self.wait, seconds / 3)):
            raise NoDecoder
        try:
            while True:
                with suppress(Retired):
                    return self.run_once(request, descriptor, deadline)
        finally:
            self.places.release()

    def run_once(self, request: bytes, descriptor: int, deadline: float) -> bytearray:
        try:
            decoder = self.idle.pop()
        except IndexError:
            decoder = self.started()
        self.busy.add(decoder)
        try:
            answer = decoder.run(request, descriptor, deadline)
            self.idle.append(decoder)  # the last one is taken first: those that are not needed end by themselves
            return answer
        finally:
            self.busy.discard(decoder)

    def started(self) -> Decoder:
        try:
            return Decoder()
        except OSError as error:
            raise NoDecoder from error

    def close(self) -> None:
        """Ends the idle decoders."""
        while self.idle:
            self.idle.pop().kill()

    def forget(self) -> None:
        for decoder in [*self.idle, *self.busy]:
            decoder.forget()


SIZE = 4
"""Jobs of one process at once. Slots bound what a host decodes; this bounds the inspection of uploads."""
WAIT = 10  # seconds

pool = Decoders(SIZE, WAIT)


def room_for(count: int) -> None:
    """From now on this process does at least so many jobs at once."""
    while pool.size < count:
        pool.size += 1
        pool.places.release()


@atexit.register
def before_exit() -> None:
    pool.close()


def after_fork() -> None:
    global pool
    pool.forget()
    pool = Decoders(SIZE, WAIT)


os.register_at_fork(after_in_child=after_fork)
