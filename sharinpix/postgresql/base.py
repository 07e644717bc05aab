import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, with health checks that cost no round trip, and anew after a connection that broke."""

    def ensure_connection(self) -> None:
        """Outside of a transaction a broken connection is replaced when it is next used.

        Django would keep it until the request ends, so that whatever follows a failure that was survived (a job that
        failed after commit, then the answer) would fail as well.
        """
        if self.connection is not None and self.connection.closed and not self.in_atomic_block:
            self.close()
        super().ensure_connection()

    def is_usable(self) -> bool:
        """Kept connections are checked at the start of each request, as CONN_HEALTH_CHECKS asks.

        Django asks the server `SELECT 1`, which makes a resync of four images an eighth slower (550 instead of 475 µs).
        Between two requests a connection is silent, and one whose server restarted or ended it has something to read:
        its farewell. Looking for that takes microseconds.
        """
        if self.connection is None or self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN | select.POLLPRI | select.POLLERR | select.POLLHUP)
        return not poll.poll(0)
