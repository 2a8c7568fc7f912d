"""Mail that tasks send: `send_email`, `EmailOperator`."""
