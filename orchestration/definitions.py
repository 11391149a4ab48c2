"""The one entry point of Dagster: the graph for the settings of this machine.

Apart from ``graph.py``, because importing it reads them and parses the dbt project.
"""

from headwater.settings import Settings, load
from orchestration.graph import build_definitions

defs = build_definitions(load(Settings))
