"""What gives a label away without any replay in it: cheap cues, shared metadata, manipulations."""

from lib.judgement.shortcuts.cues import *
from lib.judgement.shortcuts.judgement import *
