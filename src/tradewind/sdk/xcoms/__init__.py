"""XComs as authors and their backends see them: rows, the backend of the installation, object storage."""
