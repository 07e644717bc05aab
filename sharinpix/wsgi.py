"""The WSGI application that the production server runs."""

import os
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sharinpix.settings")
django_application = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Django's application; a body without a length is answered 411, and a malformed Content-Type is replaced."""
    if "HTTP_TRANSFER_ENCODING" in environ and not environ.get("CONTENT_LENGTH"):
        # Django would read an empty body. nginx in front adds the length.
        sentence = "Send the length of the body."
        start_response(
            "411 Length Required", [("X-message", sentence), ("Content-Type", "text/plain"), ("Content-Length", "0")]
        )
        return []
    environ["CONTENT_TYPE"] = usable_content_type(environ.get("CONTENT_TYPE", ""))
    return django_application(environ, start_response)


def usable_content_type(content_type: str) -> str:
    """The Content-Type without its charset, or application/octet-stream where it is malformed (API: request bodies).

    Text is UTF-8 here. Django would decode by any codec of Python, some of which decode no text, and reads charset and
    query string while it builds the request: an exception there reaches no exception handler.
    """
    try:
        kind, parameters = parse_header_parameters(content_type)
    except ValueError:
        return "application/octet-stream"
    if "charset" not in parameters:
        return content_type
    boundary = parameters.get("boundary")
    return f'{kind}; boundary="{boundary}"' if boundary else kind
