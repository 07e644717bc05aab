"""Decoders of a service that was started with limits of its own."""

import subprocess
import sys

import pytest

from tests.servers import ROOT

SCRIPT = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (4_000_000_000, 4_000_000_000))
from images.decoding import inspect
from images.rendering import Limits
from tests.factories import jpeg
print(inspect(jpeg(50, 40), limits=Limits()).width, inspect(jpeg(60, 40), limits=Limits()).width)
"""


@pytest.mark.any_database
def test_a_limited_address_space_makes_no_picture_damaged() -> None:
    script = f"import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'sharinpix.settings'; django.setup()\n{SCRIPT}"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("50 60\n", 0), done.stderr
