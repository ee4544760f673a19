"""Pre-trained models: catalog, loading, precision, chat rendering, engine."""

import logging

# It is loaded by PEFT where it is installed, and then tells developers which kernels it lacks.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
