"""Where variables and connections come from: the installation's secrets backends, the environment, the worker store."""
