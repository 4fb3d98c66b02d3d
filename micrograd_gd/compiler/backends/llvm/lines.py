"""Lines of LLVM's language as they are written, each result with a name of its own."""


class Lines:
    """The lines of a function, or of a part of one."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def emit(self, letter: str, what: str) -> str:
        """The name of a new result."""
        name = f"%{letter}.{len(self.lines)}"
        self.lines.append(f"{name} = {what}")
        return name

    def offset(self, array: str, offset: int) -> str:
        """The pointer to a number of an array."""
        if not offset:
            return array
        return self.emit("p", f"getelementptr inbounds double, ptr {array}, i64 {offset}")
