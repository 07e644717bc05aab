import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT

pytestmark = pytest.mark.any_database


@pytest.mark.parametrize(
    ("networks", "options", "status"), [("", ["--deploy"], 0), ("127.0.0.0/8", [], 0), ("127.0.0.0/8", ["--deploy"], 1)]
)
def test_a_deployment_whose_imports_may_read_inside_is_refused(
    tmp_path: Path, networks: str, options: list[str], status: int
) -> None:
    """In a process of its own, as Django finds the check there."""
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path),
        "SECRET_KEY": "only-for-this-test-0123456789-0123456789-0123456789",
        "PUBLIC_URL": "https://pictures.example.com",
        "IMPORT_ALLOW_NETS": networks,
    }
    command = [sys.executable, "manage.py", "check", "--tag", "security", *options]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr
    assert ("sharinpix.E001" in done.stderr) is bool(status)


@pytest.mark.parametrize(
    ("url", "proxies", "noted"),
    [("https://a.example.com", "0", True), ("https://a.example.com", "1", False), ("http://a.example.com", "0", False)],
)
def test_a_deployment_that_trusts_no_proxy_though_one_must_be_there_is_told_so(
    tmp_path: Path, url: str, proxies: str, noted: bool
) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path),
        "SECRET_KEY": "only-for-this-test-0123456789-0123456789-0123456789",
        "PUBLIC_URL": url,
        "TRUSTED_PROXIES": proxies,
    }
    command = [sys.executable, "manage.py", "check", "--tag", "security", "--deploy"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert ("sharinpix.I001" in done.stderr) is noted
