"""The local stack: an engine for table and queues, the simulator, Passback and its worker, all on loopback."""
