"""What the commands ``plan`` and ``check`` do. Each loads only what it needs: ``check`` nothing of the SDK."""
