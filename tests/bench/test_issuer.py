"""Tokens that code verifies by keys which their issuer publishes."""

import json
from pathlib import Path

import jwt
import pytest
from bench.test_own import run

from trials.local_aws.issuer import Issuer, issuer_of
from trials.project.tokens import CLAIMS
from trials.samples.bearer import Bearer, bearers, first_bearer

POOL = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc"
VARIABLES = {"USER_POOL_ID": "eu-west-1_abc", "CLIENT_ID": "c-1", "TABLE": "t"}


@pytest.mark.parametrize(
    ("path", "of"),
    [
        ("/.well-known/jwks.json", "https://login.example"),
        ("/eu-west-1_abc/.well-known/jwks.json?v=1", "https://login.example/eu-west-1_abc"),
        ("/realms/shop/protocol/openid-connect/certs", "https://login.example/realms/shop/protocol/openid-connect"),
        ("/orders", ""),
        ("/.well-known/openid-configuration", ""),
    ],
)
def test_who_publishes_keys_has_issued_the_tokens(path: str, of: str) -> None:
    assert issuer_of("login.example", path) == of


def test_a_token_is_verified_by_the_key_that_its_issuer_publishes() -> None:
    issuer = Issuer()
    published = issuer.publishes("login.example", "/.well-known/jwks.json")
    assert published
    (key,) = published["keys"]
    made = issuer.token({"sub": "u-1", "aud": "c-1"})

    assert jwt.get_unverified_header(made)["kid"] == key["kid"]
    read = jwt.decode(made, jwt.PyJWK(key).key, algorithms=["RS256"], audience="c-1")
    assert read == {"sub": "u-1", "aud": "c-1"}
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(Issuer().token({"aud": "c-1"}), jwt.PyJWK(key).key, algorithms=["RS256"], audience="c-1")


def test_an_issuer_says_where_its_keys_are() -> None:
    assert Issuer().publishes("login.example", "/shop/.well-known/openid-configuration") == {
        "issuer": "https://login.example/shop",
        "jwks_uri": "https://login.example/shop/.well-known/jwks.json",
    }
    assert Issuer().publishes("login.example", "/orders") is None


def test_a_token_names_the_pool_and_the_client_of_each_world() -> None:
    first, second = bearers(POOL, VARIABLES)

    assert (first, second.use) == (Bearer(POOL, "USER_POOL_ID", "CLIENT_ID", "access"), "id")
    told = first.claims({"USER_POOL_ID": "eu-west-1_xyz", "CLIENT_ID": "c-2"})
    assert told["iss"] == "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_xyz"
    assert (told["aud"], told["client_id"], told["token_use"], told["sub"]) == ("c-2", "c-2", "access", CLAIMS["sub"])


def test_another_issuer_s_token_names_it_and_whoever_it_is_for_as_far_as_that_is_known() -> None:
    (first, _) = bearers("https://login.example", {"USER_POOL_ID": "eu-west-1_abc"})

    assert first == Bearer("https://login.example")
    assert first.claims({})["iss"] == "https://login.example"
    assert first_bearer(VARIABLES).claims(VARIABLES)["iss"] == POOL


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Shout:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: src
      Timeout: 10
      Environment: { Variables: { AUDIENCE: shop, TOLD: !Ref Told } }
      Events: { Post: { Type: HttpApi, Properties: { Path: /words, Method: POST } } }
  Told: { Type: AWS::SQS::Queue }
"""
CODE = """
import json, os
import boto3, jwt

KEYS = jwt.PyJWKClient("https://login.example/.well-known/jwks.json")
sqs = boto3.client("sqs")

def handler(event, context):
    try:
        token = event["headers"]["authorization"].removeprefix("Bearer ")
        key = KEYS.get_signing_key_from_jwt(token).key
        asked = {"algorithms": ["RS256"], "audience": os.environ["AUDIENCE"], "issuer": "https://login.example"}
        caller = jwt.decode(token, key, **asked)
    except (KeyError, jwt.PyJWTError) as error:
        return {"statusCode": 401, "body": str(error)}
    sqs.send_message(QueueUrl=os.environ["TOLD"], MessageBody=json.dumps({"by": caller["sub"]}))
    return {"statusCode": 202}
"""


@pytest.mark.e2e
def test_a_request_whose_token_is_verified_by_published_keys_is_tried(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "src" / "app.py").write_text(CODE)
    (tmp_path / "src" / "requirements.txt").write_text("pyjwt[crypto]==2.15.1\n")
    outcome = json.loads(run(str(tmp_path), "--json").stdout)

    told = {row["trial"]: row for row in outcome["findings"]}
    assert [row["status"] for row in outcome["sources"]] == ["delivered"], told["once"]["happened"]
    assert "its token signed anew by a key that its issuer publishes" in told["once"]["happened"]
    assert told["throttled"]["verdict"] == "held"
