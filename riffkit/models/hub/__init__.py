"""Models of the Hugging Face hub: finding, downloading, and the local cache."""
