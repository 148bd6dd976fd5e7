"""What tests share: servers, databases, payload factories, an HTTP client."""
