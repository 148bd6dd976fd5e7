"""What operators and tools need: health, the contract files and their documentation page."""
