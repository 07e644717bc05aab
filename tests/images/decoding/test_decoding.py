"""Files are decoded in processes of their own: the same answers, and what goes wrong there costs one call alone."""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from images import decoding, rendering
from images.decoding import child, messages, processes
from images.decoding.processes import DecoderDied, Decoders, NoDecoder
from images.delivery.transformations import Transformation, TransformationError
from images.rendering import Limits, PictureError, Source
from tests.images.samples import animation, bomb, exif_of, file_of, oriented, quarters

pytestmark = pytest.mark.any_database
CHAIN = Transformation.parse("c_fit,w_16")
PHOTO = oriented(6, 640, 480)
DATED = file_of(quarters(), "JPEG", exif=exif_of(photo={0x9003: "2024:05:06 07:08:09"}))
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Decoders]:
    """The pool of this process, empty, and small."""
    found = Decoders(2, 10)
    monkeypatch.setattr(processes, "pool", found)
    yield found
    for decoder in [*found.idle, *found.busy]:
        decoder.kill()


def looked_at(content: Source = PHOTO, **limits: Any) -> rendering.FileFacts:
    return decoding.inspect(content, limits=Limits(**limits))


def process_of(pool: Decoders) -> int:
    """The process of the only decoder that is idle."""
    (decoder,) = pool.idle
    return decoder.process.pid


def is_gone(process: int) -> bool:
    """Waits, in vain after half a minute."""
    for _ in range(3_000):
        try:
            if "Z" in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2]:
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


def stopped(pool: Decoders) -> int:
    """The process of an idle decoder that will take the next job and never get to it."""
    looked_at()
    os.kill(process_of(pool), signal.SIGSTOP)
    return process_of(pool)


class TestAnswers:
    @pytest.mark.parametrize("content", [PHOTO, DATED, animation(3)], ids=["lying", "dated", "animation"])
    def test_are_those_of_rendering(self, content: bytes) -> None:
        assert looked_at(content) == rendering.inspect(content, limits=Limits())
        assert decoding.examine(content, {"a": CHAIN}) == rendering.examine(content, {"a": CHAIN})
        assert decoding.read_pixels(content, {"a": CHAIN}) == rendering.read_pixels(content, {"a": CHAIN})
        options: Any = {"extension": "png", "webp": False}
        assert decoding.render(content, CHAIN, **options) == rendering.render(content, CHAIN, **options)

    def test_are_the_same_for_bytes_paths_and_files_which_can_be_read_from_their_start_afterwards(
        self, tmp_path: Path
    ) -> None:
        path, content = tmp_path / "picture", PHOTO + bytes(range(256)) * 1_000
        path.write_bytes(content)
        files: list[BinaryIO] = [BytesIO(content), path.open("rb"), path.open("r+b", buffering=0)]
        for file in files:
            assert file.read(1) == content[:1]
        sources: list[Source] = [content, path, *files]
        for source in sources:
            assert looked_at(source).bytes == len(content)
        for file in files:
            file.seek(0)
            assert file.read() == content
            file.close()

    def test_see_what_was_written_and_not_flushed(self, tmp_path: Path) -> None:
        with (tmp_path / "picture").open("w+b") as file:
            file.write(PHOTO)
            assert looked_at(file).bytes == len(PHOTO)

    def test_are_refusals_where_rendering_refuses(self, tmp_path: Path) -> None:
        refused: list[tuple[bytes, str]] = [
            (b"", "empty"),
            (b"hello", "unidentified"),
            (animation(9), "too_many_frames"),
        ]
        for content, code in refused:
            with pytest.raises(PictureError) as error:
                looked_at(content, frames=8)
            assert error.value.code == code
        with pytest.raises(PictureError, match="ends too early"):
            decoding.examine(PHOTO[:-2], {})
        with pytest.raises(TransformationError, match="xyz"):
            decoding.render(PHOTO, CHAIN, extension="xyz", webp=False)

    def test_are_the_errors_of_files_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            looked_at(tmp_path / "none")
        with pytest.raises(IsADirectoryError):
            looked_at(tmp_path)

    def test_hold_nothing_but_facts_whatever_a_decoder_sends(self) -> None:
        with pytest.raises(pickle.UnpicklingError):
            messages.answer_in(pickle.dumps(("done", os.system)))


