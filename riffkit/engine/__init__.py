"""Many tasks at once: on this computer's processes, or on a Ray cluster."""

from riffkit.engine.run import ENGINES, available_cores, check_engine, run_tasks

__all__ = ["ENGINES", "available_cores", "check_engine", "run_tasks"]
