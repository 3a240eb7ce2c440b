"""Training of the transcriber (riffkit/analysis/transcription) on bands rendered track by track."""
