def text_of(lines):
    """Lines and their sum, as the customer reads them."""
    total = sum(int(line["cents"]) for line in lines)
    return "\n".join([*(f"{line['text']}: {line['cents'] / 100:.2f}" for line in lines), f"Total: {total / 100:.2f}"])
