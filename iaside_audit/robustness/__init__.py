"""Measured robustness: corruptions, and what they do to images and to a model's answers.

======================  ============================================================
Where                   What
======================  ============================================================
:mod:`.corruptions`     the fifteen corruptions of ImageNet-C, on uint8 images
======================  ============================================================
"""
