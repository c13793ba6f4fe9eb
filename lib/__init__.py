"""Helpers shared by the notebooks of the study.

The modules import one way only:

    errors -> params -> corpus -> audio -> features -> images -> store -> dataset
    -> models -> training -> scores -> metrics -> diagnosis -> plots -> tracking
    -> runner -> cli

A test reads the imports and holds that order.
"""
