"""`make bench`: ours against what others would ship, on SQLite and PostgreSQL, in process and over HTTP; then pictures."""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson

from tests.servers import ROOT, Web, postgresql

KEYS = {
    "SECRET_KEY": "only-for-benchmarks-0123456789-0123456789-0123456789",
    "CLOUDINARY_URL": "cloudinary://1234:abcd@bench",
    "ALLOWED_HOSTS": "localhost",
    "PUBLIC_URL": "http://localhost:8000",  # one for all, since stored texts are stamped with it
    "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
    "DEBUG": "0",
    # As `make serve` sets them
    "MALLOC_MMAP_THRESHOLD_": "67108864",
    "MALLOC_TRIM_THRESHOLD_": "134217728",
}
TARGETS: dict[str, dict[str, float]] = {
    "postgresql": {"4": 8, "100": 25, "1000": 30},
    "sqlite": {"4": 12, "100": 45, "1000": 75},
}


def run(database: str, url: str, folder: Path, images: int, rounds: int) -> dict[str, Any]:
    """All measurements on one database; it is filled by the first of them."""
    environment = {**os.environ, **KEYS, "DATABASE_URL": url, "DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "benchmarks.in_process", str(images), str(rounds)]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = orjson.loads(done.stdout)
    server = Web(folder, url, **KEYS)
    single = Web(folder, url, **KEYS, WEB_CONCURRENCY="1")
    server.start()
    from benchmarks import over_http

    facts = orjson.loads(server.manage("shell", "--verbosity", "0", "-c", FACTS))
    found["http"] = over_http.measure(server, single, facts["tokens"], facts["ids"], rounds)
    return found


def run_processing(folder: Path, photographs: int, rounds: int) -> dict[str, Any]:
    environment = {**os.environ, **KEYS, "CLOUDINARY_URL": "", "DATA_DIR": str(folder)}
    environment["DATABASE_URL"] = f"sqlite:///{folder}/db.sqlite3"
    command = [sys.executable, "-m", "benchmarks.processing", str(photographs), str(rounds)]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found


FACTS = """
import json, sys
from rest_framework_simplejwt.tokens import AccessToken
from accounts.models import User
from accounts.tokens import SharinpixToken
from images.models import Image
user = User.objects.get(email="bench@example.com")
ids = [str(i) for i in Image.objects.order_by("id").values_list("id", flat=True)]
ids = ids[::max(1, len(ids) // 10_000)][:10_000]
print(json.dumps({"tokens": {"plain": str(AccessToken.for_user(user)), "ours": str(SharinpixToken.for_user(user))}, "ids": ids}))
"""


def tables(results: dict[str, Any]) -> str:
    """Markdown of all results: ratios of medians, with spreads."""
    lines = [
        f"Machine: {machine()}; {results['images']:,} images, medians of {results['rounds']} interleaved rounds.",
        "",
    ]
    lines += ["| resync, in process | ids | ours | spread | plain / ours | asked | ours / floor | ours / memory |",
              "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for database in ("postgresql", "sqlite"):
        lines += resync_rows(database, results[database]["resyncs"], TARGETS[database])
    lines += ["", "| resync, over HTTP | ids | ours | spread | plain / ours | asked | ours / floor | ours / memory |",
              "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for database in ("postgresql", "sqlite"):
        lines += resync_rows(database, results[database]["http"]["resyncs"], {})
    lines += ["", "| figure | asked | PostgreSQL | SQLite |", "|---|---|---|---|"]
    for name, asked, figure in FIGURES:
        values = [figure(results[database]) for database in ("postgresql", "sqlite")]
        lines.append(f"| {name} | {asked} | {values[0]} | {values[1]} |")
    lines += ["", "| pictures | asked | found |", "|---|---|---|"]
    lines += [f"| {name} | {asked} | {figure(results['processing'])} |" for name, asked, figure in PICTURES]
    return "\n".join(lines)


def resync_rows(database: str, found: dict[str, Any], targets: dict[str, float]) -> list[str]:
    rows = []
    for size, samples in found.items():
        ours = samples["ours"]
        plain = f"{samples['plain']['median'] / ours['median']:.1f} ×" if "plain" in samples else "–"
        asked = f"≥ {targets[size]} ×" if size in targets else "–"
        rows.append(
            f"| {database} | {int(size):,} | {ours['median'] * 1e3:.2f} ms | ± {ours['spread'] * 50:.0f} % | {plain} | {asked} "
            f"| {ours['median'] / samples['floor']['median']:.2f} | {ours['median'] / samples['memory']['median']:.1f} |"
        )
    return rows


def median(samples: dict[str, Any], name: str) -> float:
    return float(samples[name]["median"])


def per_image(found: dict[str, Any]) -> str:
    many, few = (median(found["resyncs"][size], "ours") / int(size) for size in ("1000", "100"))
    return f"{many / few:.2f}"


def dearest(found: dict[str, Any]) -> str:
    name = max(found, key=lambda kind: float(found[kind]["seconds"]))
    return f"{found[name]['seconds']:.1f} s ({name}), {found[name]['seconds'] / found['ordinary']['seconds']:.0f} × an ordinary one"


FIGURES: list[tuple[str, str, Any]] = [
    ("cost an image at 1,000 ids against 100", "≤ 1", per_image),
    ("10,000 ids streamed: memory growth / body", "≤ 1.0", lambda f: f"{f['http']['streamed']['growth']:.2f}"),
    ("10,000 ids streamed: first byte / whole", "< 0.5", lambda f: f"{f['http']['streamed']['first byte']:.2f}"),
    ("whole library by pages: server CPU an image against plain", "≤ 4 %",
     lambda f: f"{100 * f['http']['library']['ours'] / f['http']['library']['plain']:.1f} %"),
    ("a caption edit against the same without stored representations", "≤ 1.5 ×",
     lambda f: f"{median(f['captions'], 'with') / median(f['captions'], 'without'):.2f} ×"),
    ("1,000 ids whose stored texts are stale: plain / ours", "≥ 5 ×",
     lambda f: f"{median(f['stale'], 'plain') / median(f['stale'], 'ours'):.1f} ×"),
    ("storing representations anew against bulk_update", "≥ 2 ×",
     lambda f: f"{median(f['refreshing'], 'bulk_update') / median(f['refreshing'], 'ours'):.1f} ×"),
    ("the same, writing alone", "≥ 3.5 ×",
     lambda f: f"{median(f['refreshing'], 'bulk_update, writing') / median(f['refreshing'], 'ours, writing'):.1f} ×"),
    ("queries of 4 / 100 / 1,000 / 10,000 ids", "≤ 3, and 1 per 1,000", lambda f: " / ".join(str(n) for n in f["queries"].values())),
    ("1,000 ids, bytes by zstd / br / gzip of identity", "",
     lambda f: " / ".join(f"{100 * f['http']['compression']['bytes'][c] / f['http']['compression']['bytes']['identity']:.1f} %"
                          for c in ("zstd", "br", "gzip"))),
]  # fmt: skip
PICTURES: list[tuple[str, str, Any]] = [
    ("a photograph of 12 megapixels examined, processor time against the fastest pipeline by hand", "≤ 1.4 ×",
     lambda f: f"{median(f['examining'], 'ours') / median(f['examining'], 'as sharp'):.2f} ×"),
    ("the same against one whose filter is coarser", "–",
     lambda f: f"{median(f['examining'], 'ours') / median(f['examining'], 'softer'):.2f} ×"),
    ("a photograph of 300 KB, in a decoder process against in this one", "≤ 1.1 ×",
     lambda f: f"{median(f['small'], 'ours') / median(f['small'], 'in this process'):.2f} ×"),
    ("the hostile file that costs most, processor time", "≤ 3 s", lambda f: dearest(f["hostile"])),
    ("import_folder of photographs of 3 megapixels: cores kept busy", "≥ 85 %",
     lambda f: f"{100 * f['importing']['busy']:.0f} %"),
]  # fmt: skip


def machine() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    return f"{os.cpu_count()} cores ({names[0] if names else platform.machine()}), Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--photographs", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=Path(os.environ.get("DATA_DIR", "var")) / "bench.json")
    options = parser.parse_args()
    results: dict[str, Any] = {"images": options.images, "rounds": options.rounds, "machine": machine()}
    for database in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory(prefix="sharinpix-bench-") as name:
            folder = Path(name)
            if database == "sqlite":
                results[database] = run(
                    database, f"sqlite:///{folder}/db.sqlite3", folder, options.images, options.rounds
                )
            else:
                with postgresql(socket=True) as url:
                    results[database] = run(database, url, folder, options.images, options.rounds)
    with tempfile.TemporaryDirectory(prefix="sharinpix-bench-") as name:
        results["processing"] = run_processing(Path(name), options.photographs, max(9, options.rounds))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    written = orjson.dumps(results, default=lambda value: value._asdict(), option=orjson.OPT_INDENT_2)
    options.json.write_bytes(written)
    print(tables(orjson.loads(written)))
    print(f"\nAll of it: {options.json}")


if __name__ == "__main__":
    main()
