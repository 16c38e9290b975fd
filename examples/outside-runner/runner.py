"""A runner for Flotilla in plain Python: `FLOTILLA_URL=https://… FLOTILLA_KEY=flk_… python3 runner.py my_trainer.py`, where my_trainer.py defines

    def train(task, told):  # files of task["dataset"] by their url, task["training"]["parameters"], recipe
        for file in task["dataset"]["files"]:
            urllib.request.urlretrieve(file["url"], file["name"])
        ...  # told.point("train loss", step, value) and told.log(text) as you go; end soon after told.should_end()
        return {"model": the bytes of an ONNX file, "epochs": 12, "preprocessing": {"kind": "values"}}  # without preprocessing it is not evaluated

docs/training.md tells the contract; any other field of a finished model may be returned beside these."""
import hashlib, http.client, json, os, platform, runpy, sys, threading, time, urllib.error, urllib.parse, urllib.request

URL, KEY = os.environ.get("FLOTILLA_URL", "http://127.0.0.1:3000"), os.environ["FLOTILLA_KEY"]
BEAT_S = 2  # well within the lease, and often enough that curves move and a stop is felt
PASSING = (429, 502, 503, 504)  # it has too much to do, or it, or something on the way to it, is away


class Refusal(Exception):
    def __init__(self, path, problem):
        super().__init__(f"{path}: {problem.get('code')}: {problem.get('detail', '')}")
        self.code = problem.get("code")


def ask(path, body, method="POST", **headers):
    """Asks again while the platform is away: hours of training are not lost to its restart. Who asks too late is told lease_lost."""
    while True:
        wait = 5
        try:
            request = urllib.request.Request(urllib.parse.urljoin(URL, path), body, {"content-type": "application/octet-stream", **headers}, method=method)
            with urllib.request.urlopen(request, timeout=300) as answer:
                return json.loads(answer.read() or "{}")
        except urllib.error.HTTPError as error:
            if error.code not in PASSING:
                text = error.read()
                raise Refusal(path, json.loads(text) if text.startswith(b"{") else {"code": error.code}) from None
            wait = int(error.headers.get("retry-after", wait))
            print(f"{path}: {error.code}; asking again in {wait} s", flush=True)
        except (OSError, http.client.HTTPException) as error:
            print(f"{path}: {error}; asking again in {wait} s", flush=True)
        time.sleep(wait)


def call(path, **body):
    return ask(f"/api/v1/runner/{path}", json.dumps(body).encode(), **{"content-type": "application/json", "authorization": f"Bearer {KEY}"})


class Told:
    """What a training has to say of itself, and what it hears. Sent in the background; what did not arrive is sent again."""

    def __init__(self, task):
        self.job, self.lease, self.beat_s = f"jobs/{task['jobId']}", task["leaseToken"], min(BEAT_S, task["leaseMs"] / 6000)
        self.points, self.lines, self.lock = [], [], threading.Lock()
        self.over, self.stop, self.done = threading.Event(), threading.Event(), threading.Event()
        self.beating = threading.Thread(target=self.beat, daemon=True)
        self.beating.start()

    def point(self, name, step, value):
        self.points.append({"name": name, "step": step, "value": value})

    def log(self, text):
        self.lines.append({"text": text[:4000]})

    def should_end(self):
        return self.stop.is_set() or self.over.is_set()

    def tell(self):
        with self.lock:  # the heartbeat and the end of the training both send
            while self.points or self.lines:
                points, lines = self.points[:1000], self.lines[:500]
                try:
                    if points: call(f"{self.job}/metrics", leaseToken=self.lease, points=points)
                except Refusal as refusal:
                    if refusal.code != "too_many_points": raise
                    print(refusal, flush=True)  # a script may say more than there is room for: its model counts all the same
                del self.points[:len(points)]
                if lines: call(f"{self.job}/logs", leaseToken=self.lease, lines=lines)
                del self.lines[:len(lines)]
            answer = call(f"{self.job}/heartbeat", leaseToken=self.lease)
        if answer["stopRequested"]: self.stop.set()
        if answer["state"] != "running": self.over.set()

    def beat(self):
        while not self.done.wait(self.beat_s):
            self.attempt(self.tell)

    def attempt(self, say):
        try:
            say()
        except Refusal as refusal:
            print(refusal, flush=True)
            if refusal.code == "lease_lost": self.over.set()  # somebody else has it

    def end(self):
        """No more beats: one behind the end would be told that the lease is lost."""
        self.done.set()
        self.beating.join()


def send(told, model):
    upload = call(f"{told.job}/uploads", leaseToken=told.lease, filename="model.onnx", sizeBytes=len(model), sha256=hashlib.sha256(model).hexdigest())
    if upload["partUrl"] is None:  # these bytes are there already
        return upload["uploadId"]
    size = upload["partSizeBytes"]
    for n in range(upload["partCount"]):
        ask(f"{upload['partUrl']}/{n + 1}", model[n * size:(n + 1) * size], "PUT")
    call(f"{told.job}/uploads/{upload['uploadId']}/complete", leaseToken=told.lease)
    return upload["uploadId"]


def work(task, train):
    told = Told(task)
    try:
        trained = train(task, told)
        if not told.over.is_set(): told.tell()
        if not told.over.is_set():
            model = {"uploadId": send(told, trained.pop("model")), "stoppedBy": "person" if told.stop.is_set() else "epochs", "toolVersions": {"python": platform.python_version()}, **trained}
            told.end()
            call(f"{told.job}/finish", leaseToken=told.lease, model=model)
    except Exception as error:
        print(f"{task['jobId']}: {error!r}", flush=True)
        if not told.over.is_set(): told.attempt(told.tell)
        if not told.over.is_set(): told.attempt(lambda: call(f"{told.job}/finish", leaseToken=told.lease, failure=(str(error) or repr(error))[:2000]))
    finally:
        told.end()
    print(f"{task['jobId']} {'has ended for this runner' if told.over.is_set() else 'is done'}", flush=True)


if __name__ == "__main__":
    train = runpy.run_path(sys.argv[1])["train"]
    while True:
        task = call("claim", runner=f"{platform.node()} {os.getpid()}")["task"]
        work(task, train) if task else time.sleep(5)
