"""`tradewind tasks`: single tasks, their instances, their logs and what they wait for."""
