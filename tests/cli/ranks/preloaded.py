"""Everything that a training imports, for a server whose forks start at once; import it in that server alone."""

import os
import shutil
import tempfile
from pathlib import Path

# Read when torch is imported.
os.environ |= {"OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "FATAL"}

from chaos.process import import_all

_folder = Path(tempfile.mkdtemp())
import_all(_folder)
shutil.rmtree(_folder)
