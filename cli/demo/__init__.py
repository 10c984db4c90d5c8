"""A believable generated company for the demo tenant, made through the public API as any client would.

The company is Fjordhjul, a Danish maker of electric cargo bikes and of software for fleets of them. What it consists
of is planned first, in memory and without asking anybody (`company.py`), from a seed: the same seed, scale and day give
the same company. Then the plan is carried out (`writing.py`), each write by the colleague whose work it is.

Every address is under `.example`, which RFC 2606 sets aside: no mail that the platform sends can reach anybody.
"""
