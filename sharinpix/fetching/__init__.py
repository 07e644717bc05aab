"""The only place that opens URLs of clients: pictures imported by URL, and notifications of uploads.

A name is resolved once, all its addresses are checked, and the connection goes to a checked address, so that a later
change of the DNS record has no effect. Each redirect is checked the same way. Only Refused and Failed are raised;
TooManyFetches, a Failed, where this process waits for enough of them.
"""

from sharinpix.fetching.client import Failed, Fetched, TooManyFetches, check, fetch, post
from sharinpix.fetching.places import Refused

__all__ = ["Failed", "Fetched", "Refused", "TooManyFetches", "check", "fetch", "post"]
