"""The public test kit: stand-ins for what a process meets outside, such as the clock."""
