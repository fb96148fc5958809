"""The local stack: a DynamoDB engine, the simulator and Passback itself, all on loopback."""
