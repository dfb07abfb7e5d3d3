"""What a template says of its tables."""

from trials.template.model import Model
from trials.template.values import flag


def lifetimes(template: Model) -> dict[str, str]:
    """By table: the attribute that says when an item's time is over; the local AWS does not take it from a template."""
    attributes = {
        table.name: table.only("TimeToLiveSpecification", "AttributeName")
        for table in template.of("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
        if flag(table.only("TimeToLiveSpecification", "Enabled"))
    }
    return {name: attribute for name, attribute in attributes.items() if isinstance(attribute, str)}
