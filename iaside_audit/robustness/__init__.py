"""Measured robustness, and what an audit predicts of it (METHOD.md, section 9).

======================  ============================================================
Where                   What
======================  ============================================================
:mod:`.corruptions`     the fifteen corruptions of ImageNet-C, on uint8 images
:mod:`.errors_by_corruption`
                        corruption errors, and the means called mCE
:mod:`.snr`             the spectral SNR of corruptions or of two folders
:mod:`.prediction`      SNR times Shapley: what an audit predicts of a perturbation
======================  ============================================================
"""
