"""Measured robustness, and what an audit predicts of it (METHOD.md, section 9).

======================  ============================================================
Where                   What
======================  ============================================================
:mod:`.corruptions`     the fifteen corruptions of ImageNet-C, on uint8 images
:mod:`.prediction`      SNR times Shapley: what an audit predicts of a perturbation
======================  ============================================================
"""
