"""Every route; the apps are named by string, so that nothing here imports them."""

from typing import Any, NoReturn

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView


def nowhere(request: HttpRequest) -> NoReturn:
    raise Http404


class DocumentationView(SpectacularSwaggerView):
    """The page of the API; its renderer has a template for GET alone, and answers OPTIONS with an error."""

    def options(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        return HttpResponse(headers={"Allow": ", ".join(self.allowed_methods)}, content_type="text/html")


urlpatterns = [
    path("api/v1/", include("images.urls.api")),
    path("api/v1/", include("albums.urls.api")),
    path("api/v1/", include("accounts.urls")),
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    # Django's redirect from a row to its page outside the admin: no row has one, and a malformed key makes it a 500.
    re_path("^admin/r/", nowhere),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", DocumentationView.as_view(url_name="schema"), name="docs"),
    path("", include("images.urls.public")),
    path("", include("albums.urls.public")),
]
handler400 = "sharinpix.api.bad_request"
handler404 = "sharinpix.api.not_found"
handler500 = "sharinpix.api.failed"

admin.site.site_header = admin.site.site_title = "SharinPix"
admin.site.index_title = "Albums and their images"
admin.site.site_url = None  # "/" is the admin itself
admin.site.enable_nav_sidebar = False  # leaves the width to the pictures; the header links to the index
