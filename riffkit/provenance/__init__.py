"""What a file says of how it was made."""
