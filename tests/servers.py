"""Real servers for tests: `python -m tests.servers postgresql -- COMMAND...` runs a command with DATABASE_URL set."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import create_connection
from typing import Any

import psycopg2

ROOT = Path(__file__).resolve().parent.parent
SECURELY = {"X-Forwarded-Proto": "https"}


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def postgresql_binaries() -> Path:
    """The folder of the newest installed PostgreSQL's programs. Raises SystemExit where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        raise SystemExit("PostgreSQL is not installed (Debian's package: postgresql).")
    return found[-1].parent if found else Path(str(on_path)).parent


class PostgreSQL:
    """A PostgreSQL server in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.binaries, self.port, self.folder = postgresql_binaries(), free_port(), folder
        self.user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        if self.user:
            shutil.chown(folder, self.user)
        self.url = f"postgresql://sharinpix@127.0.0.1:{self.port}/sharinpix"

    def run(self, program: str, *arguments: str) -> None:
        """Runs one of PostgreSQL's programs."""
        command = [str(self.binaries / program), *arguments]
        subprocess.run(command, check=True, user=self.user, cwd=self.folder, stdout=subprocess.DEVNULL)

    def initialize(self) -> None:
        """Makes its data and an empty database, and starts it."""
        data = f"{self.folder}/data"
        self.run("initdb", "-D", data, "-A", "trust", "-U", "sharinpix", "-E", "UTF8", "--locale=C.UTF-8")
        self.start()
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "sharinpix", "sharinpix")

    def start(self) -> None:
        """Returns when it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        options += " -c fsync=off -c jit=off"
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-w", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Ends it: `fast` ends connections in order, `immediate` is a crash."""
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", mode, "-w", "stop")


@contextmanager
def postgresql_server() -> Iterator[PostgreSQL]:
    """A running server with an empty database, stopped afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="sharinpix-postgresql-"))
    try:
        server = PostgreSQL(folder)
        server.initialize()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgresql(*, socket: bool = False) -> Iterator[str]:
    """The URL of an empty database of a server of its own.

    `socket` connects through a Unix socket, as a database on the same host is reached; TCP otherwise.
    """
    with postgresql_server() as server:
        yield f"postgresql://sharinpix@:{server.port}/{server.folder}/sharinpix" if socket else server.url


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """The URL of an empty database beside the one that DATABASE_URL names: a schema on PostgreSQL, a file otherwise."""
    outside = os.environ.get("DATABASE_URL", "")
    if not outside.startswith("postgres"):
        yield f"sqlite:///{folder}/db.sqlite3"
        return
    name = f"served_{uuid.uuid4().hex[:12]}"
    server, _, _ = outside.rpartition("/")
    with closing(psycopg2.connect(outside)) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
    try:
        yield f"{server}/{name}"
    finally:
        with closing(psycopg2.connect(outside)) as connection:
            connection.autocommit = True
            connection.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")


def environment_of_tests(**more: str) -> dict[str, str]:
    """For a process of ours on the database and the files of the running test."""
    from django.db import connection  # only here: this module starts servers before there are settings

    name = str(connection.settings_dict["NAME"])
    outside = os.environ.get("DATABASE_URL", "")
    url = f"{outside.rpartition('/')[0]}/{name}" if outside.startswith("postgres") else f"sqlite:///{name}"
    return {**os.environ, "DATABASE_URL": url, **more}


@contextmanager
def moto() -> Iterator[str]:
    """moto's S3 in a process of its own, which lists ten keys a page; yields its endpoint. It checks no signature."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": "10"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/moto-api/", process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Returns when the URL answers (asked as by a proxy that has terminated TLS). Raises RuntimeError when the process ends or half a minute has passed."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(urllib.request.Request(url, headers=SECURELY), timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"Nothing answers at {url}.")


