from django.urls import path

from albums.uploads.views import StorageUploadView, upload_test

urlpatterns = [
    path("storage_files", StorageUploadView.as_view(), name="storage_upload"),
    path("upload_test", upload_test, name="upload_test"),
]
