"""The fault table: every fault of the catalogue that the main job meets, through both doors, on both dialects."""
