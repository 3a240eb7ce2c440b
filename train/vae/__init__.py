"""The autoencoder of riff-mini 2: its network, its losses, its training and its snapshots."""
