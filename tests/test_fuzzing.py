"""How many examples are tried, and which, in processes of their own: profiles are of a whole process."""

import json
import os
import subprocess
import sys

import pytest

from tests.servers import ROOT

pytestmark = pytest.mark.any_database
SCRIPT = """
import json, sys
from hypothesis import settings
from tests.fuzzing import examples, register_profiles
register_profiles()
settings.load_profile(sys.argv[1])
print(json.dumps([settings().max_examples, examples(60).max_examples, examples(60).derandomize]))
"""


@pytest.mark.parametrize(
    ("profile", "ci", "expected"),
    [
        ("ordinary", {}, [100, 60, False]),
        ("ordinary", {"CI": "1"}, [100, 60, True]),
        ("fuzz", {}, [2_000, 2_000, False]),
        ("fuzz", {"CI": "1"}, [2_000, 2_000, False]),
    ],
)
def test_few_examples_in_the_ordinary_run_the_same_in_ci_and_many_others_under_fuzz(
    profile: str, ci: dict[str, str], expected: list[object]
) -> None:
    known = {name: value for name, value in os.environ.items() if name != "CI"}
    command = [sys.executable, "-c", SCRIPT, profile]
    done = subprocess.run(command, cwd=ROOT, env={**known, **ci}, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == expected
