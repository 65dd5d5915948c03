"""Does a result hold? Its own rows, the model's file, the images, and rows made again.

- :mod:`~iaside_audit.auditing.verification.verdicts`: what a check says.
- :mod:`~iaside_audit.auditing.verification.numbers`: whether the numbers follow from the rows.
- :mod:`~iaside_audit.auditing.verification.originals`: whether model and images are those of the
  result, and whether they give its rows again.
- :mod:`~iaside_audit.auditing.verification.verify`: all checks, in order.
"""
