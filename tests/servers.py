"""Real servers for tests: `python -m tests.servers postgresql -- COMMAND...` runs a command with DATABASE_URL set."""

import os
import shutil
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

import psycopg2

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
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


@contextmanager
def postgresql(*, socket: bool = False) -> Iterator[str]:
    """A server of its own in a temporary folder; yields the URL of an empty database and stops it afterwards.

    `socket` connects through a Unix socket, as a database on the same host is reached; TCP otherwise.
    """
    binaries, port = postgresql_binaries(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="sharinpix-postgresql-"))
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if user:
        shutil.chown(folder, user)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off -c jit=off"

    def run(program: str, *arguments: str) -> None:
        command = [str(binaries / program), *arguments]
        subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)

    try:
        run("initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "sharinpix", "-E", "UTF8", "--locale=C.UTF-8")
        run("pg_ctl", "-D", f"{folder}/data", "-l", f"{folder}/log", "-w", "-o", options, "start")
        try:
            run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "sharinpix", "sharinpix")
            yield f"postgresql://sharinpix@{f':{port}/{folder}' if socket else f'127.0.0.1:{port}'}/sharinpix"
        finally:
            run("pg_ctl", "-D", f"{folder}/data", "-m", "fast", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


class Web:
    """The shipped server on a port and with data of its own; `manage(...)` runs a command on the same data."""

    def __init__(self, folder: Path, database_url: str, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        ours = {"PUBLIC_URL": self.url, "PORT": str(self.port), "DATABASE_URL": database_url, "DATA_DIR": str(folder)}
        self.environment = {**os.environ, "WEB_CONCURRENCY": "2", **ours, **environment}

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "sharinpix.wsgi"]
        self.log = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as the server is)
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/assets/blank.jpg", timeout=5).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"The server did not start:\n{self.output()}")

    def output(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def stop(self) -> int:
        """Asks it to end as an operator would (SIGTERM) and returns its exit status."""
        self.process.terminate()
        return self.process.wait(timeout=40)


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
    kind, separator, *command = sys.argv[1:]
    if kind != "postgresql" or separator != "--" or not command:
        raise SystemExit(__doc__)
    with postgresql() as url:
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}).returncode


if __name__ == "__main__":
    sys.exit(main())