class TestProcesses:
    def test_are_reused_and_few(self, pool: Decoders) -> None:
        looked_at()
        first = process_of(pool)
        decoding.examine(PHOTO, {"a": CHAIN})
        assert process_of(pool) == first

    def test_know_nothing_of_the_environment(self, pool: Decoders, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SECRET_KEY", "secret")
        looked_at()
        environment = Path(f"/proc/{process_of(pool)}/environ").read_bytes().rstrip(b"\0").split(b"\0")
        assert {entry.partition(b"=")[0] for entry in environment} == {name.encode() for name in processes.ENVIRONMENT}
        assert all(entry.startswith(b"MALLOC_") for entry in environment)

    def test_have_no_file_of_the_parent_open(self, pool: Decoders, tmp_path: Path) -> None:
        with (tmp_path / "database").open("w") as file:
            os.set_inheritable(file.fileno(), True)
            looked_at()
            looked_at()
            links = [os.readlink(path) for path in Path(f"/proc/{process_of(pool)}/fd").iterdir()]
        assert sorted(link.partition(":")[0] for link in links) == ["/dev/null"] * 3 + ["socket"]

    def test_ignore_the_signals_that_ask_a_whole_service_to_end(self, pool: Decoders) -> None:
        looked_at()
        process = process_of(pool)
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(process, number)
        looked_at()
        assert process_of(pool) == process

    def test_are_replaced_after_a_bound_of_work_which_costs_no_job(self, pool: Decoders) -> None:
        found = set()
        for _ in range(child.JOBS + 2):
            looked_at()
            found.add(process_of(pool))
        assert len(found) == 2

    def test_that_died_while_idle_cost_one_call_alone(self, pool: Decoders) -> None:
        looked_at()
        os.kill(process_of(pool), signal.SIGKILL)
        with pytest.raises(DecoderDied):
            looked_at()
        assert looked_at().bytes == len(PHOTO)

    def test_are_not_shared_with_a_fork(self, pool: Decoders) -> None:
        looked_at()
        mine = process_of(pool)
        reading, writing = os.pipe()
        fork = os.fork()
        if not fork:
            try:
                looked_at()
                os.write(writing, str(process_of(processes.pool)).encode())
            finally:
                os._exit(0)
        os.waitpid(fork, 0)
        theirs = int(os.read(reading, 20))
        os.close(reading)
        os.close(writing)
        assert theirs != mine and is_gone(theirs)
        assert looked_at().bytes == len(PHOTO) and process_of(pool) == mine

    @pytest.mark.parametrize("job", ["looked_at()", "looked_at(Endless(sys.argv[1]))"], ids=["idle", "at work"])
    def test_end_with_a_parent_that_is_killed(self, tmp_path: Path, job: str) -> None:
        os.mkfifo(tmp_path / "endless")
        program = f"""
from tests.images.decoding.test_decoding import *
looked_at()
print(processes.pool.idle[0].process.pid, flush=True)
{job}
time.sleep(100)
"""
        command = [sys.executable, "-c", program, str(tmp_path / "endless")]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            process = int(parent.stdout.readline())
            time.sleep(0.2)  # until the decoder has the job
            parent.kill()
        assert is_gone(process)


class Endless(BytesIO):
    """A file that no decoder gets open: a pipe without a writer."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def fileno(self) -> int:
        return self.descriptor


class TestLimits:
    def test_of_processor_time_end_a_decoder_and_the_next_call_gets_another(self, pool: Decoders) -> None:
        looked_at()
        process = process_of(pool)
        with pytest.raises(PictureError) as error:
            decoding.examine(bomb(9_000), {}, limits=Limits(seconds=0.02))
        assert (error.value.code, is_gone(process), type(error.value)) == ("too_slow", True, PictureError)
        assert looked_at().bytes == len(PHOTO)

    def test_of_processor_time_begin_anew_with_each_job(self) -> None:
        for _ in range(40):
            decoding.examine(PHOTO, {"a": CHAIN}, limits=Limits(seconds=0.25))

    def test_of_the_wall_clock_end_a_decoder(self, pool: Decoders) -> None:
        process = stopped(pool)
        with pytest.raises(PictureError) as error:
            looked_at(wall=0.1)
        assert (error.value.code, is_gone(process)) == ("too_slow", True)
        assert looked_at().bytes == len(PHOTO)

    @pytest.mark.parametrize("format", ["PNG", "AVIF", "TIFF", "BMP"])
    def test_of_memory_make_a_picture_too_large(self, tmp_path: Path, format: str) -> None:
        """Also where the decoder calls it damaged."""
        program = """
import os, sys
from images.decoding import child
from images.rendering import Limits
child.MEMORY, child.MEMORY_PER_PIXEL, child.MEMORY_PER_BYTE = 80_000_000, 0, 0
for path in sys.argv[1:]:
    answer = child.answer_to("read_pixels", os.open(path, os.O_RDONLY), ({},), {"limits": Limits()})
    print(answer[1] if answer[0] == "picture" else answer[0])
"""
        paths = [tmp_path / "small", tmp_path / "large"]
        for path, width in zip(paths, (3, 8_000), strict=True):
            path.write_bytes(file_of(quarters(width, 2_000), format))
        command = [sys.executable, "-c", program, *map(str, paths)]
        found = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, env={})
        assert found.stdout.splitlines() == ["done", "too_large"]

    def test_of_a_pool_make_further_calls_wait_and_give_up(self, pool: Decoders) -> None:
        pool.wait = 0.05
        with calls_in_vain(pool, 2), pytest.raises(NoDecoder):
            looked_at()
        assert looked_at().bytes == len(PHOTO)


@contextmanager
def calls_in_vain(pool: Decoders, count: int) -> Iterator[None]:
    """So many calls wait for their decoders, which are killed at the end: each call gets its error."""
    with ThreadPoolExecutor(count) as threads:
        decoders, calls = list[int](), list[Future[rendering.FileFacts]]()
        for number in range(count):
            decoders.append(stopped(pool))
            calls.append(threads.submit(looked_at))
            while len(pool.busy) <= number:
                time.sleep(0.001)
        yield
        for process in decoders:
            os.kill(process, signal.SIGKILL)
        assert [type(call.exception()) for call in calls] == [DecoderDied] * count


def test_a_decoder_that_is_killed_at_its_job_costs_that_call_alone(pool: Decoders) -> None:
    with calls_in_vain(pool, 1):
        pass
    assert looked_at().bytes == len(PHOTO)


def test_a_call_that_is_broken_off_ends_its_decoder(pool: Decoders) -> None:
    """A signal raises in the middle of the wait, such as the time limit of a Celery task."""
    process = stopped(pool)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            looked_at()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert is_gone(process) and looked_at().bytes == len(PHOTO)


def test_a_host_that_can_start_no_process_is_not_the_files_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refused)
    with pytest.raises(NoDecoder):
        looked_at()
