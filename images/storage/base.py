"""The methods of both storage backends beyond Django's Storage."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage


class FileStore(Storage):
    """A key names a file. Methods raise errors.Unavailable where S3 does not answer, errors.Full without room."""

    def write(self, key: str, content: bytes | File[bytes]) -> None:
        """Stores the content under the key, whole or not at all. The content of a key never changes.

        A file is read in pieces from its beginning.
        """
        self.save(key, ContentFile(content) if isinstance(content, bytes) else content)

    def replace(self, key: str, content: bytes) -> None:
        """Stores the content of a derived file, in the place of one that is damaged or evicted."""
        raise NotImplementedError

    def opened(self, key: str) -> File[bytes] | None:
        """The file, open for reading, or None where there is no such file."""
        try:
            return self.open(key)
        except FileNotFoundError:
            return None

    def read(self, key: str) -> bytes | None:
        """The file's content, or None where there is no such file."""
        file = self.opened(key)
        if file is None:
            return None
        with file:
            content: bytes = file.read()
            return content

    def remove(self, keys: Iterable[str]) -> None:
        """Removes the files; keys without a file are skipped."""
        raise NotImplementedError

    def remove_folder(self, folder: str) -> None:
        """Removes every file in the folder."""
        self.remove(key for key, _ in self.files(folder))

    def files(self, folder: str) -> Iterator[tuple[str, datetime]]:
        """(key, time of writing) of each file in the folder and below, in no order; the times are aware.

        On local disks also temporary files that a killed writer left.
        """
        raise NotImplementedError

    def stored_size(self, key: str) -> int | None:
        """The file's size in bytes, or None where there is no such file."""
        raise NotImplementedError

    def trim(self, folder: str, limit: int, grace: timedelta) -> int:
        """Where the folder has more bytes than the limit, evicts its oldest files down to nine tenths of the limit.

        An evicted file is no longer found by `opened`, and is removed by the first trim after the grace: nginx may have
        been told to send it. Returns how many were removed. On S3 a lifecycle rule on the folder does this.
        """
        return 0

    def internal_location(self, key: str) -> str | None:
        """The value of X-Accel-Redirect for the file, or None where no web server in front can read it."""
        return None

    def presigned_post(
        self, key: str, fields: Mapping[str, str], size: int, expires: int
    ) -> tuple[str, dict[str, str]]:
        """(URL, form fields) with which a client can POST one file of `size` bytes within `expires` seconds.

        The signed policy fixes the bucket, the key and each of `fields`. S3 alone (API: storage files).
        """
        raise NotImplementedError
