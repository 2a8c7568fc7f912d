"""What answers are made of: the shapes of records, the names beside them, and what is kept out."""
