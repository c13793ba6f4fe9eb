"""Helpers shared by the notebooks of the study.

The modules import one way only:

    errors -> text -> params -> study -> corpus -> audio -> interventions -> audit
    -> features -> images -> augment -> cluster -> store -> embeddings -> backend -> dataset
    -> models -> batchnorm -> training -> transfer -> recipes -> bench -> scores
    -> metrics -> repairs -> verdict -> diagnosis -> shortcuts -> reference -> plots
    -> tracking -> scoring -> comparison -> runner -> cli

A test reads the imports and holds that order.
"""
