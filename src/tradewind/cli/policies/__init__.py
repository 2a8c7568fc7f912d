"""Commands about what an installation and authors put around runs: plugins, providers, callbacks, deadlines."""
