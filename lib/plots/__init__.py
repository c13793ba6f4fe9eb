"""Pictures: what a recording, a training or an evaluation looks like.

Every function returns a matplotlib figure of its own and keeps none. IPython draws
such a figure only once it was told how; that is done here, when there is an IPython,
so that no notebook needs a magic for it.
"""

from IPython import get_ipython
from IPython.core.pylabtools import select_figure_formats

if get_ipython() is not None:
    select_figure_formats(get_ipython(), {"png"}, bbox_inches="tight")
