"""What a loan is, for whoever starts it and for its workflow."""

from pydantic import BaseModel, ConfigDict, Field


class Loan(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    loan_id: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")  # what a name of an execution may be
    customer: str = Field(min_length=1, max_length=64)
    cents: int = Field(gt=0, le=10_000_000)
