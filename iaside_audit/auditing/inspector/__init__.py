"""One model and one image at a time, for somebody who waits for the answer.

=========================  ====================================================================
module                     what it holds
=========================  ====================================================================
``interactive``            a model to play with: one image and any coalition of its bands
``exploration``            what that is answered with
``explorer_child``         the child process it is done in
``gallery``, ``profiles``  the images to look at; what one image says about its bands
=========================  ====================================================================
"""
