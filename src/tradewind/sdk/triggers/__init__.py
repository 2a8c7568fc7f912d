"""What tasks wait for outside a worker: triggers, which run in the triggerer, and the events that they fire."""
