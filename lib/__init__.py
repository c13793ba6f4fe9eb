"""Helpers shared by the notebooks of the study.

The rooms import one way only:

    errors -> params -> files -> audio -> cluster -> corpus -> features -> inputs -> systems -> scores -> metrics
    -> judgement -> plots -> tracking -> scoring -> comparison -> study -> runner -> cli

`bench` and `demo` are leaves: only the command and notebooks import them. A test reads
the imports and holds that order.
"""
