"""One request to a place, and what becomes of the answer."""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException
from threading import Timer
from time import monotonic
from typing import BinaryIO, NamedTuple
from urllib.parse import unquote

from django.utils.http import parse_header_parameters
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as SlowAnswer

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
HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
TROUBLE = (HTTPError, HTTPException, OSError, ValueError, RuntimeError)
"""What sockets, TLS, urllib3 and starting a thread raise."""


class Failed(Exception):
    """It went wrong this time (network, DNS, 5xx, deadline); trying again may help. str() is a sentence for people."""


class Fetched(NamedTuple):
    url: str  # the last one, after redirects
    content_type: str  # the media type alone, in lower case; empty when there is none
    bytes: int
    filename: str | None  # as the server or the URL names it: no folders, nothing invisible, but of any length


def check(url: str, headers: Mapping[str, str] = {}) -> None:
    """Raises Refused for all that is wrong at first sight, before a socket is opened."""
    admitted(url)
    check_headers(headers)


def fetch(url: str, headers: Mapping[str, str], into: BinaryIO, *, most: int) -> Fetched:
    """Writes what the URL leads to into the file, at most `most` bytes. The headers are sent to its origin alone.

    Raises Refused and Failed; the file then holds what had arrived.
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


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Sends the body once and follows no redirect. Returns when the answer is 2xx, whatever else it says."""
    place = admitted(url)
    check_headers(headers)
    with exchange("POST", place, headers, monotonic() + TOTAL, body) as response:
        if not 200 <= response.status < 300:
            raise unwanted(place, response.status)
        with suppress(*TROUBLE):  # it has been delivered: how the answer ends does not matter
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
    """The answer of one server, its body not yet read. What goes wrong, in the block too, is raised as Failed."""
    sent = HTTPHeaderDict({"User-Agent": "SharinPix", "Accept": "*/*"})
    sent.update(headers)
    sent.update({"Host": place.netloc, "Accept-Encoding": "identity", "Connection": "close"})
    try:
        with connected(place, deadline) as line, cut(line, deadline):
            line.settimeout(min(READ_GAP, left(deadline)))
            with closing(HTTPConnection(place.host, place.port, timeout=line.gettimeout())) as connection:
                # It is given its socket: left to itself it would resolve the name once more, and connect there.
                secure = place.scheme == "https"
                connection.sock = tls().wrap_socket(line, server_hostname=place.host) if secure else line
                connection.request(method, place.target, body, sent, preload_content=False, decode_content=False)
                with closing(connection.getresponse()) as response:
                    yield response
    except TROUBLE as error:
        raise Failed(sentence(place, error, deadline)) from error


def connected(place: Place, deadline: float) -> socket.socket:
    """A connection to the first address of the place that takes it. Raises Refused, and TROUBLE."""
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
    with line.dup() as twin:  # TLS takes the first over
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
    """Seconds until the deadline. Raises TimeoutError when it is over."""
    if (seconds := deadline - monotonic()) > 0:
        return seconds
    raise TimeoutError


def sentence(place: Place, error: BaseException, deadline: float) -> str:
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
    """Writes the body and returns its length.

    Of all ways to read it `read1` alone has bounded memory: the others take a chunk of size -1 for everything there is.
    """
    size = 0
    while piece := response.read1(PIECE):
        size += len(piece)
        if size > most:
            raise too_large(place, most)
        into.write(piece)
    left(deadline)  # a body of no declared length looks whole when it was cut
    if not size and response.length_remaining is None:  # http.client takes headers that break off for whole ones
        raise Failed(f"{place.host} sent nothing.")
    return size


def media_type(response: HTTPResponse) -> str:
    found = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return found if MEDIA_TYPE.fullmatch(found) else ""


def filename(place: Place, response: HTTPResponse) -> str | None:
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
    """A header as its sender meant it: http.client reads Latin-1, many servers write UTF-8."""
    try:
        return header.encode("latin-1").decode()
    except ValueError:
        return header
