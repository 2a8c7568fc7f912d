"""What a worker has of its machine: signals, environment, log file, processes, and the socket to the scheduler."""
