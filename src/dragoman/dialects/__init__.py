"""How things are said on the wire: one folder per dialect, each pure, bytes in and events out and back."""
