"""The pages against the code: what they list is what there is, no less and no more."""

import ast
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.metadata import requires
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.core.management import BaseCommand, get_commands, load_command_class
from django.urls import Resolver404, get_resolver, resolve, reverse
from drf_spectacular.generators import SchemaGenerator
from packaging.requirements import Requirement
from rest_framework.views import APIView

from images.delivery.variants import VARIANTS, names_of
from images.rendering.sources import EXTENSIONS
from images.serializers import AlbumImageSerializer, ImageSerializer
from tests.servers import ROOT

pytestmark = pytest.mark.any_database
APPS = ("accounts", "albums", "images", "sharinpix")
PAGES = ("README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md", "docs/*.md")
Route = tuple[str, str]
"""Method and path, such as ("GET", "/api/v1/albums/<album_id>")."""


@cache
def text(path: str) -> str:
    return (ROOT / path).read_text()


def pages() -> list[str]:
    found = [page for pattern in PAGES for page in sorted(ROOT.glob(pattern))]
    return [page.relative_to(ROOT).as_posix() for page in found]


def headings(path: str) -> list[str]:
    return re.findall(r"^#{1,3} (.+)$", text(path), re.MULTILINE)


def section(path: str, heading: str) -> str:
    """What stands under the heading, down to the next one."""
    found = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", text(path), re.MULTILINE | re.DOTALL)
    assert found, f"{path} has no section {heading!r}"
    return found[1]


