"""The shipped licence texts (`licences.json`, written by `scripts/import_licence_texts.py`)."""
