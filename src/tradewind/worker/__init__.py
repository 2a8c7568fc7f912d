"""Running one task instance: context, templates, outcome, callbacks and log, and the processes that do it."""
