"""What the shipped server does over HTTP: resyncs by size, the whole library by pages, memory and first byte."""

import http.client
import json
import os
import re
import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import Sample, interleaved
from tests.servers import Web

PAGE = 5_000
TICKS = os.sysconf("SC_CLK_TCK")


class Client:
    """One kept connection to the server."""

    def __init__(self, server: Web, tokens: dict[str, str]) -> None:
        self.server = server
        self.tokens = tokens
        self.connection = http.client.HTTPConnection("localhost", server.port, timeout=300)

    def get(self, contender: str, query: str) -> tuple[http.client.HTTPResponse, bytes]:
        path = "/api/v1/image_syncs" if contender == "ours" else f"/{contender}"
        headers = {"Authorization": f"Bearer {self.tokens[contender]}"} if contender in self.tokens else {}
        self.connection.request("GET", f"{path}?{query}", headers=headers)
        response = self.connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise SystemExit(f"{path} answered {response.status}: {body[:200]!r}")
        return response, body


def query_of(contender: str, ids: list[str]) -> str:
    return f"count={len(ids)}" if contender == "memory" else "&".join(f"ids[]={image_id}" for image_id in ids)


def workers(server: Web) -> list[int]:
    """Process ids of the web processes; the server's other child sweeps."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def cpu(server: Web) -> float:
    """Seconds of CPU that the web processes have used."""
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in workers(server)]
    return sum(int(fields[11]) + int(fields[12]) for fields in stats) / TICKS


def memory(pid: int, name: str) -> int:
    """VmRSS, VmHWM (its peak) or RssFile (of it, pages of mapped files, shared by all processes), in bytes."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def resyncs(client: Client, ids: list[str], rounds: int) -> dict[str, dict[str, Sample]]:
    found = {}
    for size in (4, 100, 1_000, 10_000):
        some = ids[:: max(1, len(ids) // size)][:size]
        names = ["ours", "floor", "memory"] + (["plain"] if size <= 1_000 else [])
        queries = {name: query_of(name, some) for name in names}
        runs = {name: partial(client.get, name, query) for name, query in queries.items()}
        found[str(size)] = interleaved(runs, rounds)
    return found


def whole_library(client: Client, ids: list[str]) -> dict[str, float]:
    """CPU seconds of the server an image: ours over the whole library by pages, plain over 10,000 images."""
    start, query, seen = cpu(client.server), f"per_page={PAGE}", 0
    wall = time.perf_counter()
    while query:
        response, body = client.get("ours", query)
        seen += body.count(b'"public_id":')
        link = re.search(r"\?([^>]*)>", response.headers.get("Link", ""))
        query = link[1] if link else ""
    wall = time.perf_counter() - wall
    ours = (cpu(client.server) - start) / seen
    start = cpu(client.server)
    for at in range(0, 10_000, 1_000):
        client.get("plain", query_of("plain", ids[at : at + 1_000]))
    plain = (cpu(client.server) - start) / 10_000
    return {"images": seen, "seconds": wall, "ours": ours, "plain": plain}


def streamed(client: Client, ids: list[str]) -> dict[str, float]:
    """10,000 ids: growth of resident memory as a share of the body, and the first byte as a share of the whole time.

    The server has one process for this, warm by the same request. Pages of the database's file that another thread's
    connection maps are no growth: they are the page cache's.
    """
    query = query_of("ours", ids[:10_000])
    client.get("ours", query)
    (pid,) = workers(client.server)
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget the peak so far
    before, mapped = memory(pid, "VmRSS"), memory(pid, "RssFile")
    client.connection.request(
        "GET", f"/api/v1/image_syncs?{query}", headers={"Authorization": f"Bearer {client.tokens['ours']}"}
    )
    start = time.perf_counter()
    response = client.connection.getresponse()
    first_bytes = response.read(1)
    first = time.perf_counter() - start
    body = first_bytes + response.read()
    whole = time.perf_counter() - start
    if len(json.loads(body)) != 10_000:
        raise SystemExit("the streamed answer is not whole")
    grown = memory(pid, "VmHWM") - before - (memory(pid, "RssFile") - mapped)
    return {"growth": max(0, grown) / len(body), "first byte": first / whole, "bytes": len(body)}


def compression(client: Client, ids: list[str], rounds: int) -> dict[str, Any]:
    """Time and size of 1,000 images by coding."""
    query = query_of("ours", ids[:1_000])
    sizes: dict[str, int] = {}

    def run(coding: str) -> None:
        headers = {"Authorization": f"Bearer {client.tokens['ours']}", "Accept-Encoding": coding}
        client.connection.request("GET", f"/api/v1/image_syncs?{query}", headers=headers)
        sizes[coding] = len(client.connection.getresponse().read())

    codings = ("identity", "zstd", "br", "gzip")
    times = interleaved({coding: partial(run, coding) for coding in codings}, rounds)
    return {"times": times, "bytes": sizes}


def measure(server: Web, single: Web, tokens: dict[str, str], ids: list[str], rounds: int) -> dict[str, Any]:
    """`server` is as shipped, `single` the same with one process."""
    client = Client(server, tokens)
    found: dict[str, Any] = {
        "resyncs": resyncs(client, ids, rounds),
        "library": whole_library(client, ids),
        "compression": compression(client, ids, rounds),
    }
    server.stop()
    single.start()
    try:
        found["streamed"] = streamed(Client(single, tokens), ids)
    finally:
        single.stop()
    return found
