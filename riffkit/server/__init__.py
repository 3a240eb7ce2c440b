"""The studio's server: jobs, clips and events over HTTP, and the page.

Its own process imports no torch: one spawned process holds the model (worker.py), another reads and
writes files (converter.py). Needs the extra `riffkit[studio]`.
"""
