"""Settings of notebooks, and studies: which runs there are to be. Needs neither TensorFlow nor MLflow."""

from lib.params.paths import NOTEBOOKS, PARAMS, ROOT, local_path
from lib.params.settings import PLACES, current, declared, notebooks, resolve
from lib.params.yaml_files import flat_yaml, read_table, read_yaml
