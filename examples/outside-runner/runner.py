"""A runner for Flotilla in plain Python: `FLOTILLA_URL=https://… FLOTILLA_KEY=flk_… python3 runner.py my_trainer.py`, where my_trainer.py defines
    def train(task, told):  # task["dataset"]["files"] by their url, task["training"]["parameters"], task["training"]["recipe"]
        ...  # told.point("train loss", step, value) and told.log(text) as you go; end soon after told.should_end.is_set()
        return {"model": the bytes of an ONNX file, "epochs": 12, "preprocessing": {"kind": "values"}}  # or any field of a finished model
docs/training.md tells the contract. Python's standard library is enough."""
import hashlib, http.client, json, os, platform, runpy, sys, threading, time, urllib.error, urllib.parse, urllib.request
URL, KEY = os.environ.get("FLOTILLA_URL", "http://127.0.0.1:3000"), os.environ["FLOTILLA_KEY"]

def ask(path, body, method="POST", **headers):
    while True:  # the platform may be away for a while: hours of training are not lost to its restart
        try:
            request = urllib.request.Request(urllib.parse.urljoin(URL, path), body, {"content-type": "application/octet-stream", **headers}, method=method)
            with urllib.request.urlopen(request, timeout=300) as answer: return json.loads(answer.read() or "{}")
        except urllib.error.HTTPError as error:
            if error.code not in (429, 502, 503, 504): raise RuntimeError(f"{path}: {error.read().decode(errors='replace')}") from None
        except (OSError, http.client.HTTPException) as error: print(f"{path}: {error}; asking again", flush=True)
        time.sleep(5)

def call(path, **body):
    return ask(f"/api/v1/runner/{path}", json.dumps(body).encode(), **{"content-type": "application/json", "authorization": f"Bearer {KEY}"})

class Told:
    """What a training says of itself, and what it hears: every two seconds, well within its lease."""
    def __init__(self, task):
        self.job, self.lease, self.points, self.lines = f"jobs/{task['jobId']}", task["leaseToken"], [], []
        self.should_end, self.is_over, self.beating = threading.Event(), threading.Event(), threading.Thread(target=self.beat, daemon=True)
        self.beating.start()
    def point(self, name, step, value): self.points.append({"name": name, "step": step, "value": value})
    def log(self, text): self.lines.append({"text": text[:4000]})
    def beat(self):
        while not self.is_over.wait(2):
            points, lines = self.points[:1000], self.lines[:500]
            try:
                if points: call(f"{self.job}/metrics", leaseToken=self.lease, points=points)
                if lines: call(f"{self.job}/logs", leaseToken=self.lease, lines=lines)
                answer = call(f"{self.job}/heartbeat", leaseToken=self.lease)
                if answer["stopRequested"] or answer["state"] != "running": self.should_end.set()
            except Exception as refusal:  # more points than there is room for, or somebody else has the training now
                print(refusal, flush=True)
                if "lease_lost" in str(refusal): self.should_end.set()
            del self.points[:len(points)], self.lines[:len(lines)]

def work(task, told, train):
    try:
        model = (trained := train(task, told)).pop("model")
        upload = call(f"{told.job}/uploads", leaseToken=told.lease, filename="model.onnx", sizeBytes=len(model), sha256=hashlib.sha256(model).hexdigest())
        if upload["partUrl"] is not None:  # otherwise these bytes are there already
            for n in range(upload["partCount"]): ask(f"{upload['partUrl']}/{n + 1}", model[n * upload["partSizeBytes"]:(n + 1) * upload["partSizeBytes"]], "PUT")
            call(f"{told.job}/uploads/{upload['uploadId']}/complete", leaseToken=told.lease)
        end = {"model": {"uploadId": upload["uploadId"], "stoppedBy": "person" if told.should_end.is_set() else "epochs", "toolVersions": {"python": platform.python_version()}, **trained}}
    except Exception as error: end = {"failure": repr(error)[:2000]}
    while told.points or told.lines: time.sleep(0.1)  # the next beat takes them
    told.is_over.set(); told.beating.join()
    call(f"{told.job}/finish", leaseToken=told.lease, **end)

train = runpy.run_path(sys.argv[1])["train"]
while True:
    task = call("claim", runner=f"{platform.node()} {os.getpid()}")["task"]
    try: work(task, Told(task), train) if task else time.sleep(5)
    except RuntimeError as refusal: print(refusal, flush=True)  # cancelled, or somebody else's by now
