"""A local AWS on loopback: MiniStack, and microburst before it.

Nothing here reaches an AWS account: the servers get an environment of their own in which no credential, profile or
endpoint of the caller exists, and every client is made by `Server.client` with dummy keys.
"""

import itertools
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import botocore.session
import trustme
from botocore.config import Config

from trials.local_aws.clock import LATER, move, moves_for_python, put_back
from trials.local_aws.environment import ACCOUNT, ENVIRONMENT, REGION, LocalAwsError, install
from trials.local_aws.fence import LOOPBACK_ONLY
from trials.local_aws.javascript import PRELOADS
from trials.local_aws.processes import end_with_parent, free_port, is_free, kill
from trials.local_aws.scratch import Scratch
from trials.local_aws.signatures import NOTED
from trials.local_aws.waiting import wait_for

BUCKET = "packages"
TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
NO_PROFILE = {  # botocore's (name in a file, name in the environment, default, conversion)
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}

FAULT_PROXY = Path(__file__).parent / "fault_proxy.py"
DECISIONS = Path(__file__).parent / "decisions.py"
DURABLE = Path(__file__).parent / "durable_executions.py"

BOOKKEEPING = ("CheckpointDurableExecution", "GetDurableExecutionState")


class Server:
    """Context manager around one MiniStack server. On exit no process and no temporary file is left.

    As a rule it speaks TLS and enforces IAM: a function may do what its role allows and no more, and a policy that
    refuses plain HTTP is obeyed. With `faults=True` the functions reach it through microburst instead, a proxy that
    answers with AWS's own errors (`fault`); it breaks signatures, so IAM is off then. `client` never passes the proxy.
    """

    def __init__(
        self,
        port: int = 0,
        faults: bool = False,
        home: Path | None = None,
        outside_ca: Path | None = None,
        scratch: Scratch | None = None,
        forks: bool = False,
    ) -> None:
        """`home` is a folder to work in and to leave to the caller, who has threads that may still write into it.

        `outside_ca` is for a process in a namespace of its own: no guard is needed there, and functions trust it.
        `scratch` is where functions put temporary files; without one, they do so in `home`. With `forks`, environments
        in Python begin as copies of a process that has imported the SDK.
        """
        self.scratch = scratch
        self._outside_ca = outside_ca
        self._port = port
        self._given = home
        self._faults, self._forks = faults, forks
        self.processes: list[subprocess.Popen[bytes]] = []
        self._numbers = itertools.count(1)
        self._clients: dict[str, Any] = {}
        self._said = ""  # by models
        self._making_clients = threading.Lock()
        # One for all clients: each session reads the list of regions and partitions again.
        self._session = boto3.session.Session(botocore_session=botocore.session.Session(session_vars=NO_PROFILE))
        self.left_out: dict[str, str] = {}  # of all stacks

    def __enter__(self) -> Self:
        install()
        self._home = self._given or Path(tempfile.mkdtemp(prefix="local-aws-"))
        self._guard, self._decisions = self._home / "guard", self._home / "decisions"
        self.clock, self.signed = self._home / "clock", self._home / "signed"
        put_back(self.clock)
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self.processes):
            kill(process)
        if not self._given:
            shutil.rmtree(self._home, ignore_errors=True)

    def _start(self) -> None:
        port = self._port or free_port()
        if self._port and not is_free(port):
            raise LocalAwsError(f"port {port} is in use: stop what listens there, or choose another with --port")
        python = str(ENVIRONMENT / "bin" / "python")
        self._guard.mkdir()
        fence = "" if self._outside_ca else LOOPBACK_ONLY
        clock = LATER if moves_for_python(self._guard) else ""
        (self._guard / "sitecustomize.py").write_text(fence + clock + NOTED)
        self.endpoint = f"http{'' if self._faults else 's'}://127.0.0.1:{port}"
        common = {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "LAMBDA_EXECUTOR": "local",
            "SFN_WAIT_SCALE": "0.02",
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.1",
            "PYTHONPATH": str(self._guard),
            "NODE_OPTIONS": " ".join(f"--require {path}" for path in PRELOADS),
            "TRIALS_HOME": str(self._home),
            "TRIALS_LEFT_RUNNING": str(self.left_running),
            "TRIALS_CLOCK": str(self.clock),
            "TRIALS_SIGNED": str(self.signed),
            "TRIALS_DECISIONS": str(self._decisions),
            **({"TRIALS_NO_SCHEDULES": "1"} if self._outside_ca else {}),  # in trials nothing comes by itself
            **dict.fromkeys(TRUST if self._outside_ca else (), str(self._outside_ca)),
            **({"TRIALS_FORKS": "1"} if self._forks and sys.platform == "linux" else {}),
        }
        if self._faults:
            self.ca = None
            common["AWS_MAX_ATTEMPTS"] = "2"  # a fault lasts for a whole delivery: more attempts only take longer
            self._proxy = f"http://127.0.0.1:{(proxy := free_port())}"
            common["MINISTACK_BEDROCK_PROXY_URL"] = f"{self._proxy}/_trials/fault"  # what models say
            self._spawn([python, "-P", str(DURABLE)], **common, AWS_ENDPOINT_URL=self._proxy)
            self._spawn(
                [python, "-P", str(FAULT_PROXY), "--upstream", self.endpoint, "--port", str(proxy), "--no-resign"]
            )
        else:
            self.ca, key = self._certificate()
            tls = {"USE_SSL": "1", "MINISTACK_SSL_CERT": str(self.ca), "MINISTACK_SSL_KEY": str(key)}
            if self._outside_ca:
                both = self._home / "trusted.pem"
                both.write_bytes(self.ca.read_bytes() + self._outside_ca.read_bytes())
                common |= dict.fromkeys(TRUST, str(both))
            self._spawn([python, "-P", str(DECISIONS)], **common, **tls, AUTH="true")
        wait_for("MiniStack to start", lambda: self._answers("/_ministack/health"))
        if self._faults:
            wait_for("the fault proxy to start", lambda: self._control("GET"))
        self.client("s3").create_bucket(Bucket=BUCKET)

    def _certificate(self) -> tuple[Path, Path]:
        """A certificate for loopback and its key; the file with the certificate ends with the authority to trust."""
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        chain, key = self._home / "certificate.pem", self._home / "key.pem"
        chain.write_bytes(b"".join(pem.bytes() for pem in (*issued.cert_chain_pems, authority.cert_pem)))
        key.write_bytes(issued.private_key_pem.bytes())
        return chain, key

    def _spawn(self, command: list[str], **variables: str) -> None:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self._home),
            "TMPDIR": str(self._home),
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,  # whose APIs an unsigned request reaches
            "IOT_MTLS_ENABLED": "0",  # no listener on a port of its own
            **variables,
        }
        with self.log.open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    command,
                    env=environment,
                    cwd=self._home,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=end_with_parent,
                )
            )

    def _answers(self, path: str) -> bool:
        for process in self.processes:
            if process.poll() is not None:
                tail = self.log.read_text(errors="replace").strip().splitlines()[-5:]
                raise LocalAwsError("the local AWS stopped: " + " | ".join(tail))
        try:
            with urllib.request.urlopen(self.endpoint + path, timeout=2, context=self.tls):
                return True
        except OSError:
            return False

    @property
    def function_endpoint(self) -> str:
        """Where the functions' own AWS calls go: the fault proxy, if there is one."""
        return self._proxy if self._faults else self.endpoint

    @property
    def tls(self) -> ssl.SSLContext:
        """What an HTTPS client needs to trust this server."""
        return ssl.create_default_context(cafile=self.ca)

    @property
    def log(self) -> Path:
        """What MiniStack, the proxy and the functions print."""
        return self._home / "log"

    @property
    def left_running(self) -> Path:
        """Where Node.js functions that returned before their calls had ended are noted, a name in each line."""
        return self._home / "left_running"

    @property
    def mounts(self) -> Path:
        """Where the file systems that functions mount lie, a folder for each; empty for each world."""
        return self._home / "mounts"

    def move_clock(self, seconds: float) -> None:
        """Let the environments that start from now on live so many seconds later."""
        move(self.clock, seconds)

    def decisions(self) -> list[dict[str, Any]]:
        """What IAM decided for each call of a role since the last `reset`; only where IAM is enforced."""
        return [json.loads(line) for line in self._decisions.read_text().splitlines()]

    def client(self, service: str) -> Any:
        """A boto3 client for `service` that can reach nothing but this server."""
        with self._making_clients:  # boto3 is not safe to make clients with in several threads
            if service not in self._clients:
                self._clients[service] = self._client(service, self.endpoint)
            return self._clients[service]

    def _client(self, service: str, endpoint: str) -> Any:
        return self._session.client(
            service,  # type: ignore[call-overload]
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",
            verify=str(self.ca) if self.ca else None,
            config=Config(
                inject_host_prefix=False,
                read_timeout=130,
                # A function that answers late must not be invoked again.
                retries={"total_max_attempts": 1 if service == "lambda" else 2, "mode": "standard"},
            ),
        )

    def fault(self, **rule: Any) -> None:
        """Add a microburst rule for the functions' AWS calls, such as `service="dynamodb", error={…}, times=2`.

        Needs `faults=True`. Raises `LocalAwsError` for a rule that microburst does not know.
        """
        self._control("PATCH", [rule])

    def clear_faults(self) -> None:
        self._control("POST", [])
        self._fault_proxy("DELETE")

    def kill_after(self, call: int, books: bool = False) -> None:
        """Kill the environment whose n-th AWS call from now on, with a durable execution's `books`, was done."""
        self._fault_proxy("PUT", {"kind": "kill", "call": call, "books": books})

    def serve_extension(self, ports: list[int]) -> None:
        """Answer, at these ports of loopback, functions that have the extension for parameters and secrets."""
        self._fault_proxy("PATCH", {"ports": ports})

    def hold(self, call: int) -> None:
        """Let the n-th AWS call from now on wait until `clear_faults`, then kill its environment before it is done."""
        self._fault_proxy("PUT", {"kind": "hold", "call": call})

    def say(self, text: str) -> None:
        """Let every model say this from now on, or plain words; where IAM is enforced, they say plain words only."""
        if text != self._said and self._faults:
            self._said = text
            self._fault_proxy("POST", {"text": text})

    def refuse_partly(self, for_good: bool = False) -> None:
        """Leave one entry out of every batch that functions send, under HTTP 200; `for_good` by a final code."""
        self._fault_proxy("PUT", {"kind": "partial", "for_good": for_good})

    def meet(self, patience: float, alone: float = 0.3) -> None:
        """Let each AWS call wait up to `patience` seconds for another of its operation; then `alone` more for each."""
        self._fault_proxy("PUT", {"kind": "meet", "patience": patience, "alone": alone})

    def refuse_transactions(self) -> None:
        """Cancel the functions' transactions in DynamoDB, as if others were at work on the same items."""
        self._fault_proxy("PUT", {"kind": "conflict"})

    def read_in_pages(self) -> None:
        """Let functions read one item at a time where a Query, a Scan or a list of objects names no size of its own."""
        self._fault_proxy("PUT", {"kind": "pages"})

    def read_too_early(self, known: list[dict[str, Any]]) -> None:
        """Let functions' reads of DynamoDB see only the items `known`, unless they ask for a consistent answer."""
        self._fault_proxy("PUT", {"kind": "early", "known": known})

    def met(self) -> int:
        """How often such a fault was met, or two calls met: for reads, the further pages, or the items not yet seen."""
        return int(self._fault_proxy("GET")["met"])

    def lookups(self) -> list[dict[str, Any]]:
        """What functions looked for in DynamoDB since the last `reset`: each `operation` with its `request`."""
        return list(self._fault_proxy("GET")["lookups"])

    def missing(self) -> list[tuple[str, str]]:
        """Objects, parameters and secrets that functions asked for in vain since the last `reset`: kinds and names."""
        return [(str(kind), str(name)) for kind, name in self._fault_proxy("GET")["missing"]]

    def at_work(self) -> int:
        """How many invocations and executions are not done, but for those that wait."""
        with urllib.request.urlopen(f"{self.endpoint}/_ministack/at-work", timeout=10, context=self.tls) as answer:
            return int(json.load(answer)["number"])

    def senders(self) -> list[str]:
        """The addresses as which functions sent mails since the last `reset`, or would have."""
        return list(self._fault_proxy("GET")["senders"])

    def made_up(self) -> list[str]:
        """The calls since the last `reset` whose service is not here, so that its answer was made up of its model."""
        return list(self._fault_proxy("GET")["made_up"])

    def sent(self) -> list[dict[str, Any]]:
        """What such services were asked to do: service, operation, request, and the key by which a repeat is known."""
        return list(self._fault_proxy("GET")["sent"]) if self._faults else []

    def _fault_proxy(self, method: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._proxy}/_trials/fault", data, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def faulted(self) -> list[dict[str, Any]]:
        """The functions' AWS calls that a rule of `fault` met, oldest first, with `service` and `operation`.

        Without those by which the SDK of durable executions keeps its books.
        """
        with urllib.request.urlopen(f"{self._proxy}/_microburst/fired?limit=10000", timeout=5) as answer:
            return [call for call in json.load(answer) if call["operation"] not in BOOKKEEPING]

    def reset(self) -> None:
        """Forget every stack, all data, every fault and the functions' files."""
        self._post("/_ministack/reset")
        for folder in ("begun", "mounts"):
            shutil.rmtree(self._home / folder, ignore_errors=True)
        if self.scratch:
            self.scratch.renew()
        self.client("s3").create_bucket(Bucket=BUCKET)
        self.left_out.clear()
        self._decisions.write_text("")
        put_back(self.clock)
        if self._faults:
            self.clear_faults()
            self._control("DELETE", path="fired")

    def _post(self, path: str) -> None:
        request = urllib.request.Request(self.endpoint + path, b"", method="POST")
        urllib.request.urlopen(request, timeout=30, context=self.tls).close()

    def _control(self, method: str, body: Any = None, path: str = "rules") -> bool:
        data = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._proxy}/_microburst/{path}", data, headers, method=method)
        try:
            urllib.request.urlopen(request, timeout=5).close()
        except urllib.error.HTTPError as error:
            raise LocalAwsError(f"microburst refused {body}: {error.read().decode()}") from error
        except OSError:
            return False
        return True


if sys.platform == "win32":
    raise LocalAwsError("the local AWS runs on Linux and macOS; on Windows use WSL")
