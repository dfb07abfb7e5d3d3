class Statement:
    """Lines and their sum, as the customer reads them."""

    def __init__(self):
        self.lines = []
        self.cents = 0

    def add(self, text, cents):
        self.lines.append(f"{text}: {cents / 100:.2f}")
        self.cents += int(cents)

    def text(self):
        return "\n".join([*self.lines, f"Total: {self.cents / 100:.2f}"])

    def clear(self):
        self.lines.clear()
        self.cents = 0
