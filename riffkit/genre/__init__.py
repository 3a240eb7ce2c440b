"""From a folder of songs to a LoRA of their genre: dataset, training and judging in one call."""
