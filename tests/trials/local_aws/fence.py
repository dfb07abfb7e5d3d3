"""What keeps the code of a function on this machine."""

# On the path of the servers and so of every function: a template may name an address that its code would call.
LOOPBACK_ONLY = '''"""Refuse every connection that would leave this machine."""
import ipaddress
import socket

connect, look_up = socket.socket.connect, socket.getaddrinfo


def check(host):
    try:
        inside = not host or host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise ConnectionRefusedError(f"the local AWS lets nothing out: {host}")


def only_inside(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        check(address[0])
    return connect(self, address)


def only_here(host, *rest, **named):
    check(host.decode() if isinstance(host, bytes) else host)
    return look_up(host, *rest, **named)


socket.socket.connect, socket.getaddrinfo = only_inside, only_here
'''
