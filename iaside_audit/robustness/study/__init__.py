"""Many models on the same images: what an audit predicts, held against what is measured.

======================  ============================================================
Where                   What
======================  ============================================================
:mod:`.spec`            the study file, all its faults listed at once
:mod:`.collect`         audits and measurements, each kept in its model's folder
:mod:`.columns`         predictors and measured figures of every model
:mod:`.analysis`        how closely the ones follow the others
======================  ============================================================
"""
