"""The WSGI application that the production server runs."""

import os
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sharinpix.settings")
django_application = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Django, behind the two checks that it lacks."""
    if "HTTP_TRANSFER_ENCODING" in environ and not environ.get("CONTENT_LENGTH"):
        # Django would take the body for empty. nginx sends a length whatever it gets.
        sentence = "Send the length of the body."
        start_response(
            "411 Length Required", [("X-message", sentence), ("Content-Type", "text/plain"), ("Content-Length", "0")]
        )
        return []
    environ["CONTENT_TYPE"] = understood(environ.get("CONTENT_TYPE", ""))
    return django_application(environ, start_response)


def understood(content_type: str) -> str:
    """The Content-Type without its charset, or that of bytes where it is malformed.

    Text is UTF-8 here. Django would decode by any codec that Python has a name for, some of which decode no text, and
    reads both charset and query string while it makes the request: what it raises there, no handler of ours sees.
    """
    try:
        kind, parameters = parse_header_parameters(content_type)
    except ValueError:
        return "application/octet-stream"
    if "charset" not in parameters:
        return content_type
    boundary = parameters.get("boundary")
    return f'{kind}; boundary="{boundary}"' if boundary else kind
