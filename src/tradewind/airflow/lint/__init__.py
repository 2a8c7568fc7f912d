"""Deprecated spellings in the text of DAG files: found without running them, and where that is safe rewritten."""
