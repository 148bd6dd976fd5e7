"""The inbound queue: accept, claim, process, rescue. README.md tells why it is safe."""
