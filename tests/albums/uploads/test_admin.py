"""What native uploads could not use, in the admin."""

from django.test import Client

from accounts.models import Organization
from albums.uploads.models import DroppedUpload
from tests.staff import EVIL, list_url, queries, rows_on, text, url_of


def drop(organization: Organization | None, reason: str = "It names no album.") -> DroppedUpload:
    return DroppedUpload.objects.create(organization=organization, reason=reason, album_name="a001", entry={"a": EVIL})


def test_the_list_asks_as_often_for_50_entries_as_for_1(root: Client, organization: Organization) -> None:
    drop(organization)
    once = queries(root, list_url(DroppedUpload))
    for number in range(50):
        drop(Organization.objects.create(name=f"O{number}"))
    assert queries(root, list_url(DroppedUpload)) == once


def test_entries_of_no_organization_are_for_superusers_alone(
    staff: Client, root: Client, organization: Organization
) -> None:
    ours, nobodys = drop(organization), drop(None, "Its token is not valid.")
    assert rows_on(staff.get(list_url(DroppedUpload))) == [ours]
    assert staff.get(url_of(nobodys)).status_code == 302
    assert set(rows_on(root.get(list_url(DroppedUpload)))) == {ours, nobodys}
    assert root.get(url_of(nobodys)).status_code == 200


def test_an_entry_is_shown_as_text(root: Client, organization: Organization) -> None:
    dropped = drop(organization, EVIL)
    for url in (list_url(DroppedUpload), url_of(dropped), url_of(dropped, "delete")):
        page = text(root.get(url))
        assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page


def test_entries_are_deleted_but_never_changed(
    staff: Client, organization: Organization, other_organization: Organization
) -> None:
    ours, theirs = [drop(organization) for _ in range(3)], drop(other_organization)
    staff.post(url_of(ours[0]), {"reason": "x", "album_name": "x"})
    assert set(DroppedUpload.objects.values_list("album_name", flat=True)) == {"a001"}
    assert staff.get(f"{list_url(DroppedUpload)}add/").status_code == 403
    assert staff.post(url_of(ours[0], "delete"), {"post": "yes"}).status_code == 302
    rows = [str(row.pk) for row in (*ours[1:], theirs)]
    staff.post(list_url(DroppedUpload), {"action": "delete_selected", "_selected_action": rows, "post": "yes"})
    assert list(DroppedUpload.objects.all()) == [theirs]
