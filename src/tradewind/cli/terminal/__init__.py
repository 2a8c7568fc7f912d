"""How commands speak with people: what they take, how they print, and how much they tell."""
