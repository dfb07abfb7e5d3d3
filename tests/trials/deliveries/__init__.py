"""Events on their way to a function, by the rules of the service that delivers them."""
