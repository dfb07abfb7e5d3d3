def handler(event, context):
    """Makes the statements of the day before; may run twice."""
    raise NotImplementedError
