"""Small files that cost a decoder much: each kind by a name, made on the spot."""

import struct
import zlib

from PIL import Image

from tests.images.samples import chunk, file_of, quarters

PNG_HEAD = b"\x89PNG\r\n\x1a\n"
NO_TEXT = zlib.compress(b"\0" * 1_000_000, 9)


def noise(width: int, height: int) -> Image.Image:
    """A picture of which no two pixels are alike."""
    return Image.effect_noise((width, height), 90).convert("RGB")


def jpeg_of_scans(count: int, width: int = 2_000, height: int = 1_500) -> bytes:
    """A progressive JPEG that repeats its last scan."""
    whole = file_of(noise(width, height), "JPEG", progressive=True, quality=40, subsampling=2)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * count + b"\xff\xd9"


def jpeg_of_segments(count: int, length: int = 60_000, kind: int = 0xE1, start: bytes = b"Exif\0\0") -> bytes:
    """A JPEG with so many segments of metadata before its picture."""
    body = start.ljust(length, b"\0")
    segment = b"\xff" + bytes([kind]) + struct.pack(">H", len(body) + 2) + body
    picture = file_of(quarters(), "JPEG")
    return picture[:2] + segment * count + picture[2:]


def png_of(chunks: bytes, behind: int = 33) -> bytes:
    """A small PNG with these chunks before its pixels."""
    picture = file_of(quarters(), "PNG")
    return picture[:behind] + chunks + picture[behind:]


def png_of_texts(count: int) -> bytes:
    """So many compressed texts of a megabyte each."""
    return png_of(b"".join(chunk(b"zTXt", b"k%d\0\0" % number + NO_TEXT) for number in range(count)))


def png_of_profiles(count: int) -> bytes:
    """So many colour profiles of a megabyte each."""
    return png_of(chunk(b"iCCP", b"p\0\0" + NO_TEXT) * count)


def png_of_chunks(count: int, kind: bytes = b"IDAT") -> bytes:
    """So many chunks of nothing."""
    return png_of(chunk(kind, b"") * count)


def png_of_pixels(side: int) -> bytes:
    """Sixteen bits a channel, all alike."""
    packer, row = zlib.compressobj(9), b"\0" * (1 + side * 8)
    data = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    header = struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0)
    return PNG_HEAD + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def gif_of_frames(count: int) -> bytes:
    """So many frames of a pixel."""
    frame = b"\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"
    return b"GIF89a\1\0\1\0\x80\0\0\xff\xff\xff\0\0\0" + frame * count + b";"


def gif_of_blocks(count: int) -> bytes:
    """A comment of so many blocks of a byte each, before the picture."""
    picture = file_of(quarters(), "GIF")
    behind_palette = 13 + (3 << (picture[10] & 7) + 1)
    return picture[:behind_palette] + b"!\xfe" + b"\1a" * count + b"\0" + picture[behind_palette:]


