"""A key of the trials' own for requests that are signed by Ed25519: code gets its public half, whatever it calls it."""

ED25519 = "ed25519"
SEED = b"a key that nobody but trials has"
PUBLIC = "a1a405c229fdf4becc791bb28e5d94c20772a0da0954e970dbcf8a0acc134c7b"  # in the form in which Discord hands it out


def signature(seed: bytes, message: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # that not every reader has

    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)
