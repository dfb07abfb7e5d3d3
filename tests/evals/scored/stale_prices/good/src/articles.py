"""What the catalogue writes: sku, name, cents and version, which counts each change, also once an article is back."""

from boto3.dynamodb.types import TypeDeserializer

deserializer = TypeDeserializer()


def version(image):
    return int(deserializer.deserialize(image["version"]))


def read(image):
    article = {key: deserializer.deserialize(value) for key, value in image.items()}
    return {"version": int(article["version"]), "name": article["name"], "cents": int(article["cents"])}
