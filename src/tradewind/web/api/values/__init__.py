"""What tasks keep, from outside."""
