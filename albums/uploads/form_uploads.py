"""Uploads by Cloudinary's upload API become images: of the album that their form names, else of UPLOAD_ALBUM
(API: upload form)."""

from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.urls import reverse
from rest_framework_simplejwt.exceptions import TokenError

from accounts.tokens import FormToken
from albums.models import Album
from images.uploads.claims import SentData
from images.uploads.keys import Signer
from images.uploads.models import Upload
from images.uploads.views import Receiver, Unsigned, UploadView


class AlbumUploadView(UploadView):
    """The upload endpoint: the transaction that saves an upload makes its image, too.

    Native uploads are left to their batches, since they belong to no organization until then.
    """

    def receiver(self, signer: Signer, parameters: dict[str, str]) -> Receiver:
        organization_id = signer.organization_id
        if organization_id is None:
            return super().receiver(signer, parameters)
        token = form_token(signer, parameters)

        def receive(upload: Upload) -> None:
            upload.album_name = token.album_id if token else ""
            upload.save(update_fields=["album_name"])
            album_id, uploader = (token.album_id, token.user) if token else (settings.UPLOAD_ALBUM, None)
            sent = SentData(infos=upload.answer)
            Album.objects.receive(organization_id, album_id, upload, sent, uploader, by_client=False)

        return receive


def form_token(signer: Signer, parameters: dict[str, str]) -> FormToken | None:
    """The token of the form that signed the upload; None for parameters that an upload key signed without a form.

    Raises Unsigned for a form whose person or secret has no right any more.
    """
    address, _, query = parameters.get("notification_url", "").partition("?")
    if not names_our_webhook(address):
        return None
    raw = parse_qs(query).get("token", [""])[0]
    try:
        token = FormToken(raw.encode("utf-8", "replace"))
    except TokenError as error:
        raise Unsigned("The upload's form is not valid any more.") from error
    if token.organization_id != signer.organization_id:
        raise Unsigned()
    return token


def names_our_webhook(address: str) -> bool:
    """Whether the address is that of the server's own webhook."""
    ours = urlsplit(settings.PUBLIC_URL + reverse("webhook"))
    try:
        given = urlsplit(address)
    except ValueError:
        return False
    same_host = (given.scheme.lower(), given.netloc.lower()) == (ours.scheme.lower(), ours.netloc.lower())
    return same_host and given.path == ours.path
