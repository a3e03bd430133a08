"""What this machine is and has: the build of PyTorch beside the driver, the compiler, the system it runs in."""
