"""Author code run in this process: no scheduler, no workers, and no database that it needs."""
