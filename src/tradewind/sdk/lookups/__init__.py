"""Looking things up: the order in which secrets are searched, and the columns by which rows are found."""
