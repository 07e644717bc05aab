"""Imports over HTTP (API: imports)."""

from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import token_of
from accounts.permissions import HasAbility, HasAbilitySomewhere
from accounts.viewsets import TokenViewSet, permitted
from albums.imports.models import Import
from albums.imports.serializers import ImportSerializer, NewImportSerializer, import_serializer
from albums.models import Album
from albums.uploads.idempotency import KeyReused, idempotency_key
from albums.uploads.permissions import MayGiveTags
from sharinpix import queue
from sharinpix.parsers import fields_of

ADDED = {"controller": "api/v1/imports", "action": "create"}
"""Keys that the published API adds to `params`."""


class ImportViewSet(TokenViewSet):
    """Imports: pictures that the server fetches."""

    @extend_schema(
        operation_id="create_import",
        request=NewImportSerializer,
        responses={200: ImportSerializer, 400: None, 401: None, 422: None},
    )
    @permitted(HasAbility("image_upload"), MayGiveTags())
    def create(self, request: Request) -> Response:
        """POST /api/v1/imports (API: imports)."""
        token, key = token_of(request), idempotency_key(request)
        fields = NewImportSerializer.read(request)
        Album.check_public_id(fields["album_id"])
        sent = {**fields_of(request), **ADDED}
        job = Import(
            organization_id=token.organization_id,
            album_name=fields["album_id"],
            import_type=fields["import_type"],
            params=sent,
            uploader=token.user,
            idempotency_key=key,
        )
        answer = import_serializer().to_representation(begun(job))
        return Response({**answer, "params": sent})  # this answer alone has the headers as they were sent

    @extend_schema(operation_id="import", responses={200: ImportSerializer, 401: None, 404: None})
    @permitted(HasAbilitySomewhere("image_upload"))
    def retrieve(self, request: Request, import_id: UUID) -> Response:
        """GET /api/v1/imports/<id> (API: imports)."""
        job = Import.objects.filter(pk=import_id, organization_id=token_of(request).organization_id).first()
        if job is None:
            raise Http404
        return Response(import_serializer().to_representation(job))


def begun(job: Import) -> Import:
    """The import, saved and its job sent, or an earlier one under the same Idempotency-Key, as the row is now.

    Raises KeyReused where the earlier request had other parameters; the values of headers are not compared.
    """
    try:
        with transaction.atomic():
            job.save(force_insert=True)
            queue.later("albums.tasks.fetch_import", str(job.pk))
    except IntegrityError:  # an earlier request has this Idempotency-Key
        earlier = Import.objects.get(organization_id=job.organization_id, idempotency_key=job.idempotency_key)
        if earlier.params != job.params:
            raise KeyReused() from None
        job = earlier
    return Import.objects.get(pk=job.pk)
