"""The window of I-ASIDE Audit.

Three parts, and imports go from left to right only::

    app  ->  controllers  ->  views  ->  qtmodels  ->  state
                          ->  workers              ->  state

============================  =================================================================
``app``, ``command``          the program ``iaside-audit-gui`` and the command ``iaside-audit gui``
``controllers``               connect the parts and decide what happens
``workers``                   what must not run in the window's thread: audits, files
``views``                     widgets; they show and ask, and decide nothing
``qtmodels``                  Qt's item models over plain rows
``state``                     frozen snapshots of what the window shows, without widgets
``actions``, ``menus``        every action, its keys and its tip, in one table; where it stands
``appearance``, ``icons``     dark and light; icons in the colour of the text
``pauses``                    where the window would wait for Python itself
``preferences``               what the user chose, in one readable file
============================  =================================================================

Models run in child processes: this package never imports onnx or onnxruntime.
"""

__all__: list[str] = []