def webp_of_frames(count: int, width: int = 16, height: int = 16) -> bytes:
    """So many frames, each in a colour of its own."""
    images = [Image.new("RGB", (width, height), (number % 256, number // 256, 9)) for number in range(count)]
    return file_of(images[0], "WEBP", save_all=True, append_images=images[1:], lossless=True, method=0)


def flat(format: str, width: int, height: int, **options: object) -> bytes:
    """A picture of one colour, which takes next to no bytes."""
    return file_of(Image.new("RGB", (width, height), (9, 99, 199)), format, **options)


def tiff(entries: list[tuple[int, int, int, bytes]], data: bytes = b"", following: int = 0) -> bytes:
    """A little-endian TIFF of one directory: (tag, type, count, value); values of more than four bytes lie behind."""
    start = 8 + 2 + 12 * len(entries) + 4
    table, behind = b"", b""
    for tag, kind, count, value in entries:
        if len(value) > 4:
            table += struct.pack("<HHII", tag, kind, count, start + len(behind))
            behind += value
        else:
            table += struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + struct.pack("<I", following) + behind + data


def long(*values: int) -> bytes:
    """Numbers of four bytes each."""
    return struct.pack(f"<{len(values)}I", *values)


def tiff_of_pieces(width: int, height: int, side: int = 0, compression: int = 1) -> bytes:
    """A grey TIFF of strips of one row, or of tiles, which all lie at the same place."""
    size = side * side if side else width
    count = -(-width // side) * -(-height // side) if side else height
    data = b"\0" * size
    entries = [
        (256, 4, 1, long(width)),
        (257, 4, 1, long(height)),
        (258, 3, 1, b"\x08\0"),
        (259, 3, 1, long(compression)),
        (262, 3, 1, b"\x01\0"),
    ]
    where = 8 + 2 + 12 * 10 + 4 + 8 * count
    offsets, lengths = long(*[where] * count), long(*[size] * count)
    if side:
        entries += [
            (277, 3, 1, b"\x01\0"),
            (322, 4, 1, long(side)),
            (323, 4, 1, long(side)),
            (324, 4, count, offsets),
            (325, 4, count, lengths),
        ]
    else:
        entries += [
            (273, 4, count, offsets),
            (277, 3, 1, b"\x01\0"),
            (278, 4, 1, long(1)),
            (279, 4, count, lengths),
            (282, 4, 1, long(1)),
        ]
    return tiff(entries, data)


def tiff_of_directories(count: int, tags: int) -> bytes:
    """Pages of a pixel, each a directory of many tags."""
    content, at = bytearray(b"II*\0" + long(8)), 8
    base = [
        (256, 3, 1, long(1)),
        (257, 3, 1, long(1)),
        (258, 3, 1, long(8)),
        (259, 3, 1, long(1)),
        (262, 3, 1, long(1)),
        (273, 4, 1, long(0)),
        (277, 3, 1, long(1)),
        (278, 4, 1, long(1)),
        (279, 4, 1, long(1)),
    ]
    entries = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in base)
    entries += b"".join(struct.pack("<HHII", 40_000 + number % 25_000, 4, 1, 7) for number in range(tags))
    for number in range(count):
        at += 2 + len(entries) + 4
        content += struct.pack("<H", len(base) + tags) + entries + long(at if number < count - 1 else 0)
    return bytes(content)


def bmp_of_runs(width: int, height: int, pairs: bytes) -> bytes:
    """Eight bits a pixel, run by run."""
    palette = b"\0\0\0\0" * 256
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(pairs), 0, 0, 256, 0)
    offset = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(pairs), 0, 0, offset) + head + palette + pairs


def jpeg_of_flat_scans(count: int, width: int, height: int) -> bytes:
    """Scans that say nothing new, and take next to no bytes."""
    whole = flat("JPEG", width, height, progressive=True, quality=40)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * count + b"\xff\xd9"


def webp_claiming(width: int, height: int) -> bytes:
    """A WebP of a header alone, which claims any size."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<II", 10, 0) + size
    return b"RIFF" + struct.pack("<I", len(body)) + body


def boxes_claiming(picture: bytes, width: int, height: int) -> bytes:
    """An AVIF or HEIC whose pictures all say that they are so large."""
    content = bytearray(picture)
    at = content.find(b"ispe")
    while at >= 0:
        content[at + 8 : at + 16] = struct.pack(">II", width, height)
        at = content.find(b"ispe", at + 4)
    return bytes(content)


def box(kind: bytes, body: bytes) -> bytes:
    """One box of an AVIF or HEIC."""
    return struct.pack(">I4s", len(body) + 8, kind) + body


FTYP = box(b"ftyp", b"heic\0\0\0\0mif1heic")


def boxes_of_items(count: int) -> bytes:
    """So many items that are pictures."""
    items = b"".join(
        box(b"infe", struct.pack(">IHH4s", 2 << 24, number, 0, b"hvc1") + b"\0") for number in range(count)
    )
    return FTYP + box(b"meta", b"\0" * 4 + box(b"iinf", struct.pack(">IH", 0, count) + items))


def boxes_of_tiles(count: int) -> bytes:
    """A grid of one tile, again and again."""
    tiles = box(b"dimg", struct.pack(f">HH{count}H", 1, count, *[2] * count))
    return FTYP.replace(b"heic", b"avif") + box(b"meta", b"\0" * 4 + box(b"iref", b"\0" * 4 + tiles))


def boxes_of_nothing(count: int) -> bytes:
    """So many empty boxes."""
    return FTYP + box(b"meta", b"\0" * 4 + box(b"free", b"") * count)
