"""XCom values: what tasks hand to each other, as JSON."""
