"""`python -m services.insight api|worker|migrate`"""

from services.chassis.process import main

if __name__ == "__main__":
    main(__package__)
