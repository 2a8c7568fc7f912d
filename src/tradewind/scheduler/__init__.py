"""The scheduler: one loop, one inbox, one heap of timers."""
