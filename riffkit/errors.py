"""The errors that riffkit raises for problems a user can fix.

    RiffkitError
    ├── ParameterError        a value out of range, an option that doesn't fit another
    ├── AudioFileError        a file that isn't audio, or is empty, truncated, damaged
    ├── ImageFileError        a file that isn't a spectrogram image
    ├── ModelError            a model that is missing, incomplete, or of another kind
    ├── OutputError           a place that can't be written: no folder, no permission, full disk
    └── WorkerError           a process of many that died, or a cluster that can't be reached

Each message is one line: the value given, the condition, the next step.
They are caught once, at the command line and at the server's edge.
"""


class RiffkitError(Exception):
    """Base of all errors that a user can fix."""


class ParameterError(RiffkitError, ValueError):
    """A parameter's value is not usable."""


class AudioFileError(RiffkitError):
    """A file cannot be used as audio."""


class ImageFileError(RiffkitError):
    """A file cannot be used as a spectrogram image."""


class ModelError(RiffkitError):
    """A model cannot be found or loaded."""


class OutputError(RiffkitError):
    """An output cannot be written."""


class WorkerError(RiffkitError):
    """A worker process died, or no worker can be reached."""
