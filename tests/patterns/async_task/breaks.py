"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import Break

BREAKS = (
    Break("async_task", "answered at once, with where to look",
          (("api.py", '"Location": f"/jobs/', '"Location": f"/reports/'),)),
    Break("async_task", "one job, made once",
          (("jobs.py", 'f"{len(customer)}:{customer}:{key}"', 'f"{len(customer)}:{customer}:{key}:{time.time()}"'),)),
    Break("async_task", "the whole report, for a while",
          (("worker.py", '"\\n".join(lines)', '"\\n".join(lines[:-1])'),)),
    Break("async_task", "nobody sees another's",
          (("jobs.py", 'return job if job and job["customer"] == customer else None', "return job or None"),)),
    Break("async_task", "the next attempt makes it",
          (("worker.py", "advance(job_id, worker, lease=-1)",
            'advance(job_id, worker, to="FAILED", reason="failed")'),)),
    Break("async_task", "it stops at its next step",
          (("worker.py", "            return None\n", "            pass\n"),)),
    Break("async_task", "it says so, and is not running for ever",
          (("jobs.py", 'return move(job_id, "FAILED", *free(), reason=reason)', "return False"),)),
)  # fmt: skip
