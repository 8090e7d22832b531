"""Peers: the sockets at the other end of the port's connections and datagrams."""
