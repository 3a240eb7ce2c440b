"""Files of weights in every layout, read without copies and without running code."""
