"""Ways of doing the same work, timed side by side in one run.

`side_by_side` times them in turn; the other modules hold the ways that the study is
compared with, each written as plainly as its libraries' own examples do it.
"""

from lib.bench.timing import ratios, side_by_side
