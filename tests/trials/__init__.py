"""The bench: a project deployed on a local AWS and tried under every fault that AWS documents."""
