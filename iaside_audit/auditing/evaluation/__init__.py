"""What a worker does with a model and images, in a process of its own.

===========================  ==================================================================
module                       what it holds
===========================  ==================================================================
``tasks``                    all of it by name: inspect, open, settle, lease, trial, look, ...
``evaluate``, ``reference``  one lease: images in, rows out, in corrected and reference mode
``trials``, ``explorer``     a preprocessing tried on images; one image and any of its bands
``inputs``, ``settings``     from a photograph to the model's input; what decides the numbers
===========================  ==================================================================
"""
