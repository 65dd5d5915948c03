"""From the rows of an audit to its result, and from results to their differences.

========================  =====================================================================
module                    what it holds
========================  =====================================================================
``record``                what rows depend on, for the store
``assemble``, ``chance``  from value rows to the numbers of a result; what guessing would score
``groups``                the numbers of classes, and of right and wrong images
``conclude``              the result
``merge``, ``compare``    shards of an audit, joined; results on the same images, compared
========================  =====================================================================
"""
