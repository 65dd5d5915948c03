"""An ONNX file as a classifier.

============================  =================================================================
module                        what it holds
============================  =================================================================
``identity``                  hashes of the model file
``safety``                    what is refused before ONNX Runtime sees it, and why
``contents``                  what a parsed model holds, and how deep
``stored_tensors``            whether its tensors are there, and of a bearable size
``description``               what the file is, as plain values
``graph``                     the same, read from the file without running it
``providers``                 which execution providers this machine offers
``session``                   one ONNX Runtime session that gives log-probabilities
``preprocessing_sources``     the places where preprocessing is found
``neighbours``                all of them at once, and timm's ``config.json``
``recipes``                   the usual normalisations and geometries
``builtin_normalisation``     what the first nodes of a graph do to the input
``catalogue``                 the models that ship
``synthetic``                 small ONNX classifiers whose use of the bands is known
============================  =================================================================

``graph`` and ``session`` parse and run a stranger's file: only worker processes import them.
"""
