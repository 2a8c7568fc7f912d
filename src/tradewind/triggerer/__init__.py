"""The triggerer: claims what tasks wait for and runs it, all in one asyncio loop of a child process."""
