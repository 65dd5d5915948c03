"""Make the demo photographs of ``iaside_models`` from the packages that hold the originals.

Run by hand, only when the demo images change; needs Pillow and nothing else of the project. The
recipe of each image (package, version, file, crop, size, quality) is its record in
``iaside_models/manifest.json``; this script only carries it out. Unpack each package named there
into a folder of its own under one folder of sources::

    SOURCES/scikit-image/skimage/data/coffee.png          (pip download, then unzip the wheel)
    SOURCES/gcompris-qt-data/usr/share/gcompris-qt/...    (apt-get download, then dpkg -x)

    python models/prepare_demo_images.py SOURCES

An image is turned upright, converted to RGB, cropped where its recipe says so, reduced (Lanczos,
never enlarged) to the given shorter side, and saved as JPEG without chroma subsampling and without
metadata. The bytes depend on the Pillow version; the manifest records what is shipped, and
``--update`` writes the new sizes and hashes into it.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

PACKAGE = Path(__file__).parent / "iaside_models"
MAX_TOTAL_BYTES = 1_000_000
"""All demo images together; DESIGN: at most 1 MB."""

QRC_NODE_BYTES = {1: 14, 2: 22, 3: 22}
"""Size of one tree node by version of the Qt resource format."""
QRC_COMPRESSED = 1
QRC_DIRECTORY = 2


def read_qt_resource(content: bytes, member: str) -> bytes:
    """Read one file out of a compiled Qt resource bundle (``.rcc``).

    Parameters
    ----------
    content : bytes
        The bundle.
    member : str
        Path of the file inside it, parts separated by ``/``.

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    ValueError
        If the bundle is not one, or has no such member.
    """
    if content[:4] != b"qres":
        raise ValueError(f"Expected a Qt resource bundle, found {content[:4]!r}.")
    version, tree, data, names = struct.unpack_from(">4I", content, 4)

    def node_at(index: int) -> tuple[str, int, int, int]:
        """Return name, flags, and either (count, first child) or (-, data offset) of a node."""
        at = tree + QRC_NODE_BYTES[version] * index
        name_offset, flags, first, second = struct.unpack_from(">IHII", content, at)
        (length,) = struct.unpack_from(">H", content, names + name_offset)
        start = names + name_offset + 6  # behind the length (2 bytes) and a hash (4 bytes)
        return content[start : start + 2 * length].decode("utf-16-be"), flags, first, second

    index = 0
    for part in member.split("/"):
        _, flags, count, first = node_at(index)
        children = range(first, first + count) if flags & QRC_DIRECTORY else range(0)
        index = next((child for child in children if node_at(child)[0] == part), -1)
        if index < 0:
            raise ValueError(f"Expected {member!r} in the bundle, found no {part!r}.")
    _, flags, _, offset = node_at(index)
    (size,) = struct.unpack_from(">I", content, data + offset)
    stored = content[data + offset + 4 : data + offset + 4 + size]
    return zlib.decompress(stored[4:]) if flags & QRC_COMPRESSED else stored


def read_original(sources: Path, source: dict[str, Any]) -> bytes:
    """Read the original image file named by a record's ``source`` and check its hash."""
    path = sources / str(source["package"]) / str(source["file"])
    content: bytes = path.read_bytes()
    if "member" in source:
        content = read_qt_resource(content, source["member"])
    digest = hashlib.sha256(content).hexdigest()
    if digest != source["sha256"]:
        raise ValueError(
            f"Expected the original of {source['package']} {source['version']} with sha256 "
            f"{source['sha256']}, found {digest} in {path.name}. Unpack the version stated."
        )
    return content


def prepare_image(original: bytes, recipe: dict[str, Any]) -> bytes:
    """Carry out one recipe.

    Parameters
    ----------
    original : bytes
        Image file in a format that Pillow reads.
    recipe : dict
        ``crop`` (left, top, right, bottom in pixels, or None), ``shorter_side`` (pixels; an upper
        bound), ``jpeg_quality``.

    Returns
    -------
    bytes
        The JPEG file.
    """
    with Image.open(io.BytesIO(original)) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    if recipe["crop"] is not None:
        image = image.crop(tuple(recipe["crop"]))
    factor = min(1.0, recipe["shorter_side"] / min(image.size))
    size = (round(image.width * factor), round(image.height * factor))
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    clean = Image.frombytes("RGB", image.size, image.tobytes())  # without EXIF and profile
    buffer = io.BytesIO()
    clean.save(buffer, "JPEG", quality=recipe["jpeg_quality"], subsampling=0, optimize=True)
    return buffer.getvalue()


def write_file(path: Path, content: bytes) -> None:
    """Write to a temporary sibling, then replace."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def main() -> None:
    """Make all images, report what differs from the manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", type=Path, help="folder of unpacked packages, one folder each")
    parser.add_argument(
        "--update", action="store_true", help="write sizes and hashes to the manifest"
    )
    arguments = parser.parse_args()

    manifest_path = PACKAGE / "manifest.json"
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    total = 0
    for record in manifest["images"]:
        content = prepare_image(
            read_original(arguments.sources, record["source"]), record["recipe"]
        )
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
        facts = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "size_bytes": len(content),
            "width": width,
            "height": height,
        }
        is_same = all(record[key] == value for key, value in facts.items())
        print(f"{record['file']}  {width} x {height}  {len(content)} bytes", end="")
        print("" if is_same else "  (differs from the manifest)")
        record.update(facts)
        write_file(PACKAGE / record["file"], content)
        total += len(content)
    print(f"total {total} bytes")
    if total > MAX_TOTAL_BYTES:
        raise ValueError(f"Expected at most {MAX_TOTAL_BYTES} bytes of demo images, found {total}.")
    if arguments.update:
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        write_file(manifest_path, text.encode("utf-8"))


if __name__ == "__main__":
    main()
