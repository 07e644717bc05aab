from django.conf import settings
from django.urls import path, re_path

from albums.uploads.form_uploads import AlbumUploadView
from albums.uploads.views import StorageUploadView, upload_test

urlpatterns = [
    path("storage_files", StorageUploadView.as_view(), name="storage_upload"),
    path("upload_test", upload_test, name="upload_test"),
]
if settings.DELIVERY == "local":
    urlpatterns += [
        re_path(r"^v1_1/(?P<cloud>[^/]+)/(?:auto|image|raw|video)/upload$", AlbumUploadView.as_view(), name="upload"),
    ]
