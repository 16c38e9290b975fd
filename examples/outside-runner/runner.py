"""A runner for Flotilla in plain Python: put your training where it says so. FLOTILLA_URL and FLOTILLA_KEY (area "runner") in the environment."""
import hashlib, json, os, platform, threading, time, urllib.error, urllib.request

URL, KEY = os.environ.get("FLOTILLA_URL", "http://127.0.0.1:3000"), os.environ["FLOTILLA_KEY"]


def call(path, **body):
    request = urllib.request.Request(f"{URL}/api/v1/runner/{path}", json.dumps(body).encode(), {"content-type": "application/json", "authorization": f"Bearer {KEY}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code != 429: raise
        time.sleep(int(error.headers.get("retry-after", "1")))  # too much at once: the same call is taken a little later
        return call(path, **body)


def train(task, point, should_end):
    """Yours: files of task["dataset"] by their url, parameters, recipe; returns the bytes of an ONNX file and how many epochs it took."""
    for file in task["dataset"]["files"]:
        urllib.request.urlretrieve(file["url"], file["name"])
    raise NotImplementedError("call point('train loss', step, value) as you go, look at should_end() after each step, export with torch.onnx.export")


def send(job, lease, model):
    upload = call(f"{job}/uploads", leaseToken=lease, filename="model.onnx", sizeBytes=len(model), sha256=hashlib.sha256(model).hexdigest())
    if upload["partUrl"] is None:  # these bytes are there already
        return upload["uploadId"]
    size = upload["partSizeBytes"]
    for n in range(upload["partCount"]):
        urllib.request.urlopen(urllib.request.Request(f"{upload['partUrl']}/{n + 1}", model[n * size:(n + 1) * size], method="PUT"), timeout=300).close()
    call(f"{job}/uploads/{upload['uploadId']}/complete", leaseToken=lease)
    return upload["uploadId"]


def work(task):
    job, lease, points, over, stop = f"jobs/{task['jobId']}", task["leaseToken"], [], threading.Event(), threading.Event()
    done, lock = threading.Event(), threading.Lock()

    def tell():
        with lock:  # the heartbeat and the end of the training both send points
            some = points[:1000]
            answer = call(f"{job}/metrics", leaseToken=lease, points=some)
            del points[:len(some)]
        if answer["stopRequested"]: stop.set()
        if answer["state"] != "running": over.set()

    def beat():
        while not done.wait(task["leaseMs"] / 6000):
            try:
                tell()
            except urllib.error.HTTPError as error:
                if error.code == 409: over.set()  # lease_lost: somebody else has it
            except OSError:
                pass  # may pass; the lease lasts for some more beats

    threading.Thread(target=beat, daemon=True).start()
    try:
        model, epochs = train(task, lambda name, step, value: points.append({"name": name, "step": step, "value": value}), lambda: stop.is_set() or over.is_set())
        while points and not over.is_set(): tell()
        if not over.is_set():
            model = {"uploadId": send(job, lease, model), "epochs": epochs, "stoppedBy": "person" if stop.is_set() else "epochs", "toolVersions": {"python": platform.python_version()}}
            call(f"{job}/finish", leaseToken=lease, model=model)
    except Exception as error:
        if not over.is_set(): call(f"{job}/finish", leaseToken=lease, failure=(str(error) or repr(error))[:2000])
    finally:
        done.set()


while True:
    task = call("claim", runner=platform.node())["task"]
    work(task) if task else time.sleep(5)
