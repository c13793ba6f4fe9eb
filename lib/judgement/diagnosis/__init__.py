"""Why a training came out as it did: a cause from plain data, without its model.

Conventions
-----------
`Evidence` holds scores and labels of train and dev, and where there are any the history
of the training, scores with batch statistics and the range of the inputs. Eval is never
looked at: it must not choose anything. `diagnose` names one cause, lists the others that
hold too, and shows the figures.

Decision
--------
The first row that holds is the cause. *Chance* is the interval of the AUC with the labels
shuffled; *constant* is the loss of the best constant answer, ln 2 when the classes are
equal; a dash is not looked at.

=====================  ==================  ===================  ===================  ==================
cause                  training loss and   train scores, batch  train scores,        dev scores,
                       accuracy            statistics           inference            inference
=====================  ==================  ===================  ===================  ==================
input out of range     -                   -                    -                    -
never learned          loss at constant    -                    small spread or low  -
                       (or never fell)                          AUC
moving statistics lag  -                   above chance         far less             -
labels misaligned      accuracy high       not above chance     chance, with spread  (or here)
polarity               not never learned   not above chance     below chance         (or here)
overfitting            -                   -                    high                 half of it lost
one class always       -                   -                    -                    one answer
healthy                -                   -                    -                    above chance
undecided              -                   -                    -                    chance
=====================  ==================  ===================  ===================  ==================

How three that look alike are told apart, all with an AUC near 0.5 on train:

- *never learned*: the training itself saw no success, its loss did not get below the
  constant answer's. Nothing was there to be lost.
- *moving statistics lag*: success in training, and it is back as soon as the same trials
  are scored with the statistics of their batch.
- *labels misaligned*: success in training, gone in either mode: the scores are good and
  stand beside the wrong trials. A network that learned shuffled labels by heart is not
  this: it has a high AUC on train and chance on dev, and that is *overfitting*.

What looks like overfitting or lag on dev is *labels misaligned* or *polarity* when the
training measured a higher accuracy on dev, at inference too, than the same answers have in
the table.

No accusation without evidence: each rule wants an effect of a stated size and a test
below 1 % (`lib.judgement.diagnosis.rules`), so a dev split of a dozen trials seldom proves anything.
An EER of 5 % on train and 20 % on dev is ordinary in this field and no overfitting.
"""

from lib.judgement.diagnosis.evidence import Evidence
from lib.judgement.diagnosis.naming import CAUSES, Diagnosis, describe, diagnose

__all__ = ["CAUSES", "Diagnosis", "Evidence", "describe", "diagnose"]
