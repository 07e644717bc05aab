"""The figures of how the sources are built: those of this checkout, and the script that counts them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.structure import WORDS, Figure, figures, main, report
from tests.servers import ROOT

pytestmark = pytest.mark.any_database
CONTRACTS = """
[[tool.importlinter.contracts]]
name = "Apps"
type = "layers"
layers = ["albums", "images", "accounts"]

[[tool.importlinter.contracts]]
name = "Rooms"
type = "layers"
containers = ["images", "albums"]
layers = ["views | (admin)", "(tasks) : work", "models"]

[[tool.importlinter.contracts]]
name = "House"
type = "forbidden"
source_modules = ["sharinpix"]
forbidden_modules = ["images"]
"""


def lines(count: int) -> str:
    return "x = 1\n" * count


def function(count: int) -> str:
    """A function of so many lines, its decorator counted."""
    return "@cached\ndef long():\n" + "    x = 1\n" * (count - 2)


CLEAN = {
    "pyproject.toml": CONTRACTS,
    "sharinpix/__init__.py": "",
    "sharinpix/locks.py": lines(300),
    "accounts/__init__.py": "",
    "accounts/models.py": function(40),
    "accounts/management/commands/one.py": "class Command: ...\n",
    "accounts/management/commands/two.py": "class Command: ...\nclass _Private: ...\n",
    "images/__init__.py": "from . import models\n",
    "images/admin.py": "from images import views, work\nclass _Private: ...\n",
    "images/views.py": "import images.admin\nfrom .work import thumbnails\n",
    "images/work.py": "import django.db.models\nfrom accounts.models import long\n\ndef thumbnails(): ...\n",
    "images/models.py": "",
    "images/migrations/0001_initial.py": f"from images import views\napps.get_model('{WORDS[0]}')\n",
    "albums/__init__.py": "",
    "albums/models.py": "from images import models, views\n",
    "templates/page.html": "<p>Pictures</p>\n",
    "README.md": f"{WORDS[0]}\n",
}
"""A tree at every limit and over none: two files in a circle, forty lines in a function, three hundred in a file."""


def tree(root: Path, changes: dict[str, str] | None = None) -> Path:
    """The clean tree with some of its files changed or added."""
    for path, text in (CLEAN | (changes or {})).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def exceeded(root: Path) -> dict[str, list[str]]:
    return {figure.name: list(figure.offenders) for figure in figures(root) if figure.exceeded}


def value(root: Path, name: str) -> float | None:
    return next(figure.value for figure in figures(root) if figure.name == name)


def test_this_checkout_keeps_every_limit() -> None:
    found = figures(ROOT)
    assert not any(figure.exceeded for figure in found), f"\n{report(found)}"


def test_a_clean_tree_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exceeded(tree(tmp_path)) == {}
    assert main(tmp_path) == 0
    assert "exceeded" not in capsys.readouterr().out


def test_an_exceeded_limit_is_printed_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tree(tmp_path, {"albums/long.py": lines(301)})) == 1
    printed = capsys.readouterr().out.splitlines()
    assert ["files", "longer", "than", "300", "lines", "1", "0", "exceeded"] in [line.split() for line in printed]
    assert "  albums/long.py, 301 lines" in printed


TYPES_ALONE = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from accounts import first\n"
BREACHES: dict[str, tuple[dict[str, str], str, list[str]]] = {
    "a circle through a type hint": (
        {
            "accounts/first.py": "from accounts import second\n",
            "accounts/second.py": "from .third import name\n",
            "accounts/third.py": TYPES_ALONE,
        },
        "files in the largest import circle",
        ["accounts/first.py", "accounts/second.py", "accounts/third.py"],
    ),
    "a circle through a package": (
        {
            "accounts/room/__init__.py": "from .inner import name\n",
            "accounts/room/inner.py": "import accounts.room.core\n",
            "accounts/room/core.py": "from . import name\n",
        },
        "files in the largest import circle",
        ["accounts/room/__init__.py", "accounts/room/core.py", "accounts/room/inner.py"],
    ),
    "an upward import inside a function": (
        {"images/models.py": "def late():\n    from .views import page\n"},
        "upward imports inside images",
        ["images/models.py:2 images.models imports images.views"],
    ),
    "an upward import for types from below a room": (
        {"albums/work/inner.py": "if TYPE_CHECKING:\n    from .. import admin\n", "albums/admin.py": ""},
        "upward imports inside albums",
        ["albums/work/inner.py:2 albums.work.inner imports albums.admin"],
    ),
    "an upward import between apps": (
        {"accounts/tokens.py": "import albums.models\n"},
        "upward imports elsewhere",
        ["accounts/tokens.py:1 accounts.tokens imports albums.models"],
    ),
    "a function of 41 lines": (
        {"accounts/models.py": function(41)},
        "functions longer than 40 lines",
        ["accounts/models.py:2 long, 41 lines"],
    ),
    "a file of 301 lines": (
        {"sharinpix/locks.py": lines(301)},
        "files longer than 300 lines",
        ["sharinpix/locks.py, 301 lines"],
    ),
    "a doubled name": (
        {"albums/views.py": "class thumbnails: ...\n"},
        "public names in two or more modules",
        ["thumbnails: albums.views, images.work"],
    ),
    "a word in an identifier": (
        {"images/work.py": f"x = 1\nfor_{WORDS[1]}_else = 1\n"},
        "words that name no thing",
        [f"images/work.py:2 {WORDS[1]}"],
    ),
    "a word in a template": (
        {"templates/admin/page.html": f"<p>{WORDS[3].capitalize()}, {WORDS[2]}</p>\n"},
        "words that name no thing",
        [f"templates/admin/page.html:1 {WORDS[3]}", f"templates/admin/page.html:1 {WORDS[2]}"],
    ),
    "a model looked up by name": (
        {"images/work.py": "from django.apps import apps\nx = apps.get_model('images', 'Image')\n"},
        "calls of apps.get_model",
        ["images/work.py:2"],
    ),
}


@pytest.mark.parametrize(("changes", "name", "offenders"), BREACHES.values(), ids=BREACHES)
def test_a_breach_is_found(tmp_path: Path, changes: dict[str, str], name: str, offenders: list[str]) -> None:
    assert exceeded(tree(tmp_path, changes)) == {name: offenders}


@pytest.mark.parametrize("containers", ['["images"]', '["images", "albums.work"]'])
def test_an_app_needs_a_contract_for_its_inside(tmp_path: Path, containers: str) -> None:
    found = figures(tree(tmp_path, {"pyproject.toml": CONTRACTS.replace('["images", "albums"]', containers)}))
    assert [figure for figure in found if figure.exceeded] == [
        Figure("upward imports inside albums", None, 0, ["no contract"])
    ]
    assert "missing" in report(found)


def test_files_that_no_layer_holds_are_counted(tmp_path: Path) -> None:
    tree(tmp_path, {"albums/apps.py": "", "albums/models_apart.py": ""})
    assert value(tmp_path, "files of albums in no layer") == 2
    assert value(tmp_path, "files of images in no layer") == 0


HANDLERS = """
try:
    pass
