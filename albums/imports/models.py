"""Imports: pictures that the server fetches from a URL (API: imports)."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.text import Truncator

from albums.imports.credentials import sealed, unsealed, without_values
from sharinpix import queue
from sharinpix.fields import OrderedJSONField


class ImportQuerySet(models.QuerySet["Import"]):
    def waiting(self, abandoned: Any) -> "ImportQuerySet":
        """The queue: imports whose next attempt is due, and those with a claim from before `abandoned`."""
        now = timezone.now()
        free = Q(status="waiting", due_at__lte=now) | Q(status="fetching", begun_at__lt=abandoned)
        return self.filter(free, status__in=["waiting", "fetching"])  # in the words of the index import_waiting


class Import(models.Model):
    """A picture to be fetched into an album; `params` is the body of the request without the values of its headers.

    Those are encrypted in `sealed_headers` until the import ends.
    """

    STATES: ClassVar = [("waiting", "waiting"), ("fetching", "fetching"), ("done", "done"), ("failed", "failed")]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="imports")
    album_name = models.CharField("album", max_length=255)
    import_type = models.CharField("type", max_length=255, null=True)
    params = OrderedJSONField(default=dict)
    sealed_headers = models.TextField(null=True, editable=False)
    uploader = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    image = models.ForeignKey("images.Image", on_delete=models.SET_NULL, null=True, related_name="imports")
    status = models.CharField(max_length=16, choices=STATES, default="waiting")
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(null=True, help_text="Why it failed, or what the last attempt met.")
    due_at = models.DateTimeField(default=timezone.now, help_text="When the next attempt may begin.")
    begun_at = models.DateTimeField(null=True)
    claim = models.UUIDField(null=True, help_text="The claim of the worker that is at it.")
    idempotency_key = models.CharField(max_length=255, null=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = ImportQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "idempotency_key"], name="import_answers_a_retry"),
        ]
        indexes: ClassVar = [
            # ImportQuerySet.waiting: the queue
            models.Index(fields=["created_at"], name="import_waiting", condition=Q(status__in=["waiting", "fetching"])),
            models.Index(fields=["-created_at"], name="import_newest"),
        ]

    def __str__(self) -> str:
        """The URL without its query, which may hold a signature and be long."""
        address = str(self.params.get("url") or self.pk).partition("?")[0]
        return Truncator(address).chars(80)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Whatever made the row, the values of its headers are stored encrypted alone."""
        hidden = without_values(self.params)
        if hidden != self.params:
            self.params, self.sealed_headers = hidden, sealed(self.params["headers"])
        super().save(*args, **kwargs)

    def headers(self) -> dict[str, str]:
        """What is sent when fetching. Raises encryption.Undecipherable."""
        return unsealed(self.sealed_headers) if self.sealed_headers else {}

    @property
    def lacks_headers(self) -> bool:
        """Whether it was asked for with headers that are gone, since it ended: it cannot be fetched as it was."""
        return bool(self.params.get("headers")) and not self.sealed_headers

    def retry(self) -> None:
        """Makes a failed import wait again with all its attempts, and sends its job after commit."""
        again = {"status": "waiting", "attempts": 0, "error": None, "due_at": timezone.now()}
        if type(self).objects.filter(pk=self.pk, status="failed").update(**again):
            queue.later("albums.tasks.fetch_import", str(self.pk))
