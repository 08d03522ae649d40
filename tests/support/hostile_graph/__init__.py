"""A second server of Microsoft Graph, which answers in forms that were reported from proxies, gateways and servers.

It has the content of the simulator's directories, an HTTP server of its own, and a *manner*: what it does to an answer.
`disguises.py` has the manners that change the form only, `breakages.py` those that also damage it.
"""