@contextmanager
def serving(port: int, command: list[str], **options: Any) -> Iterator[None]:
    """Runs a server that listens on the port (of localhost) after a minute at most, and ends it with SIGTERM."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def redis(port: int | None = None) -> Iterator[str]:
    """A Redis of its own that keeps nothing on disk; yields its URL."""
    if not shutil.which("redis-server"):
        raise SystemExit("Redis is not installed (Debian's package: redis-server).")
    port = port or free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with serving(port, ["redis-server", *options], cwd="/"):
        yield f"redis://127.0.0.1:{port}/0"


RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


@contextmanager
def rabbitmq() -> Iterator[str]:
    """A RabbitMQ of its own (Debian's package: rabbitmq-server) in a temporary folder; yields its URL."""
    folder = Path(tempfile.mkdtemp(prefix="sharinpix-rabbitmq-"))
    port, names = free_port(), free_port()
    environment = {
        **os.environ,
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"sharinpix{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": f"{folder}/data",
        "RABBITMQ_LOG_BASE": f"{folder}/log",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
        "RABBITMQ_PID_FILE": f"{folder}/pid",
    }
    try:
        with serving(port, [str(RABBITMQ)], cwd=folder, env=environment):
            yield f"amqp://guest:guest@127.0.0.1:{port}//"
    finally:
        subprocess.run(["epmd", "-port", str(names), "-kill"], stdout=subprocess.DEVNULL)  # the node leaves it behind
        shutil.rmtree(folder, ignore_errors=True)


class Program:
    """One of our programs, with a database and data; `manage(...)` runs a command on the same ones."""

    name: str
    environment: dict[str, str]

    def command(self) -> list[str]:
        """The program and its arguments."""
        raise NotImplementedError

    def manage(self, *arguments: str) -> str:
        """What a command of manage.py writes to standard output, without surrounding whitespace."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def start(self, **more: str) -> None:
        """Starts it, with these variables beside its own."""
        self.log = Path(self.environment["DATA_DIR"]) / f"{self.name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=ROOT,
                env={**self.environment, "PYTHONUNBUFFERED": "1", **more},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def output(self) -> str:
        """What it has written since its last start, to standard output and error."""
        return self.log.read_text(errors="replace")

    def stop(self) -> int:
        """Asks it to end as an operator would (SIGTERM) and returns its exit status."""
        self.process.terminate()
        return self.process.wait(timeout=40)

    def kill(self) -> None:
        """Ends it and all its processes as a power cut would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Web(Program):
    """The shipped server on a port of its own."""

    name = "server"

    def __init__(self, folder: Path, database_url: str, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        ours = {"PUBLIC_URL": self.url, "PORT": str(self.port), "DATABASE_URL": database_url, "DATA_DIR": str(folder)}
        self.environment = {**os.environ, "WEB_CONCURRENCY": "2", **ours, **environment}

    def command(self) -> list[str]:
        """The program and its arguments."""
        return [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "sharinpix.wsgi"]

    def start(self, **more: str) -> None:
        """Returns when it answers. Raises RuntimeError with what it wrote if it does not."""
        super().start(**more)
        try:
            wait_for(f"{self.url}/assets/blank.jpg", self.process)
        except RuntimeError as error:
            raise RuntimeError(f"The server did not start:\n{self.output()}") from error


class Worker(Program):
    """A worker on the data of a Web, by the very command of `make worker`."""

    name = "worker"

    def __init__(self, web: Web) -> None:
        self.environment = {**web.environment, "WORKER_CONCURRENCY": "1"}

    def command(self) -> list[str]:
        """The program and its arguments."""
        recipe = subprocess.run(
            ["make", "--no-print-directory", "--dry-run", "--old-file=install", "worker"],
            cwd=ROOT,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return ["sh", "-c", recipe.stdout]


@contextmanager
def web(**environment: str) -> Iterator[Web]:
    """A migrated and running Web; stopped and its data removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="sharinpix-web-"))
    try:
        with database(folder) as url:
            server = Web(folder, url, **environment)
            server.manage("migrate", "--verbosity", "0")
            server.start()
            try:
                yield server
            finally:
                if server.process.poll() is None:
                    server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """The exit status of the command that ran with DATABASE_URL set."""
    kind, separator, *command = sys.argv[1:]
    if kind != "postgresql" or separator != "--" or not command:
        raise SystemExit(__doc__)
    with postgresql() as url:
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}).returncode


if __name__ == "__main__":
    sys.exit(main())
