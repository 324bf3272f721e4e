"""The HTTP side: the application, who calls, quota, faults on demand, the log of requests, and the change stream."""
