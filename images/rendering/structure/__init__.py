"""What a file is made of, counted before a decoder sees it: walks over headers, in a time that the limits bound (pure).

A file that is malformed passes: the decoder will say so. What is refused takes its decoder seconds or minutes.
"""

from images.rendering.structure.boxes import check_boxes
from images.rendering.structure.jpeg import check_jpeg
from images.rendering.structure.riff import check_webp
from images.rendering.structure.simple import check_bmp, check_gif, check_png
from images.rendering.structure.tiff import check_tiff

__all__ = ["check_bmp", "check_boxes", "check_gif", "check_jpeg", "check_png", "check_tiff", "check_webp"]
