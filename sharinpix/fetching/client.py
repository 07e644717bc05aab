"""HTTP requests to checked addresses, within limits of time and size."""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException
from threading import BoundedSemaphore, Timer
from time import monotonic
from typing import BinaryIO, NamedTuple
from urllib.parse import unquote

from django.utils.http import parse_header_parameters
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as SlowAnswer

from sharinpix import env
from sharinpix.fetching.places import Place, Refused, addresses, admitted, plain

CONNECT = 5.0
"""Seconds for one connection to be made."""
READ_GAP = 10.0
"""Seconds that a server may stay silent."""
TOTAL = 30.0
"""Seconds for everything, all redirects included."""
REDIRECTS = 5
MAX_DISPOSITION = 2_000
MAX_REPLY = 65_536
"""Bytes of the answer to a notification that are read before the connection is closed."""
PIECE = 65_536

MOVED = {301, 302, 303, 307, 308}
NOT_THEIRS = frozenset(
    "accept-encoding connection content-encoding content-length cookie expect host keep-alive range te trailer "
    "transfer-encoding upgrade".split()
)
"""Request headers that only this module sets."""
HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
fetches = BoundedSemaphore(env.THREADS_PER_PROCESS // 4)
"""Requests of this process that wait for a server of a stranger: one more raises TooManyFetches at once. Half of its
threads may wait for renderings, so that a quarter is left for everything else."""
TROUBLE = (HTTPError, HTTPException, OSError, ValueError, RuntimeError)
"""What sockets, TLS, urllib3 and starting a thread raise."""


class Failed(Exception):
    """A failure that may pass (network, DNS, 429, 5xx, deadline): trying again may help. str() is a sentence."""


class TooManyFetches(Failed):
    """This process waits for as many servers as it may: nothing was asked."""


class Fetched(NamedTuple):
    url: str  # the last one, after redirects
    content_type: str  # the media type alone, in lower case; empty when there is none
    bytes: int
    filename: str | None  # by Content-Disposition, else by the URL: no folders, nothing invisible, of any length


@contextmanager
def limited_to_a_few() -> Iterator[None]:
    """Raises TooManyFetches where this process waits for as many as it may."""
    if not fetches.acquire(blocking=False):
        raise TooManyFetches("Too many files are being fetched. Please try again.")
    try:
        yield
    finally:
        fetches.release()


def check(url: str, headers: Mapping[str, str] = {}) -> None:
    """Raises Refused for a URL or a header that is not accepted; opens no socket."""
    admitted(url)
    check_headers(headers)


@limited_to_a_few()
def fetch(url: str, headers: Mapping[str, str], into: BinaryIO, *, most: int) -> Fetched:
    """Follows redirects and writes the body into the file, at most `most` bytes (API: imports).

    The headers are sent to the URL's own origin alone. Raises Refused, Failed and TooManyFetches; the file then holds a
    part.
    """
    place, deadline = admitted(url), monotonic() + TOTAL
    check_headers(headers)
    for _ in range(REDIRECTS + 1):
        with exchange("GET", place, headers, deadline) as response:
            if response.status not in MOVED:
                check_answer(place, response, most)
                size = keep(place, response, into, most, deadline)
                return Fetched(place.url, media_type(response), size, filename(place, response))
            if not (location := response.headers.get("location")):
                raise Refused(f"{place.host} redirects without saying where to.")
        onward = admitted(decoded(location), place.url)
        if onward.origin != place.origin:
            headers = {}
        place = onward
    raise Refused(f"The URL redirects more than {REDIRECTS} times.")


@limited_to_a_few()
def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Sends the body once and follows no redirect. Raises Refused and TooManyFetches, and Failed unless the status is
    2xx."""
    place = admitted(url)
    check_headers(headers)
    with exchange("POST", place, headers, monotonic() + TOTAL, body) as response:
        if not 200 <= response.status < 300:
            raise unwanted(place, response.status)
        with suppress(*TROUBLE):  # the status says that it was delivered
            size = 0
            while size < MAX_REPLY and (piece := response.read1(MAX_REPLY)):
                size += len(piece)


def check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name):
            raise Refused("A header has a malformed name.")
        if name.lower() in NOT_THEIRS or name.lower().startswith("proxy-"):
            raise Refused(f"The header {name} may not be given.")
        if not HEADER_VALUE.fullmatch(value):
            raise Refused(f"The header {name} holds characters that no header may hold.")


@contextmanager
def exchange(
    method: str, place: Place, headers: Mapping[str, str], deadline: float, body: bytes | None = None
) -> Iterator[HTTPResponse]:
    """The answer of one server, its body not read yet. An error of TROUBLE, in the block too, becomes Failed."""
    sent = HTTPHeaderDict({"User-Agent": "SharinPix", "Accept": "*/*"})
    sent.update(headers)
    sent.update({"Host": place.netloc, "Accept-Encoding": "identity", "Connection": "close"})
    try:
        with connected(place, deadline) as line, cut(line, deadline):
            line.settimeout(min(READ_GAP, left(deadline)))
            with closing(HTTPConnection(place.host, place.port, timeout=line.gettimeout())) as connection:
                # It is given its socket: its own connect() would resolve the name again, perhaps to another address.
                secure = place.scheme == "https"
                connection.sock = tls().wrap_socket(line, server_hostname=place.host) if secure else line
                connection.request(method, place.target, body, sent, preload_content=False, decode_content=False)
                with closing(connection.getresponse()) as response:
                    yield response
    except TROUBLE as error:
        raise Failed(sentence(place, error, deadline)) from error


def connected(place: Place, deadline: float) -> socket.socket:
    """A connection to the first address of the place that accepts one. Raises Refused, and errors of TROUBLE."""
    failure = OSError(0, "it has no address")
    for address in addresses(place, left(deadline)):
        try:
            line = socket.create_connection((str(address), place.port), min(CONNECT, left(deadline)))
            peer = plain(line.getpeername()[0])
        except OSError as error:
            failure = error
        else:
            if peer == address:
                return line
            line.close()
            raise Refused(f"{place.host} was not reached at the address that it has.")
    raise failure


def tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@contextmanager
def cut(line: socket.socket, deadline: float) -> Iterator[None]:
    """Shuts the connection down at the deadline: a socket's own timeout starts anew with each byte."""
    with line.dup() as twin:  # wrap_socket() detaches the first descriptor
        timer = Timer(left(deadline), shut, [twin])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def shut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def left(deadline: float) -> float:
    """Seconds until the deadline (of time.monotonic). Raises TimeoutError once it has passed."""
    if (seconds := deadline - monotonic()) > 0:
        return seconds
    raise TimeoutError


def sentence(place: Place, error: BaseException, deadline: float) -> str:
    """The text of a Failed for an error of TROUBLE."""
    if monotonic() >= deadline:
        return f"{place.host} took longer than {TOTAL:g} seconds."
    if isinstance(error, TimeoutError | SlowAnswer):
        return f"{place.host} did not answer in time."
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", "") or str(error.reason).replace("_", " ").lower()
    else:
        reason = getattr(error, "strerror", None) or ""
    if reason:
        return f"{place.host} cannot be reached: {reason.rstrip('.')}."
    return f"The answer of {place.host} broke off or cannot be read."


def check_answer(place: Place, response: HTTPResponse, most: int) -> None:
    if response.status != 200:
        raise unwanted(place, response.status)
    transfer = response.headers.get("transfer-encoding", "chunked").strip().lower()
    coding = response.headers.get("content-encoding", "").strip().lower()
    if transfer != "chunked" or coding not in {"", "identity"}:
        raise Refused(f"{place.host} sent the file encoded, though asked not to.")
    if (response.length_remaining or 0) > most:
        raise too_large(place, most)


def unwanted(place: Place, status: int) -> Refused | Failed:
    later = status == 429 or status >= 500
    return (Failed if later else Refused)(f"{place.host} answered with status {status}.")


def too_large(place: Place, most: int) -> Refused:
    return Refused(f"{place.host} sent more than {most:,} bytes.")


def keep(place: Place, response: HTTPResponse, into: BinaryIO, most: int, deadline: float) -> int:
    """Writes the body into the file and returns its length in bytes. Raises Refused above `most`.

    Only `read1` has bounded memory: urllib3's other methods read everything where a chunk declares the size -1.
    """
    size = 0
    while piece := response.read1(PIECE):
        size += len(piece)
        if size > most:
            raise too_large(place, most)
        into.write(piece)
    left(deadline)  # a body without declared length looks whole when the connection was shut
    if not size and response.length_remaining is None:  # http.client accepts headers that break off
        raise Failed(f"{place.host} sent nothing.")
    return size


def media_type(response: HTTPResponse) -> str:
    found = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return found if MEDIA_TYPE.fullmatch(found) else ""


def filename(place: Place, response: HTTPResponse) -> str | None:
    """The file's name by Content-Disposition, else by the path of the URL; None where neither has one."""
    disposition = decoded(response.headers.get("content-disposition", ""))
    given = ""
    if len(disposition) <= MAX_DISPOSITION:
        with suppress(ValueError, LookupError):
            given = parse_header_parameters(disposition)[1].get("filename", "")
    for name in (given, unquote(place.target.partition("?")[0].rpartition("/")[2])):
        if shown := "".join(filter(str.isprintable, re.split(r"[/\\]", name)[-1])).strip():
            return shown
    return None


def decoded(header: str) -> str:
    """A header's value as UTF-8, which many servers write, where it is valid: http.client reads Latin-1."""
    try:
        return header.encode("latin-1").decode()
    except ValueError:
        return header