def table(path: str, heading: str) -> list[list[str]]:
    """The cells of the rows of the tables in a section, without their first rows."""
    rows = [line for line in section(path, heading).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
    ruled = [number for number, row in enumerate(cells) if re.fullmatch(r":?-+:?", row[0])]
    assert ruled, f"{path} has no table under {heading!r}"
    return [row for number, row in enumerate(cells) if number not in ruled and number + 1 not in ruled]


def spans(markdown: str) -> list[str]:
    """Its pieces of code, those in fences line by line."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", markdown, re.MULTILINE | re.DOTALL)
    lines = [line for block in fenced for line in block.splitlines()]
    plain = re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return [*lines, *(found.replace("\\|", "|") for found in re.findall(r"`([^`]+)`", plain))]


def sources() -> list[Path]:
    found = [path for app in APPS for path in sorted((ROOT / app).rglob("*.py"))]
    return [*found, *sorted((ROOT / "deploy").rglob("*.py")), ROOT / "manage.py"]


# Routes


def patterns(resolver: Any, prefix: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    """Each route and its view; the admin's own are its affair."""
    for pattern in resolver.url_patterns:
        whole = prefix + str(pattern.pattern)
        if whole.lstrip("^").startswith("admin/"):
            continue
        if hasattr(pattern, "url_patterns"):
            yield from patterns(pattern, whole)
        else:
            yield whole, pattern.callback


def methods(view: Any) -> set[str]:
    """What the view is there for; HEAD and OPTIONS go without saying."""
    if actions := getattr(view, "actions", None):
        return {method.upper() for method in actions} - {"HEAD"}
    cls = getattr(view, "cls", None)
    if cls is not None and issubclass(cls, APIView):
        return {m.upper() for m in cls.http_method_names if hasattr(cls, m)} - {"HEAD", "OPTIONS"}
    return {"GET"}


def path_of(pattern: str) -> str:
    path = simplify_regex(re.sub(r"\(\?:([^()]*)\)", r"\1", pattern))  # choices stay as they are
    path = path.rstrip("/") if "/?" in pattern else path
    return path.replace(f"/{settings.CLOUD_NAME}/image/", "/<cloud>/image/")


def routes() -> set[Route]:
    return {(method, path_of(found)) for found, view in patterns(get_resolver()) for method in methods(view)}


def routes_in(markdown: str) -> set[Route]:
    found = (re.fullmatch(r"(GET|POST|PUT|PATCH|DELETE) (/\S*)", span) for span in spans(markdown))
    return {(route[1], route[2].replace("(", "").replace(")", "")) for route in found if route}


def test_the_table_of_routes_is_that_of_the_server() -> None:
    there = routes()
    assert ("GET", "/api/v1/image_syncs") in there
    assert len(there) > 20
    assert routes_in(section("docs/api.md", "routes")) == there


def test_each_route_is_told_in_a_section_of_its_own() -> None:
    whole = text("docs/api.md").replace(section("docs/api.md", "routes"), "")
    told = {route for route in routes() if route[1].startswith("/api/v1/") or route[1].count("/") > 2}
    assert len(told) > 15
    assert told <= routes_in(whole)


def test_the_admin_is_told() -> None:
    address = reverse("admin:index")
    assert f"The admin stands at `{address}`" in text("docs/api.md")
    assert f"The admin stands at `{address}`" in text("docs/staff.md")


def test_the_routes_that_are_not_here_yet_are_not_here() -> None:
    absent = routes_in(section("docs/api.md", "published routes that are not here yet"))
    assert len(absent) > 30
    for method, path in absent:
        try:
            found = resolve(re.sub(r":\w+", str(uuid4()), path))
        except Resolver404:
            continue
        assert method not in methods(found.func), f"{method} {path} is there by now"


# The answers


def test_an_image_has_the_keys_that_are_told_in_their_order() -> None:
    rows = [row for row in table("docs/api.md", "image") if row[0].isdigit()]
    keys = list(ImageSerializer().fields.keys())
    assert len(keys) >= 37
    assert f"An image has {len(keys)} keys" in section("docs/api.md", "image")
    assert [row[1] for row in rows] == [f"`{key}`" for key in keys]
    assert [int(row[0]) for row in rows] == list(range(1, len(keys) + 1))


def test_every_variant_and_format_is_told() -> None:
    rows = {row[1]: row[-1] for row in table("docs/api.md", "image") if row[0].isdigit()}
    for key in ("external_urls", "thumbnails"):
        assert sorted(re.findall(r"`(\w+)`", rows[f"`{key}`"])) == sorted(names_of(key)), f"docs/api.md, image: {key}"
        for name in names_of(key):
            shown = name if key == "external_urls" and VARIANTS[name].kind else f"{key}.{name}"
            assert f"`{shown}`" in section("docs/api.md", "image URLs"), f"docs/api.md, image URLs: {shown}"
    missing = {name for name in EXTENSIONS.values() if f"`{name}`" not in rows["`format`"]}
    assert not missing, "docs/api.md, image: the row of `format`; the rows of files and README name formats too"


def test_the_keys_of_a_resync_alone_are_told_as_such() -> None:
    alone = [row[1] for row in table("docs/api.md", "image") if "only in a resync" in row[-1]]
    fewer = AlbumImageSerializer().fields.keys()
    assert alone
    assert alone == [f"`{key}`" for key in ImageSerializer().fields.keys() if key not in fewer]  # noqa: SIM118


@pytest.mark.parametrize(
    ("heading", "component"),
    [
        ("log in", "Session"),
        ("albums", "Album"),
        ("upload form", "UploadForm"),
        ("native form", "NativeForm"),
        ("storage files", "AnnouncedFile"),
        ("storage files", "StoredFile"),
        ("imports", "Import"),
    ],
)
def test_an_answer_has_the_keys_that_are_told(heading: str, component: str) -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    keys = list(schema["components"]["schemas"][component]["properties"])
    told = re.findall(r"Keys[^:\n]*: ((?:`\w+`(?:,\s)?)+)", section("docs/api.md", heading))
    assert keys
    assert keys in [re.findall(r"`(\w+)`", line) for line in told]


def test_every_citation_of_the_api_names_a_heading() -> None:
    cited: dict[str, str] = {}
    for path in sources():
        for found in re.findall(r"\(API:\s([^)]*)\)", path.read_text()):
            cited |= {" ".join(name.split()): path.name for name in found.split(",")}
    assert len(cited) > 15
    told = headings("docs/api.md")
    assert {name: where for name, where in cited.items() if name not in told} == {}
    assert len(told) == len(set(told))


# Settings


def constant(node: ast.expr | None) -> str | None:
    return str(node.value) if isinstance(node, ast.Constant) and node.value is not None else None


def read_from_environment(tree: ast.AST, *, inside_env: bool) -> Iterator[tuple[str, str | None]]:
    """The variables that a module reads, each with its default where that is a constant."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            name, default = constant(node.slice) if isinstance(node.ctx, ast.Load) else None, None
        elif isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            reads = function in {"os.environ.get", "os.getenv"} or function.startswith("env.")
            if not reads and not (inside_env and isinstance(node.func, ast.Name)):
                continue
            name = constant(node.args[0]) if node.args else None
            default = constant(node.args[1]) if len(node.args) > 1 else "0" if function.endswith("flag") else None
        else:
            continue
        if name and re.fullmatch(r"[A-Z][A-Z0-9_]+", name):
            yield name, default


def read_by_make() -> set[str]:
    """Variables that a rule uses and does not make: from the environment, or with a default (`?=`)."""
    makefile = text("Makefile")
    made = set(re.findall(r"^(?:[\w.-]+: )?(?:export )?(\w+) :?=", makefile, re.MULTILINE)) | {"MAKE"}
    optional = set(re.findall(r"^(?:[\w-]+: )?(?:export )?(\w+) \?=", makefile, re.MULTILINE))
    used = set(re.findall(r"\$\(([A-Z][A-Z0-9_]+)\)|\$\$([A-Z][A-Z0-9_]+)", makefile))
    return optional | ({name for names in used for name in names if name} - made)


def variables() -> dict[str, set[str]]:
    """Every environment variable that is read -> its defaults, as far as they are constants."""
    found: dict[str, set[str]] = {name: set() for name in read_by_make()}
    for path in sources():
        for name, default in read_from_environment(ast.parse(path.read_text()), inside_env=path.name == "env.py"):
            found.setdefault(name, set()).update({default} if default else ())
    for path in (ROOT / "deploy").rglob("*.conf"):  # what an example sets is to be known
        found |= {name: found.get(name, set()) for name in re.findall(r"\b([A-Z][A-Z0-9_]{3,})=", path.read_text())}
    return found


def settings_told() -> dict[str, str]:
    rows = table("docs/operations.md", "Settings")
    return {name: row[1] for row in rows for name in re.findall(r"`(\w+)`", row[0])}


def test_the_table_of_settings_is_what_the_sources_read() -> None:
    read = variables()
    assert {"SECRET_KEY", "CLOUDINARY_URL", "PORT", "WORKER_CONCURRENCY", "X_ACCEL_REDIRECT"} <= read.keys()
    assert len(read) > 30
    assert set(settings_told()) == set(read)


def test_a_constant_default_stands_in_the_table_of_settings() -> None:
    told = settings_told()
    checked = [(name, default) for name, defaults in variables().items() for default in defaults]
    assert len(checked) > 10
    # A switch that is off is told so; some defaults are a text that depends on another setting.
    assert [pair for pair in checked if pair[1] not in told[pair[0]].replace(",", "")] == []


# Commands


def first_words(rows: Iterable[list[str]]) -> dict[str, str]:
    """Command -> the cell that tells it."""
    return {span.split()[0]: row[0] for row in rows for span in spans(row[0])}


def options(command: BaseCommand) -> set[str]:
    parser = command.create_parser("manage.py", "")
    return {option for action in parser._actions for option in action.option_strings if option.startswith("--")}


def test_the_table_of_commands_is_what_the_apps_have() -> None:
    ours = {name for name, app in get_commands().items() if app in APPS}
    told = first_words(table("docs/operations.md", "manage.py commands"))
    assert len(ours) > 5
    assert ours <= told.keys()
    assert told.keys() <= get_commands().keys()


def test_a_command_has_the_options_that_are_told() -> None:
    told = first_words(table("docs/operations.md", "manage.py commands"))
    common = options(BaseCommand())
    ours = {name: app for name, app in get_commands().items() if app in APPS}
    there = {name: options(load_command_class(str(app), name)) - common for name, app in ours.items()}
    assert any(there.values())
    assert {name: set(re.findall(r"--[a-z-]+", told.get(name, ""))) for name in ours} == there


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):(?!=)", text("Makefile"), re.MULTILINE))


def test_the_table_of_make_targets_is_that_of_the_makefile() -> None:
    told = [row[0] for row in table("docs/operations.md", "Make targets")]
    assert {"install", "run", "serve", "test"} <= make_targets()
    assert set(told) == {f"`make {target}`" for target in make_targets()}


@pytest.mark.parametrize("page", [page for page in pages() if page != "CHANGELOG.md"])
def test_a_page_names_no_command_that_is_not_there(page: str) -> None:
    code = "\n".join(spans(text(page)))
    assert set(re.findall(r"\bmake ([a-z][\w-]*)", code)) <= make_targets()
    assert set(re.findall(r"manage\.py ([a-z]\w*)", code)) <= get_commands().keys()


# Links and licences


def anchors(path: str) -> set[str]:
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(path)}


@pytest.mark.parametrize("page", pages())
def test_relative_links_lead_to_what_is_there(page: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text(page))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.resolve().is_relative_to(ROOT), link
        assert target.is_file(), f"{page} leads to {link}"
        if anchor:
            assert anchor in anchors(target.resolve().relative_to(ROOT).as_posix()), f"{page} leads to {link}"


def test_the_readme_leads_to_every_page() -> None:
    links = set(re.findall(r"\]\(([^)#\s]+)\)", text("README.md")))
    assert {"docs/api.md", "docs/operations.md", "SECURITY.md"} <= set(pages())
    assert {page for page in pages() if page != "README.md"} <= links


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(file: str, *groups: str) -> list[Requirement]:
    """What pyproject.toml declares, or where it declares nothing the requirement file."""
    lines: Any = tomllib.loads(text("pyproject.toml"))
    for group in groups:
        lines = lines.get(group, {})
    lines = lines or [line.partition(" #")[0] for line in text(file).splitlines() if re.match(r"\w", line)]
    return [Requirement(line) for line in lines]


def brought_along(requirements: Iterable[Requirement]) -> set[str]:
    """What these need in turn, as it is installed here."""
    found: set[str] = set()
    left = list(requirements)
    while left:
        wanted = left.pop()
        for line in requires(wanted.name) or ():
            needed = Requirement(line)
            applies = any(needed.marker.evaluate({"extra": e}) for e in ("", *wanted.extras)) if needed.marker else True
            if applies and normal(needed.name) not in found:
                found.add(normal(needed.name))
                left.append(needed)
    return found


def licences_told(heading: str) -> dict[str, str]:
    return {normal(row[0].strip("`")): row[1] for row in table("docs/licences.md", heading)}


@pytest.mark.parametrize(
    ("heading", "file", "groups"),
    [
        ("What the server needs", "requirements.txt", ("project", "dependencies")),
        ("What tests and checks need besides", "requirements-dev.txt", ("dependency-groups", "dev")),
    ],
)
def test_each_declared_distribution_has_its_licence_told(heading: str, file: str, groups: tuple[str, ...]) -> None:
    needed = {normal(requirement.name) for requirement in declared(file, *groups)}
    told = licences_told(heading)
    assert len(needed) > 10
    assert told.keys() == needed
    assert all(told.values())


def test_each_distribution_that_another_brings_along_has_its_licence_told() -> None:
    server = declared("requirements.txt", "project", "dependencies")
    needed = brought_along(server) - {normal(requirement.name) for requirement in server}
    told = licences_told("What these bring along")
    assert len(needed) > 20
    assert told.keys() == needed
    assert all(told.values())
