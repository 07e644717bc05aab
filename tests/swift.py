"""OpenStack's Swift with its S3 door, a real server that checks signatures: `python -m tests.swift -- COMMAND...`

Runs a command with CONTRACT_S3_ENDPOINT, CONTRACT_S3_KEY and CONTRACT_S3_SECRET set. Everything is of this user and in
a temporary folder; Debian's packages must be installed.
"""

import getpass
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import free_port, wait_for

KEY, SECRET = "test:tester", "testing"
KINDS = ("account", "container", "object", "proxy")
"""Its servers, the one that knows the others last."""
COMMON = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
disable_fallocate = true
workers = 0

[filter:healthcheck]
use = egg:swift#healthcheck
"""
BEHIND = """
[pipeline:main]
pipeline = healthcheck {kind}-server

[app:{kind}-server]
use = egg:swift#{kind}
"""
PROXY = """
[pipeline:main]
pipeline = catch_errors healthcheck cache s3api tempauth bulk slo proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true

[filter:catch_errors]
use = egg:swift#catch_errors

# tempauth insists on a cache; that no memcached answers there does no harm
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1

[filter:s3api]
use = egg:swift#s3api

[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin

[filter:bulk]
use = egg:swift#bulk

[filter:slo]
use = egg:swift#slo
"""


def missing_packages() -> list[str]:
    """Debian's packages of Swift that are not installed."""
    return [f"swift-{kind}" for kind in KINDS if not shutil.which(f"swift-{kind}-server")]


@contextmanager
def swift() -> Iterator[str]:
    """A server of one disk without copies; yields its endpoint and stops it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="sharinpix-swift-"))
    (folder / "devices/disk").mkdir(parents=True)
    processes = []
    try:
        for kind in KINDS:
            port = free_port()
            if kind != "proxy":
                ring(folder, kind, port)
            processes.append(start(folder, kind, port))
        yield f"http://127.0.0.1:{port}"
    finally:
        for process in processes:
            process.terminate()
            process.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def ring(folder: Path, kind: str, port: int) -> None:
    """Tells the proxy that all of a kind lies on the one disk."""
    add = ("add", f"r1z1-127.0.0.1:{port}/disk", "1")
    for arguments in (("create", "4", "1", "1"), add, ("rebalance",)):
        command = ["swift-ring-builder", f"{folder}/{kind}.builder", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def start(folder: Path, kind: str, port: int) -> "subprocess.Popen[bytes]":
    """A server of the kind that answers. Raises RuntimeError with what it wrote if it does not."""
    config, log = folder / f"{kind}-server.conf", folder / f"{kind}.log"
    special = PROXY if kind == "proxy" else BEHIND.format(kind=kind)
    config.write_text(COMMON.format(port=port, user=getpass.getuser(), folder=folder) + special)
    with log.open("wb") as output:
        process = subprocess.Popen([f"swift-{kind}-server", str(config)], stdout=output, stderr=output)
    try:
        wait_for(f"http://127.0.0.1:{port}/healthcheck", process)
    except RuntimeError as error:
        process.kill()
        raise RuntimeError(f"Swift's {kind} server did not start:\n{log.read_text()}") from error
    return process


def main() -> int:
    """The exit status of the command that ran with CONTRACT_S3_ENDPOINT set."""
    separator, *command = sys.argv[1:] or [""]
    if separator != "--" or not command:
        raise SystemExit(__doc__)
    if missing := missing_packages():
        raise SystemExit(f"Swift is not installed (Debian's packages: {' '.join(missing)}).")
    with swift() as endpoint:
        ours = {"CONTRACT_S3_ENDPOINT": endpoint, "CONTRACT_S3_KEY": KEY, "CONTRACT_S3_SECRET": SECRET}
        return subprocess.run(command, env={**os.environ, **ours}).returncode


if __name__ == "__main__":
    sys.exit(main())
