"""Data that ships with I-ASIDE Audit: the default model and the demo photographs.

The package holds no code. Read it through :mod:`importlib.resources`, never by path arithmetic::

    from importlib.resources import files

    manifest = files("iaside_models").joinpath("manifest.json").read_text(encoding="utf-8")

- ``manifest.json``: the reviewed record of each model and image (hash, licence, source,
  preprocessing); ``manifest.schema.json`` is its JSON Schema.
- ``efficientnet_lite0.onnx``: the default model, EfficientNet-Lite0 for ImageNet.
- ``imagenet_classes.csv``: index, WordNet id and name of its 1000 classes.
- ``demo/``: the photographs that ``iaside-audit demo`` audits.
- ``LICENSES.md``: licences and credits of all of these.
"""

__all__: list[str] = []
