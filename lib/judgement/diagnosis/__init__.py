"""Why a training came out as it did: a named cause, from plain data and without its model.

The first row whose rule holds is the cause. *Chance* is the interval of the AUC with the
labels shuffled; *baseline* is the loss of the best constant output, ln 2 for equal
classes; a dash is not considered. Eval is never used.

=====================  ==================  ===================  ===================  ==================
cause                  training loss and   train scores, batch  train scores,        dev scores,
                       accuracy            statistics           inference            inference
=====================  ==================  ===================  ===================  ==================
input out of range     -                   -                    -                    -
never learned          loss at baseline    -                    small spread or low  -
                       (or never fell)                          AUC
moving statistics lag  -                   above chance         far less             -
labels misaligned      accuracy high       not above chance     chance, with spread  (or here)
polarity               not never learned   not above chance     below chance         (or here)
overfitting            -                   -                    high                 half of it lost
one class always       -                   -                    -                    one class
healthy                -                   -                    -                    above chance
undecided              -                   -                    -                    chance
=====================  ==================  ===================  ===================  ==================

Apparent overfitting or lag on dev is *labels misaligned* or *polarity* when the training
itself measured a higher accuracy on dev than the table gives. A network that memorised
shuffled labels has a high AUC on train and chance on dev: *overfitting*. Each rule
requires an effect of a stated size and a test below 1 % (`rules`), so a dev split of a
dozen trials seldom proves anything.
"""

from lib.judgement.diagnosis.evidence import Evidence
from lib.judgement.diagnosis.naming import CAUSES, Diagnosis, describe, diagnose

__all__ = ["CAUSES", "Diagnosis", "Evidence", "describe", "diagnose"]
