"""Runs `function_app.py` the way the Azure Functions host does, on machines without Azure Functions Core Tools.

    python -m infra.local.functions_host --root DIR --port 7071

Microsoft's own worker library (`azure-functions-runtime`, only in `worker.py`) indexes and invokes the functions, so
what Azure rejects at load is rejected here, and bindings are decoded and encoded as there.

What it imitates (from the sources of the Functions host, the WebJobs SDK and its Storage extension):

- Queue triggers: batches, thresholds, back-off, the renewed 10-minute lock, release, poison queues, both encodings, and
  trigger metadata, including that a JSON message's own top-level `id` or `dequeueCount` hides the real one.
- Queue outputs: bound after the function returned, queues made when missing, text that looks like JSON re-serialised.
- Timers: NCRONTAB in UTC, status and lease as blobs in `azure-webjobs-hosts`, one past-due run, never two at once.
- HTTP: the route prefix, constraints, keys; routes are tried in the order of the functions' names, the first wins;
  a wrong method is a 404, a failed function a 500 without a body, a chunked request body is not passed on.
- `POST /admin/functions/{name}`, `GET /admin/host/status`, `functionTimeout`, draining on SIGTERM.

What it does not imitate:

- scale-out, cold starts, instance memory, dynamic concurrency, `host.json` logging and telemetry settings;
- extension bundles and every trigger or binding but HTTP, timer and queue (others are rejected at load);
- retry policies, deferred (SDK-type) bindings, HTTP streaming, expressions like `{queueTrigger}` in queue names;
- stored keys: one key, `FUNCTIONS_HOST_KEY`, is every function's, the host's and the master key;
- Easy Auth, CORS, the home page, `WEBSITE_TIME_ZONE`, disabled functions;
- the end of the worker process at `functionTimeout`: here the invocation is cancelled (a synchronous one runs on);
- .NET's reading of date-like strings while it re-serialises a JSON output.
"""
