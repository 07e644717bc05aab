"""The form of an image's page."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget

from images.models import Image


class TextAsWritten(forms.CharField):
    """Text with LF line breaks, so that unedited text does not change: browsers send CRLF."""

    widget = AdminTextareaWidget

    def __init__(self, rows: int) -> None:
        super().__init__(required=False, strip=False, widget=AdminTextareaWidget(attrs={"rows": rows}))

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class CropSide(forms.FloatField):
    """One of the four numbers of a crop; an empty one is 0."""

    def __init__(self, label: str) -> None:
        super().__init__(label=label, required=False, min_value=0)

    def prepare_value(self, value: Any) -> Any:
        return value or None  # 0 is shown as an empty input: an image without a crop has four of them

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(initial or None, None if data in {"0", "0.0"} else data)

    def clean(self, value: Any) -> float:
        return super().clean(value) or 0.0


class ImageForm(forms.ModelForm[Image]):
    title = TextAsWritten(rows=1)
    description = TextAsWritten(rows=4)
    crop_x = CropSide("Left")
    crop_y = CropSide("Top")
    crop_w = CropSide("Width")
    crop_h = CropSide("Height")
