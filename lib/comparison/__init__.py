"""A study's runs side by side, and beside the report's figures; every number keeps its interval."""

from lib.comparison.changes import *
from lib.comparison.claims import *
from lib.comparison.tables import *
from lib.comparison.words import *
from lib.metrics.tables import percent, with_interval
