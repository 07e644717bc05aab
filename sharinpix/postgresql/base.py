import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Kept connections are checked at the start of each request, as CONN_HEALTH_CHECKS asks.

    Django asks the server `SELECT 1`. Between two requests a connection is silent, and one whose server restarted or
    ended it has something to read: its farewell. Looking for that takes microseconds.
    """

    def is_usable(self) -> bool:
        if self.connection is None or self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN | select.POLLPRI | select.POLLERR | select.POLLHUP)
        return not poll.poll(0)
