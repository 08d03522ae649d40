"""A local Functions host: runs `function_app.py` as the Azure Functions host does, without Azure Functions Core Tools.

    python -m infra.local.functions_host --root DIR --port 7071

Microsoft's worker library (`azure-functions-runtime`, imported only in `worker.py`) indexes and invokes the functions.
The host therefore rejects at load what Azure rejects, and decodes and encodes bindings as Azure does.

What it imitates (as recorded from the Functions host's own listeners, and from its sources):

- Queue triggers: batches, thresholds, back-off, the renewed 10-minute lock, release, poison queues, both encodings, and
  trigger metadata, including that a JSON message's own top-level `id` or `dequeueCount` hides the real one. A poison
  queue has no limit of deliveries.
- A stop cuts off a poll under way: messages that the service has given out stay locked for 10 minutes, with one
  delivery counted.
- Trouble with the storage: six tries within 20 to 30 s. A poll that fails with a 5xx or without an answer is repeated.
  A 403, a refused connection, and a message or lease that cannot be settled or renewed end the host: running functions
  finish, and the message comes again when its lock ends. The process then starts again, without memory.
- Queue outputs: sent after the function returned, missing queues created, text that looks like JSON re-serialised. They
  wake no listener.
- Timers: NCRONTAB in UTC, status and lease as blobs in `azure-webjobs-hosts`, one past-due run, no parallel runs. After
  a host was killed, its timers resume elsewhere within two minutes: leases of 60 s, tried every 60 s.
- HTTP: the route prefix, constraints, keys; routes are tried in the order of the functions' names, the first wins;
  a wrong method is a 404, a failed function a 500 without a body, a chunked request body is not passed on.
- With `--process-per-group`: a worker process for each queue- and timer-triggered function, and one for all HTTP
  functions, started at the first invocation. The host polls, renews locks and serves HTTP in its own process.
- With `--http-only`: an instance for HTTP functions, which listens to no queue or timer and so outlives trouble with
  the storage. On the Flex Consumption plan, each scale group has its own host; here one host ends for all of them.
- `POST /admin/functions/{name}`, `GET /admin/host/status`, `functionTimeout`, draining on SIGTERM.

Settings for tests: `FUNCTIONS_HOST_WAITS` is a factor for the waits of the storage client, the locks of messages and
the times of leases, which are at least 15 s long. With `FUNCTIONS_HOST_REDELIVER=1`, each message is delivered twice.
`FUNCTIONS_HOST_WORKER` names another module for worker processes.

What it does not imitate:

- the request for a queue's metadata at the start, after a failed poll and while the queue is missing (it is polled);
- the immediate second try after a broken connection, and a stop that waits without limit (here `--drain-seconds`);
- the token that a stop cancels in running functions: Python functions do not receive it;
- the start of a listener whose lease or status cannot be read: both hosts try again, here after 60 s;
- scale-out, the time in which Azure starts an instance, instance memory, dynamic concurrency;
- `host.json` logging and telemetry settings;
- extension bundles, and triggers or bindings other than HTTP, timer and queue (others are rejected at load);
- retry policies, deferred (SDK-type) bindings, HTTP streaming, expressions like `{queueTrigger}` in queue names;
- stored keys: one key, `FUNCTIONS_HOST_KEY`, is the key of every function, the host key and the master key;
- Easy Auth, CORS, the home page, `WEBSITE_TIME_ZONE`, disabled functions;
- the end of the worker process at `functionTimeout`: here the invocation is cancelled (a synchronous one continues);
- .NET's parsing of date-like strings while it re-serialises a JSON output.
"""
