"""Plugins and deadlines: what the installation and authors put around runs."""
