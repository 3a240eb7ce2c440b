"""A folder of audio → a captioned, split and sharded dataset of clips and their images.

find → cut → picture → (similarity, split, captions) → shards; `build` drives it.
"""
