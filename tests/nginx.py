"""Debian's nginx with the shipped file, deploy/nginx.conf, in front of a server; and curl as its client."""

import getpass
import grp
import pwd
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.servers import ROOT, Web, free_port, serving

HOST = "pictures.example.com"
PUBLIC = f"https://{HOST}"
CONF = ROOT / "deploy/nginx.conf"
BEHIND = {"PUBLIC_URL": PUBLIC, "X_ACCEL_REDIRECT": "/kept/"}
"""The variables that the head of the file names."""
installed = pytest.mark.skipif(
    not (shutil.which("nginx") and shutil.which("curl")), reason="needs nginx and curl (Debian's packages)"
)


class Answer(NamedTuple):
    """What curl was answered; headers by lower-case name."""

    status: int
    version: str
    headers: dict[str, str]
    body: bytes


class Front:
    """A running nginx; `folder` holds its certificate and logs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.http, self.https = folder, free_port(), free_port()

    def configuration(self, server: Web, user: str) -> str:
        """The shipped file with ports, paths, certificate and user of this test; everything else stays."""
        text = CONF.read_text()
        group = grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
        for shipped, ours in {
            "listen 80 ": f"listen 127.0.0.1:{self.http} ",
            "listen 443 ": f"listen 127.0.0.1:{self.https} ",
            "127.0.0.1:8000": f"127.0.0.1:{server.port}",
            "/srv/sharinpix/var/": f"{server.environment['DATA_DIR']}/",
            "/etc/ssl/": f"{self.folder}/",
            "/var/log/nginx/": f"{self.folder}/",
            "user sharinpix;": f"user {user} {group};",
        }.items():
            assert text.count(shipped) >= 1, shipped
            text = text.replace(shipped, ours)
        return text

    def tls(self) -> ssl.SSLContext:
        """For clients other than curl, which reach it by address."""
        context = ssl.create_default_context(cafile=f"{self.folder}/{HOST}.pem")
        context.check_hostname = False
        return context

    def ask(self, url: str, *options: str, **named: str) -> Answer:
        """The answer to a request below PUBLIC; headers are sent by keyword, `if_none_match="..."`."""
        head, body = self.folder / "head", self.folder / "body"
        body.write_bytes(b"")
        given = [option for name, value in named.items() for option in ("-H", f"{name.replace('_', '-')}: {value}")]
        whole = url if url.startswith("http") else PUBLIC + url
        command = ["curl", "-sS", "-g", "--http2", "--cacert", f"{self.folder}/{HOST}.pem", "--max-time", "60"]
        command += ["--connect-to", f"{HOST}:443:127.0.0.1:{self.https}"]
        command += ["--connect-to", f"{HOST}:80:127.0.0.1:{self.http}"]
        command += ["-D", str(head), "-o", str(body), "-w", "%{http_code} %{http_version}", *options, *given, whole]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        status, version = done.stdout.split()
        last = head.read_text().strip().split("\r\n\r\n")[-1].split("\n\n")[-1]
        headers = message_from_string(last.partition("\n")[2])
        found = {name.lower(): ", ".join(headers.get_all(name, [])) for name in headers}  # as a client reads them
        return Answer(int(status), version, found, body.read_bytes())


@contextmanager
def nginx(server: Web, user: str = "") -> Iterator[Front]:
    """nginx in front of a server that runs with BEHIND; by default as the user that the server runs as."""
    folder = Path(tempfile.mkdtemp(prefix="sharinpix-nginx-"))
    front = Front(folder)
    folder.chmod(0o755)
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    files = ["-keyout", f"{folder}/{HOST}.key", "-out", f"{folder}/{HOST}.pem"]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    try:
        subprocess.run([*command, *names, *files], check=True, capture_output=True)
        (folder / "nginx.conf").write_text(front.configuration(server, user or getpass.getuser()))
        run = ["nginx", "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf", "-p", str(folder)]
        with serving(front.https, [*run, "-g", f"daemon off; pid {folder}/pid;"]):
            yield front
    finally:
        shutil.rmtree(folder, ignore_errors=True)
