"""The doors: one blueprint each. Unpack the request, call one service, pack the answer."""
