"""Which preprocessing a model was made for, found by trying.

======================  =======================================================================
module                  what it holds
======================  =======================================================================
``assist``, ``search``  candidates, and the race between them
``choice``              how preprocessings are compared, and the rule of choice
``examiner``            asking a worker about one
======================  =======================================================================
"""
