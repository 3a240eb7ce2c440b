"""What a video is made of: a picture that passes a playhead, words, and sound."""
