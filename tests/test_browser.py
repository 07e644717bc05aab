"""What people see: the admin and the documentation of the API in a real browser."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import Page, Request, sync_playwright

from accounts.models import Organization, User
from images.models import Image
from tests.factories import jpeg, make_album, make_stored_image
from tests.staff import staff_of

CHROMIUM = shutil.which("chromium")
LOADED = "[...document.images].every(image => image.complete && image.naturalWidth > 0)"
WHOLE = "img.whole"

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's package chromium is not installed"),
    pytest.mark.django_db(transaction=True),
]


class Window:
    """A page, and what went wrong on it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.troubles: list[str] = []
        page.on("console", lambda said: self.troubles.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("requestfailed", self.failed)
        page.on("request", self.stay_here)

    def failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # typing on gives up the search for what was typed before
            self.troubles.append(f"{request.failure}: {request.url}")

    def stay_here(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:", "blob:")):
            self.troubles.append(f"asked another host: {request.url}")

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def log_in(self, user: User) -> None:
        self.open("/admin/")
        self.page.get_by_label("Email").fill(str(user.email))
        self.page.get_by_label("Password").fill("correct horse 7")
        self.page.get_by_role("button", name="Log in").click()

    def pictures(self, selector: str) -> list[list[int]]:
        """The sizes of these pictures, in their own pixels, once all that the page shows are there."""
        self.page.wait_for_selector(selector)
        self.page.wait_for_function(LOADED)
        sizes: list[list[int]] = self.page.eval_on_selector_all(
            selector, "images => images.map(image => [image.naturalWidth, image.naturalHeight])"
        )
        return sizes


@pytest.fixture
def window(live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    # Playwright's loop runs in this thread, which Django therefore takes for asynchronous.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    settings.PUBLIC_URL = settings.DELIVERY_URL = live_server.url
    settings.PROXY_URL = f"{live_server.url}/proxy"
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.set_default_timeout(15_000)
        yield Window(page, live_server.url)
        connection.close()  # beside a running loop, Django keeps another one than the test's own
        browser.close()


@pytest.fixture
def person(window: Window, organization: Organization) -> User:
    return staff_of(organization)


def test_staff_log_in_see_the_pictures_and_turn_one(window: Window, person: User, organization: Organization) -> None:
    album = make_album(organization, "demo")
    for color in ("red", "green", "blue"):
        make_stored_image(album, jpeg(64, 48, color), filename=color)
    window.log_in(person)
    window.page.get_by_role("navigation", name="Places").get_by_role("link", name="Images").click()
    assert window.pictures("#result_list img.picture") == [[100, 100]] * 3

    window.page.get_by_role("link", name="green").last.click()
    assert window.pictures(WHOLE) == [[1920, 1440]]
    before = window.page.get_attribute(WHOLE, "src")
    window.page.get_by_label("Rotation").select_option("90")
    window.page.get_by_role("button", name="Save and continue editing").click()
    window.page.wait_for_selector("ul.messagelist .success")
    assert window.page.get_attribute(WHOLE, "src") != before
    assert window.pictures(WHOLE) == [[1440, 1920]]
    assert Image.objects.get(filename="green").rotation == 90

    window.page.get_by_role("link", name="demo").click()
    assert window.pictures(".gallery img.picture") == [[200, 200]] * 3
    assert window.troubles == []


def test_staff_find_a_tag_by_typing_and_give_it(window: Window, person: User, organization: Organization) -> None:
    album = make_album(organization)
    image = make_stored_image(album, filename="bare")
    make_stored_image(album, filename="other").tag(["birds", "cats"])
    window.log_in(person)
    window.open(f"/admin/images/image/{image.pk}/change/")
    window.page.get_by_text("Add another Tag").click()
    window.page.locator("#taggings-0 .select2-selection").click()
    window.page.locator(".select2-search__field").fill("bir")
    window.page.get_by_role("option", name="birds").click()
    window.page.get_by_role("button", name="Save", exact=True).click()
    window.page.wait_for_selector("#result_list")
    assert image.tag_names == ["birds"]
    assert window.troubles == []


def test_the_documentation_comes_from_our_own_host(window: Window) -> None:
    window.open("/api/docs/")
    window.page.wait_for_selector(".opblock")
    window.page.wait_for_load_state("networkidle")
    assert "/api/v1/image_syncs" in window.page.inner_text(".swagger-ui")
    assert window.troubles == []
