"""Runs that wait for their GPU: their tickets, who may start where, and the lease each GPU is held with."""
