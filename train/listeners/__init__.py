"""Networks that listen: they tell the notes of a sound, or take it apart."""
