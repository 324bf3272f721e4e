"""What an application imports: middleware that makes way for its traffic."""
