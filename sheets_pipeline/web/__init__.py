"""What stands in front of every HTTP server of ours: origins, sizes of bodies, numbers of connections, addresses."""
