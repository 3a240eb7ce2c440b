"""Records of how a file was made."""
