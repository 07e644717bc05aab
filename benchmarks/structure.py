"""`python -m benchmarks.structure`: figures of how the sources are built, each against its limit.

The sources are read and never imported, and migrations stay out. The exit code is 1 when a limit is exceeded.
"""

import ast
import math
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.sources import (
    PACKAGES,
    Import,
    Levels,
    Source,
    contracts,
    imports_of,
    inside,
    largest_circle,
    level_of,
    nodes,
    read,
    rises,
    within,
)

LAYERED = ("images", "albums")
"""The apps whose inside needs a contract of layers."""

LONGEST_CIRCLE = 2
LONGEST_FUNCTION = 40
LONGEST_FILE = 300

WORDS = [word.replace("-", "") for word in ("who-ever", "no-body", "some-body", "mean-while")]
"""Words that stand for no thing in particular. Each is found wherever its letters stand, in identifiers too."""

PRESCRIBED = {
    "Command": "Django calls the class of this name in every module of management/commands",
    "Migration": "Django reads the class of this name in every migration",
    "DatabaseWrapper": "Django connects by the class of this name in the base.py of every database backend",
}
"""Names that a framework looks up by name, with the reason. DRF and Celery look up no class or function so."""


class Figure(NamedTuple):
    """One row of the table. A value of None is missing, and a limit of None bounds nothing."""

    name: str
    value: float | None
    limit: int | None = None
    offenders: Sequence[str] = ()

    @property
    def exceeded(self) -> bool:
        return self.limit is not None and (self.value is None or self.value > self.limit)


# Imports and layers


def circles(sources: Sequence[Source], imports: Iterable[Import]) -> Iterator[Figure]:
    members = largest_circle(imports)
    paths = {source.module: source.path for source in sources}
    yield Figure("files in the largest import circle", len(members), LONGEST_CIRCLE, [paths[name] for name in members])


def upward(sources: Sequence[Source], imports: Iterable[Import], found: Sequence[Levels]) -> Iterator[Figure]:
    rising = [one for one in imports if any(rises(one, levels) for levels in found)]
    for app in LAYERED:
        here = [one for one in rising if within(one.importer, app) and within(one.imported, app)]
        rising = [one for one in rising if one not in here]
        ordered = inside(app, found)
        yield Figure(f"upward imports inside {app}", len(here) if ordered else None, 0, shown(here) or ["no contract"])
        modules = [source.module for source in sources if within(source.module, app) and source.module != app]
        loose = [name for name in modules if all(level_of(name, levels) is None for levels in ordered)]
        yield Figure(f"files of {app} in no layer", len(loose))
    yield Figure("upward imports elsewhere", len(rising), 0, shown(rising))


def shown(imports: Iterable[Import]) -> list[str]:
    return [f"{one.place} {one.importer} imports {one.imported}" for one in imports]


# Sizes


