from django.urls import re_path
from django.urls.converters import UUIDConverter

from albums.imports.views import ImportViewSet
from albums.uploads.views import NativeBatchView, NativeImageView, NativeView, StorageFileViewSet
from albums.views import AlbumViewSet, WebhookView

UUID = UUIDConverter.regex

urlpatterns = [
    re_path(r"^albums/?$", AlbumViewSet.as_view({"post": "create"}), name="albums"),
    re_path(r"^albums/(?P<album_id>[^/]+)/?$", AlbumViewSet.as_view({"get": "retrieve"}), name="album"),
    re_path(
        r"^albums/(?P<album_id>[^/]+)/images/?$",
        AlbumViewSet.as_view({"get": "images", "post": "add_image"}),
        name="album_images",
    ),
    re_path(r"^cloudinary/?$", WebhookView.as_view(), name="webhook"),
    re_path(
        r"^storages/(?P<storage_id>[^/]+)/storage_files/?$",
        StorageFileViewSet.as_view({"post": "create_in"}),
        name="storage_files_of",
    ),
    re_path(r"^storage_files/?$", StorageFileViewSet.as_view({"post": "create"}), name="storage_files"),
    re_path(
        rf"^storage_files/(?P<file_id>{UUID})/?$", StorageFileViewSet.as_view({"put": "update"}), name="storage_file"
    ),
    re_path(r"^imports/?$", ImportViewSet.as_view({"post": "create"}), name="imports"),
    re_path(rf"^imports/(?P<import_id>{UUID})/?$", ImportViewSet.as_view({"get": "retrieve"}), name="import"),
    re_path(r"^native_upload/?$", NativeView.as_view(), name="native_upload"),
    re_path(r"^native_upload/image/?$", NativeImageView.as_view(), name="native_image"),
    re_path(r"^native_upload/batch/?$", NativeBatchView.as_view(), name="native_batch"),
]
