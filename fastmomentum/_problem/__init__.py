"""What is minimized: fun, jac and args; bounds and penalty."""
