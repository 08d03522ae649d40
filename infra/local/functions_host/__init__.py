"""A local Functions host: runs `function_app.py` as the Azure Functions host does, without Azure Functions Core Tools.

    python -m infra.local.functions_host --root DIR --port 7071

Microsoft's worker library (`azure-functions-runtime`, imported only in `worker.py`) indexes and invokes the functions.
The host therefore rejects at load what Azure rejects, and decodes and encodes bindings as Azure does.

What it imitates (from the sources of the Functions host, the WebJobs SDK and its Storage extension):

- Queue triggers: batches, thresholds, back-off, the renewed 10-minute lock, release, poison queues, both encodings, and
  trigger metadata, including that a JSON message's own top-level `id` or `dequeueCount` hides the real one. A poison
  queue has no limit of deliveries. A stop cuts off a poll under way, so its messages can stay locked for 10 minutes.
- Queue outputs: sent after the function returned, missing queues created, text that looks like JSON re-serialised. They
  wake no listener.
- Timers: NCRONTAB in UTC, status and lease as blobs in `azure-webjobs-hosts`, one past-due run, no parallel runs. After
  a host was killed, its timers resume elsewhere within two minutes: leases of 60 s, tried every 60 s.
- HTTP: the route prefix, constraints, keys; routes are tried in the order of the functions' names, the first wins;
  a wrong method is a 404, a failed function a 500 without a body, a chunked request body is not passed on.
- With `--process-per-group`: a worker process for each queue- and timer-triggered function, and one for all HTTP
  functions, started at the first invocation. The host polls, renews locks and serves HTTP in its own process.
- `POST /admin/functions/{name}`, `GET /admin/host/status`, `functionTimeout`, draining on SIGTERM.

What it does not imitate:

- the end of the host when its storage is unavailable or a listener cannot start: here both are retried;
- scale-out, the time in which Azure starts an instance, instance memory, dynamic concurrency;
- `host.json` logging and telemetry settings;
- extension bundles, and triggers or bindings other than HTTP, timer and queue (others are rejected at load);
- retry policies, deferred (SDK-type) bindings, HTTP streaming, expressions like `{queueTrigger}` in queue names;
- stored keys: one key, `FUNCTIONS_HOST_KEY`, is the key of every function, the host key and the master key;
- Easy Auth, CORS, the home page, `WEBSITE_TIME_ZONE`, disabled functions;
- the end of the worker process at `functionTimeout`: here the invocation is cancelled (a synchronous one continues);
- .NET's parsing of date-like strings while it re-serialises a JSON output.
"""
