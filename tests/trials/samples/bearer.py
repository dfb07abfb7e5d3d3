"""How a token is made that code verifies by keys which its issuer publishes."""

from dataclasses import dataclass
from typing import Any

from trials.project.tokens import CLAIMS

COGNITO = "https://cognito-idp.{}.amazonaws.com/{}"  # the issuer of a pool's tokens, by region and pool
AUDIENCE = ("CLIENT", "AUDIENCE", "APP_ID")  # words in the names of variables that say for whom a token must be
POOL = "POOL"  # in those of variables that name a user pool
USES = ("access", "id")  # of Cognito's tokens


@dataclass(frozen=True)
class Bearer:
    """`pool` and `audience` are names of the function's variables, whose values each world has anew."""

    issuer: str = str(CLAIMS["iss"])
    pool: str = ""
    audience: str = ""
    use: str = USES[0]

    def claims(self, variables: dict[str, str]) -> dict[str, Any]:
        audience = variables.get(self.audience, CLAIMS["aud"])
        told = {"iss": self.issuer, "aud": audience, "client_id": audience, "token_use": self.use}
        if pool := variables.get(self.pool, ""):
            told["iss"] = of_pool(pool)
        return {**CLAIMS, "cognito:username": CLAIMS["username"], **told}


def of_pool(pool: str) -> str:
    return COGNITO.format(pool.split("_")[0], pool)


def bearers(issuer: str, variables: dict[str, str]) -> list[Bearer]:
    """The tokens that may be taken, given who publishes the keys that were asked for."""
    pools = [name for name, value in variables.items() if POOL in name.upper() and of_pool(value) == issuer]
    named = [name for name in variables if any(word in name.upper() for word in AUDIENCE)]
    return [Bearer(issuer, next(iter(pools), ""), name, use) for name in named[:2] or [""] for use in USES]


def first_bearer(variables: dict[str, str]) -> Bearer:
    """One whose issuer is right if it can be: some verifiers look at that before they ask for keys."""
    return Bearer(pool=next((name for name in variables if POOL in name.upper()), ""))