except (OSError, Exception):
    raise
except BaseException:
    pass
except BaseException as fault:
    raise fault
except ValueError:
    pass
except:
    pass
"""
TYPES = """
from typing import Any, cast
x: dict[str, Any] = cast(Any, 1)  # type: ignore[assignment]
def typed(one: "Any", *rest: Any) -> list[Any]: ...
"""


def test_handlers_and_types_are_counted(tmp_path: Path) -> None:
    tree(tmp_path, {"albums/views.py": HANDLERS, "images/work.py": TYPES})
    assert exceeded(tmp_path) == {}
    assert value(tmp_path, "handlers that catch every exception") == 3
    assert value(tmp_path, "Any in annotations") == 4
    assert value(tmp_path, "type: ignore") == 1
    assert value(tmp_path, "cast(") == 1


def test_lengths_of_functions_are_summed_up(tmp_path: Path) -> None:
    tree(tmp_path, {"albums/views.py": "".join(f"def _{number}():\n    x = 1\n" for number in range(8))})
    assert value(tmp_path, "functions") == 10
    assert value(tmp_path, "median length of a function") == 2
    assert value(tmp_path, "90th percentile") == 2
    assert value(tmp_path, "maximum") == 40


def test_another_folder_than_a_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="sharinpix has no sources"):
        figures(tmp_path)


HELPERS = [
    path.relative_to(ROOT).as_posix()
    for folder in ("tests", "tests/*", "tests/*/*")
    for path in sorted(ROOT.glob(f"{folder}/*.py"))
    if not path.name.startswith("test_") and "node_modules" not in path.parts
]
"""What tests share: factories, servers, fixtures."""


def shared(parent: ast.AST) -> Iterator[ast.FunctionDef]:
    """The functions of a module and the methods of its classes, without those that Python calls."""
    for child in ast.iter_child_nodes(parent):
        if isinstance(child, ast.ClassDef):
            yield from shared(child)
        elif isinstance(child, ast.FunctionDef) and not child.name.startswith("__"):
            yield child


@pytest.mark.parametrize("path", HELPERS)
def test_what_tests_share_says_what_it_returns(path: str) -> None:
    silent = [each.name for each in shared(ast.parse((ROOT / path).read_text())) if not ast.get_docstring(each)]
    assert silent == []
