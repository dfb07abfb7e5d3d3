"""What API Gateway does when a method calls a service itself: the request mapped, the call made, the answer mapped."""
