"""What `benchmarks.structure` reads: the sources, the imports among them, and the layers that contracts order them in."""

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

PACKAGES = ("sharinpix", "accounts", "images", "albums")

Levels = list[list[str]]
"""The rooms of one contract by level, the highest level first. A room is a module with all that lies below it."""


class Source(NamedTuple):
    path: str
    module: str
    text: str
    tree: ast.Module


class Import(NamedTuple):
    importer: str
    imported: str
    place: str


def read(root: Path) -> list[Source]:
    return [source_of(path, root) for package in PACKAGES for path in files_of(root / package)]


def files_of(package: Path) -> list[Path]:
    found = [path for path in sorted(package.rglob("*.py")) if "migrations" not in path.relative_to(package).parts]
    if not found:
        raise SystemExit(f"{package.name} has no sources here: the root of a checkout is needed")
    return found


def source_of(path: Path, root: Path) -> Source:
    place = path.relative_to(root)
    parts = place.parent.parts if path.stem == "__init__" else place.with_suffix("").parts
    text = path.read_text(encoding="utf-8")
    return Source(place.as_posix(), ".".join(parts), text, ast.parse(text, str(place)))


def nodes(sources: Iterable[Source]) -> Iterator[tuple[Source, ast.AST]]:
    return ((source, node) for source in sources for node in ast.walk(source.tree))


def imports_of(sources: Sequence[Source]) -> list[Import]:
    """Every import of one of the sources by another, whether for types alone or inside a function."""
    modules = {source.module for source in sources}
    return [
        Import(source.module, imported, f"{source.path}:{node.lineno}")
        for source, node in nodes(sources)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for imported in sorted({nearest(name, modules) for name in names_in(node, source)} - {"", source.module})
    ]


def names_in(node: ast.Import | ast.ImportFrom, source: Source) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = f"{package_of(source, node.level)}.{node.module or ''}".strip(".")
    return [f"{base}.{alias.name}" for alias in node.names]


def package_of(source: Source, level: int) -> str:
    """The package that so many leading dots mean inside this source; none mean no package."""
    parts = source.module.split(".")
    steps = level - 1 if source.path.endswith("__init__.py") else level
    return ".".join(parts[: len(parts) - steps]) if level else ""


def nearest(name: str, modules: set[str]) -> str:
    """The longest beginning of a dotted name that is a module, or nothing."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def largest_circle(imports: Iterable[Import]) -> list[str]:
    """The modules of the largest strongly connected component; modules in no circle make none."""
    edges: dict[str, set[str]] = {}
    for one in imports:
        edges.setdefault(one.importer, set()).add(one.imported)
    reached = {module: reachable(module, edges) for module in edges}
    circles = ([other for other in sorted(ahead) if one in reached.get(other, ())] for one, ahead in reached.items())
    return max(circles, key=len, default=[])


def reachable(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        fresh = edges.get(ahead.pop(), set()) - found
        found |= fresh
        ahead.extend(fresh)
    return found


# Layers


def contracts(root: Path) -> list[Levels]:
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    found = settings.get("tool", {}).get("importlinter", {}).get("contracts", [])
    return [levels for contract in found if contract["type"] == "layers" for levels in levels_of(contract)]


def levels_of(contract: Mapping[str, Any]) -> Iterator[Levels]:
    """The levels of a contract, once for each of its containers."""
    for container in contract.get("containers") or [""]:
        if "*" in container:
            raise SystemExit(f"{container}: containers with wildcards are not understood")
        yield [[f"{container}.{name}".strip(".") for name in rooms(entry)] for entry in contract["layers"]]


def rooms(entry: str) -> list[str]:
    """An entry's siblings, which | or : joins; parentheses make one optional."""
    return [name.strip(" ()") for name in re.split(r"[|:]", entry)]


def level_of(module: str, levels: Levels) -> int | None:
    found = (number for number, level in enumerate(levels) if any(within(module, room) for room in level))
    return next(found, None)


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def rises(one: Import, levels: Levels) -> bool:
    importer, imported = level_of(one.importer, levels), level_of(one.imported, levels)
    return importer is not None and imported is not None and imported < importer


def inside(app: str, found: Iterable[Levels]) -> list[Levels]:
    """The contracts that order the inside of an app: two levels or more hold modules that lie right in it."""

    def ordering(levels: Levels) -> bool:
        return sum(any(room.rpartition(".")[0] == app for room in level) for level in levels) > 1

    return [levels for levels in found if ordering(levels)]
