"""Images and labels: from a path on disk to decoded, labelled, ordered images.

::

    find_images  ->  resolve_labels  ->  index_images  ->  read_pixels  ->  prepare
      Listing          Labelling           ImageIndex        ByteImage        FloatImage

- :mod:`~iaside_audit.images.sources`: what holds the images (folders, table, ``.npz``).
- :mod:`~iaside_audit.images.labels`: which class each image is of, and who says so.
- :mod:`~iaside_audit.images.classes`: what classes are called; the shipped ImageNet table.
- :mod:`~iaside_audit.images.dataset`: identity, canonical order, manifest hash; entries that
  travel to workers.
- :mod:`~iaside_audit.images.decode`: safe decoding to RGB uint8, and identity by content.
- :mod:`~iaside_audit.images.resize`: resize and crop of record; float resize of components.
- :mod:`~iaside_audit.images.arrays`, :mod:`~iaside_audit.images.tables`: ``.npz``, CSV and TSV.
"""

from iaside_audit.images.classes import ClassTable, class_table
from iaside_audit.images.dataset import (
    ImageIndex,
    IndexedImage,
    index_images,
    manifest_digest,
    read_image,
    read_pixels,
)
from iaside_audit.images.decode import MAX_PIXELS, MIN_SIDE_PX, decode_image, image_identity
from iaside_audit.images.labels import FROM_MODEL, Labelling, resolve_labels
from iaside_audit.images.resize import prepare, resize_and_crop, resize_components, resized_size
from iaside_audit.images.sources import ImageRecord, Kind, Listing, find_images, natural_key

__all__ = [
    "FROM_MODEL",
    "MAX_PIXELS",
    "MIN_SIDE_PX",
    "ClassTable",
    "ImageIndex",
    "ImageRecord",
    "IndexedImage",
    "Kind",
    "Labelling",
    "Listing",
    "class_table",
    "decode_image",
    "find_images",
    "image_identity",
    "index_images",
    "manifest_digest",
    "natural_key",
    "prepare",
    "read_image",
    "read_pixels",
    "resize_and_crop",
    "resize_components",
    "resized_size",
    "resolve_labels",
]
