"""One problem: from the call to the result."""
