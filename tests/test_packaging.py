"""What is declared, locked and released says the same thing."""

import os
import re
import socket
import subprocess
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_database
ROOT = Path(__file__).resolve().parent.parent
DECLARED = (ROOT / "pyproject.toml").read_text()
PROJECT = tomllib.loads(DECLARED)
SERVER: list[str] = PROJECT["project"]["dependencies"]
DEVELOPMENT: list[str] = PROJECT["dependency-groups"]["dev"]
LOCKS = ["requirements.txt", "requirements-dev.txt"]
PINNED = re.compile(r"(?P<name>[\w.-]+)(\[[\w,-]+\])?==(?P<version>[\w.!+]+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def pin(requirement: str) -> tuple[str, str]:
    """The name as all packagers write it, and the version."""
    found = PINNED.fullmatch(requirement.split(";")[0].strip())
    assert found, f"no exact version: {requirement}"
    return re.sub(r"[-_.]+", "-", found["name"]).lower(), found["version"]


def entries(lock: str) -> list[str]:
    """The requirements, each joined with its hashes into one line; comments are left out."""
    lines = [line for line in (ROOT / lock).read_text().splitlines() if not line.lstrip().startswith("#")]
    return [entry for entry in "\n".join(lines).replace("\\\n", " ").splitlines() if entry.strip()]


def pins(lock: str) -> dict[str, str]:
    found = [pin(entry.split("--hash")[0]) for entry in entries(lock)]
    assert len(dict(found)) == len(found), "a package stands here twice"
    return dict(found)


@pytest.mark.parametrize(
    ("lock", "declared"), [("requirements.txt", SERVER), ("requirements-dev.txt", SERVER + DEVELOPMENT)], ids=LOCKS
)
def test_a_lock_has_what_is_declared_and_no_more_at_exactly_that_version(lock: str, declared: list[str]) -> None:
    blocks = re.split(r"(?m)^(?=\w)", (ROOT / lock).read_text())
    asked_for = [block for block in blocks if f"{PROJECT['project']['name']} (pyproject.toml" in block]
    assert dict(pin(block.split("\\")[0]) for block in asked_for) == dict(map(pin, declared)), "run `make lock`"


def test_what_is_served_is_what_is_tested() -> None:
    assert pins("requirements.txt").items() <= pins("requirements-dev.txt").items()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_has_hashes(lock: str) -> None:
    assert entries(lock)
    for entry in entries(lock):
        requirement, *hashes = re.split(r"\s+(?=--)", entry.strip())
        assert pin(requirement)
        assert hashes, f"pip would refuse {requirement}"
        assert all(HASH.fullmatch(each) for each in hashes), entry


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_to_fetch_from(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"://|\bhttps?:", text)
    assert not re.search(r"(?m)^\s*-", text.replace("    --hash=", "")), "an option to pip"
    assert not re.search(r"index-url|find-links|trusted-host", text)
    assert not re.search(r"(?<![\w.])(~?/|[A-Za-z]:\\)", text), "a path of one machine"


@pytest.mark.parametrize("lock", LOCKS)
def test_django_finds_one_driver_of_postgresql(lock: str) -> None:
    # Django prefers psycopg 3 wherever it can be imported, and the statements are written for psycopg2.
    assert [name for name in pins(lock) if name.startswith("psycopg")] == ["psycopg2-binary"]


@pytest.mark.parametrize(
    ("heading", "declared"), [("dependencies = [", SERVER), ("dev = [", DEVELOPMENT)], ids=["server", "dev"]
)
def test_every_dependency_says_why_it_is_here(heading: str, declared: list[str]) -> None:
    block = DECLARED.split(f"\n{heading}\n")[1].split("\n]\n")[0]
    reasons = dict(re.findall(r'(?m)^ +"(.+)", +# (\w.+)$', block))
    assert [each for each in declared if not reasons.get(each)] == []


def test_the_version_is_the_newest_release_of_the_changelog() -> None:
    headings = re.findall(r"(?m)^## (.+)$", (ROOT / "CHANGELOG.md").read_text())
    assert headings[0] == "Unreleased", "work that goes on has no place"
    releases = [re.fullmatch(r"(\d+\.\d+\.\d+) - (\d{4}-\d{2}-\d{2})", heading) for heading in headings[1:]]
    assert all(releases), headings
    assert [release[1] for release in releases if release][:1] == [PROJECT["project"]["version"]]


def test_every_file_that_the_makefile_and_ci_name_is_there() -> None:
    text = (ROOT / "Makefile").read_text() + (ROOT / ".ci" / "run").read_text()
    named = set(re.findall(r"(?:tests|benchmarks|deploy)/[\w./]+", text))
    named |= {f"{module.replace('.', '/')}" for module in re.findall(r"-m ((?:tests|benchmarks)[\w.]*)", text)}
    assert len(named) > 4
    assert [name for name in named if not (ROOT / name).exists() and not (ROOT / f"{name}.py").exists()] == []


def make_audit(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`make audit` on what is installed already."""
    command = ["make", "--no-print-directory", "--old-file=install", *options, "audit"]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )


def test_the_audit_looks_up_every_lock_and_takes_no_gap_for_an_answer() -> None:
    recipe = make_audit("--dry-run").stdout
    assert [lock for lock in LOCKS if f"--requirement {lock}" not in recipe] == []
    assert "--strict" in recipe.split()
    assert "make audit" not in (ROOT / ".ci/run").read_text()


def test_an_audit_that_could_not_look_up_a_package_fails() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and does not listen: every connection is refused
        nowhere = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = make_audit(HTTPS_PROXY=nowhere, https_proxy=nowhere, NO_PROXY="", no_proxy="")
    assert done.returncode != 0, done.stdout
    assert "No known vulnerabilities found" not in done.stdout + done.stderr
