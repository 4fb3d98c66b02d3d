"""What runs a program: plain Python, the tape in C, machine code by LLVM."""
