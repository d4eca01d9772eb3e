"""What a command's exit code says where nothing went wrong that would be an error."""

FINDINGS = 3
"""It looked, and found something that somebody should see to."""

PARTIAL = 4
"""Some of it could be done."""
