"""A clip taken apart: drums, bass, chords and lead; vocals by an installed Spleeter."""
