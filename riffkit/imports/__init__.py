"""How other libraries come in: what they can't import or need not, and none of it by itself."""

from riffkit.imports import lazy, torchaudio_compat


def prepare() -> None:
    """Whoever imports diffusers, transformers, scipy or numba after this waits less, and
    torchaudio needs no compiled part. Imports none of them; idempotent; `import riffkit` calls it.
    """
    torchaudio_compat.prepare()
    lazy.prepare()
