"""What a printed classification report or confusion matrix proves.

A report rounds to two digits and names the number of trials of each class. Only so many
pairs of counts, spoof called spoof and genuine called genuine, round to what is printed:
all of them are found, and everything else follows from them. The ROC of any scores is
monotone, so its EER lies between the FAR and the FRR of the one point that is printed.

Conventions
-----------
Matrices have rows for the truth and columns for the answer, spoof first. Fractions, never
percent. FAR: share of spoof trials called genuine; FRR: of genuine trials called spoof.
"""

from lib.judgement.verdict.judgement import describe_verdict, verdict
from lib.judgement.verdict.reading import split_reports

__all__ = ["describe_verdict", "split_reports", "verdict"]
