"""Helpers shared by the notebooks of the study.

The modules import one way only:

    errors -> text -> params -> study -> corpus -> audio -> audit -> features -> images
    -> store -> backend -> dataset -> models -> training -> scores -> metrics -> verdict
    -> reference -> plots -> tracking -> comparison -> runner -> cli

A test reads the imports and holds that order.
"""
