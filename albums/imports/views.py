"""Imports over HTTP (API: imports)."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from accounts.authentication import RenewsToken, token_of
from accounts.tokens import SharinpixToken
from albums import answers, tasks
from albums.imports.models import Import
from albums.models import Album
from albums.serializers import ImportSerializer, NewImportSerializer
from albums.uploads.requests import (
    KeyReused,
    album_id_in,
    allowed_tags,
    demand_upload,
    idempotency_key,
    object_in,
    text_in,
    words_in,
)
from images.representation import timestamp
from sharinpix import fetching, queue
from sharinpix.api import Malformed, fields_of

ADDED = {"controller": "api/v1/imports", "action": "create"}


class ImportViewSet(RenewsToken, ViewSet):
    """Pictures that the server fetches."""

    @extend_schema(
        operation_id="create_import",
        request=NewImportSerializer,
        responses={200: ImportSerializer, 400: None, 401: None, 422: None},
    )
    def create(self, request: Request) -> HttpResponse:
        token, fields = token_of(request), fields_of(request)
        job = wanted(fields, token, idempotency_key(request))
        try:
            with transaction.atomic():
                job.save(force_insert=True)
                queue.later(tasks.fetch, str(job.pk))
        except IntegrityError:  # a request with this key was here before
            earlier = Import.objects.get(organization_id=token.organization_id, idempotency_key=job.idempotency_key)
            if earlier.params != job.params:
                raise KeyReused() from None
            job = earlier
        return answers.json(answer(Import.objects.get(pk=job.pk)))

    @extend_schema(operation_id="import", responses={200: ImportSerializer, 401: None, 404: None})
    def retrieve(self, request: Request, import_id: UUID) -> HttpResponse:
        token = token_of(request)
        if token.albums_granting("image_upload") == []:
            raise PermissionDenied()
        job = Import.objects.filter(pk=import_id, organization_id=token.organization_id).first()
        if job is None:
            raise Http404
        return answers.json(answer(job))


def wanted(fields: Any, token: SharinpixToken, key: str | None) -> Import:
    """The import that a request asks for, not saved yet. Raises Malformed and PermissionDenied."""
    album_id = album_id_in(fields)
    Album.check_public_id(album_id)
    demand_upload(token, album_id)
    kind = text_in(fields, "import_type")
    if kind not in (None, "url"):
        raise Malformed("Only imports of the type url are made here.")
    url, headers = text_in(fields, "url"), object_in(fields, "headers")
    if not url or not all(isinstance(value, str) for value in headers.values()):
        raise Malformed("url must be an address, and headers an object of texts.")
    try:
        fetching.check(url, headers)
    except fetching.Refused as error:
        raise Malformed(str(error)) from error
    text_in(fields, "filename"), object_in(fields, "metadatas", "metadata")
    allowed_tags(token, album_id, words_in(fields, "tags"))
    return Import(
        organization_id=token.organization_id,
        album_name=album_id,
        import_type=kind,
        params={**fields, **ADDED},
        uploader=token.user,
        idempotency_key=key,
    )


def answer(job: Import) -> dict[str, Any]:
    """The eight documented keys, and what has become of it."""
    zone = timezone.get_default_timezone()
    return {
        "id": str(job.pk),
        "organization_id": str(job.organization_id),
        "image_id": str(job.image_id) if job.image_id else None,
        "import_type": job.import_type,
        "album_id": job.album_name,
        "params": job.params,
        "created_at": timestamp(job.created_at, zone),
        "updated_at": timestamp(job.updated_at, zone),
        "status": job.status,
        "attempts": job.attempts,
        "error": job.error,
    }