def functions(sources: Iterable[Source]) -> Iterator[Figure]:
    lengths = {
        f"{source.path}:{node.lineno} {node.name}": length_of(node)
        for source, node in nodes(sources)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    long = [f"{name}, {length} lines" for name, length in lengths.items() if length > LONGEST_FUNCTION]
    ordered = sorted(lengths.values()) or [0]
    yield Figure(f"functions longer than {LONGEST_FUNCTION} lines", len(long), 0, long)
    yield Figure("median length of a function", statistics.median(ordered))
    yield Figure("90th percentile", ordered[math.ceil(len(ordered) * 0.9) - 1])
    yield Figure("maximum", ordered[-1])
    yield Figure("functions", len(lengths))


def length_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return (node.end_lineno or node.lineno) - first + 1


def files(sources: Sequence[Source]) -> Iterator[Figure]:
    lengths = {source.path: len(source.text.splitlines()) for source in sources}
    long = [f"{path}, {length} lines" for path, length in lengths.items() if length > LONGEST_FILE]
    yield Figure(f"files longer than {LONGEST_FILE} lines", len(long), 0, long)
    yield Figure("files", len(lengths))
    yield Figure("source lines", sum(lengths.values()))


# Names and words


def doubled(sources: Iterable[Source]) -> Iterator[Figure]:
    """Names that two modules define; a name that one module defines twice, as overloads are, is not doubled."""
    modules: dict[str, set[str]] = defaultdict(set)
    for source in sources:
        for node in source.tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_":
                modules[node.name].add(source.module)
    found = {name: places for name, places in modules.items() if len(places) > 1 and name not in PRESCRIBED}
    offenders = [f"{name}: {', '.join(sorted(places))}" for name, places in sorted(found.items())]
    yield Figure("public names in two or more modules", len(found), 0, offenders)


def words(root: Path, sources: Iterable[Source]) -> Iterator[Figure]:
    texts = [(source.path, source.text) for source in sources]
    texts += [(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")) for path in templates(root)]
    found = [
        f"{path}:{number} {word}"
        for path, text in texts
        for number, line in enumerate(text.splitlines(), 1)
        for word in re.findall("|".join(WORDS), line.lower())
    ]
    yield Figure("words that name no thing", len(found), 0, found)


def templates(root: Path) -> list[Path]:
    folders = [root / "templates", *(found for package in PACKAGES for found in (root / package).rglob("templates"))]
    return sorted(path for folder in folders for path in folder.rglob("*.html"))


# Calls, exceptions and types


def lookups(sources: Iterable[Source]) -> Iterator[Figure]:
    calls = ((source, node) for source, node in nodes(sources) if isinstance(node, ast.Call))
    found = [
        f"{source.path}:{node.lineno}"
        for source, node in calls
        if isinstance(node.func, ast.Attribute) and node.func.attr == "get_model"
    ]
    yield Figure("calls of apps.get_model", len(found), 0, found)


def catches(sources: Iterable[Source]) -> Iterator[Figure]:
    found = [node for _, node in nodes(sources) if isinstance(node, ast.ExceptHandler) and broad(node)]
    yield Figure("handlers that catch every exception", len(found))


def broad(node: ast.ExceptHandler) -> bool:
    """Whether a handler takes Exception, or takes all there is and does not raise it again."""
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type or ast.Name("BaseException")]
    names = {ast.unparse(one) for one in caught}
    return "Exception" in names or ("BaseException" in names and not any(again(one, node) for one in ast.walk(node)))


def again(one: ast.AST, handler: ast.ExceptHandler) -> bool:
    if not isinstance(one, ast.Raise):
        return False
    return one.exc is None or (isinstance(one.exc, ast.Name) and one.exc.id == handler.name)


def types(sources: Sequence[Source]) -> Iterator[Figure]:
    yield Figure("Any in annotations", sum(anys(node) for _, node in nodes(sources)))
    ignored = re.compile(r"#\s*type:\s*ignore")
    yield Figure("type: ignore", sum(len(ignored.findall(source.text)) for source in sources))
    calls = (ast.unparse(node.func) for _, node in nodes(sources) if isinstance(node, ast.Call))
    yield Figure("cast(", sum(name in {"cast", "typing.cast"} for name in calls))


def anys(node: ast.AST) -> int:
    """How often Any stands in the annotation that a node carries itself, quoted annotations included."""
    annotation = getattr(node, "returns", None) or getattr(node, "annotation", None)
    return len(re.findall(r"\bAny\b", ast.unparse(annotation))) if annotation else 0


# The table


def figures(root: Path) -> list[Figure]:
    sources = read(root)
    imports = imports_of(sources)
    return [
        *circles(sources, imports),
        *upward(sources, imports, contracts(root)),
        *functions(sources),
        *files(sources),
        *doubled(sources),
        *words(root, sources),
        *lookups(sources),
        *catches(sources),
        *types(sources),
    ]


def report(found: Sequence[Figure]) -> str:
    """The table, and below it the offenders against every limit that is exceeded."""
    lines = [f"{'figure':40}{'value':>8}{'limit':>8}", *map(row, found)]
    for figure in found:
        if figure.exceeded:
            lines += ["", f"{figure.name}:", *(f"  {offender}" for offender in figure.offenders)]
    return "\n".join(lines)


def row(figure: Figure) -> str:
    value = "missing" if figure.value is None else f"{figure.value:g}"
    limit = "" if figure.limit is None else str(figure.limit)
    return f"{figure.name:40}{value:>8}{limit:>8}{'  exceeded' if figure.exceeded else ''}".rstrip()


def main(root: Path) -> int:
    found = figures(root)
    print(report(found))
    return int(any(figure.exceeded for figure in found))


if __name__ == "__main__":
    sys.exit(main(Path()))
