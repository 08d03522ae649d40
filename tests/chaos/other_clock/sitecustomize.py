"""Set the clock of a Python process wrong: Python imports this module at its start if the folder is on PYTHONPATH."""

import os
import time

import time_machine

time_machine.travel(time.time() + float(os.environ["CHAOS_CLOCK_OFF_S"]), tick=True).start()
