"""Leases on the workers of a Dask cluster.

=================  ============================================================================
module             what it holds
=================  ============================================================================
``connection``     connect to a cluster, or start one on this machine
``dask_executor``  leases, sent and collected
``worker``         what runs there: leases, on a child process that is kept
``parcels``        files on their way to a cluster, by sha256
=================  ============================================================================
"""
