"""Measured robustness, and what an audit predicts of it (METHOD.md, section 9).

============================  =================================================================
Where                         What
============================  =================================================================
:mod:`.corruptions`           the fifteen corruptions of ImageNet-C, on uint8 images
:mod:`.requests`              what is asked of a measurement, checked once
:mod:`.run`                   one measurement as a stream of events; :mod:`.measured`, its result
:mod:`.kept_rows`             its rows on disk, that a killed one goes on from
:mod:`.tasks`                 the worker's part: :mod:`.evaluator`, :mod:`.sweeps`, :mod:`.attack`
:mod:`.copies`                corrupted copies, and what they leave of every band;
                              :mod:`.copy_gallery`, single ones to look at
:mod:`.errors_by_corruption`  corruption errors, and the means called mCE
:mod:`.curves`                heat maps, pass bands and attacks as curves with intervals
:mod:`.snr`                   the spectral SNR of corruptions or of folders of images;
                              :mod:`.measured_snr`, beside the model's answers
:mod:`.findings`              measurements as they are read back and shown
:mod:`.prediction`            SNR times Shapley: what an audit predicts of a perturbation
:mod:`.predicted_loss`        the same of one model under many conditions, with intervals
:mod:`.predict_run`           that from an audit and its images; :mod:`.predict_beside`, beside
                              what was measured
:mod:`.study`                 many models: predictions held against measurements
============================  =================================================================
"""
