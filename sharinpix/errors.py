"""Exceptions that are raised below the views (pure): they name no HTTP status.

`str(error)` is the sentence that the client reads. `sharinpix.api` gives each class its status (API: errors).
"""


class ServiceError(Exception):
    """A request or a job that cannot be done. Raise a subclass, with a sentence where its own does not fit."""

    sentence = "This cannot be done."

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or self.sentence)


class Malformed(ServiceError):
    """What was sent cannot be read, or contradicts itself."""

    sentence = "The request is malformed."


class TooLarge(ServiceError):
    """What was sent is larger than this server reads."""

    sentence = "The body is larger than this server reads."


class Denied(ServiceError):
    """The token lacks a right, or the row is another organization's; the answer does not say which."""

    sentence = "Access denied"


class Conflict(ServiceError):
    """The row is not in a state in which this can be done."""


class Unprocessable(ServiceError):
    """The request is well-formed and contradicts an earlier one."""


class Unavailable(ServiceError):
    """The database, the storage or a free slot cannot be had now. `wait`: seconds after which to try again."""

    sentence = "The storage does not answer. Please try again."
    wait = 5


class Exhausted(ServiceError):
    """The client has used up what it may do for now. `wait`: seconds after which it may go on."""

    def __init__(self, sentence: str, wait: int) -> None:
        super().__init__(sentence)
        self.wait = wait


class Full(ServiceError):
    """The storage has no room left."""

    sentence = "There is no room left to store this."
