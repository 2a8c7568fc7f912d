"""What parked task instances wait for, for those who run it or answer it: triggerers and humans."""
