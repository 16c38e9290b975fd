import Link from "next/link";
import type { Route } from "next";
import { CircleCheck } from "lucide-react";
import type { OverviewView } from "./types.ts";

/** Three steps from nothing to a model on a device; each links and ticks itself. */
export function Checklist({ steps }: { steps: OverviewView["checklist"] }) {
  const list = [
    { done: steps.enrolled, title: "Enrol a device", text: "Make a token and run one command on the machine. Any box with Node will do.", href: "/settings/enrollment", action: "Make a token" },
    { done: steps.uploaded, title: "Upload a model", text: "Drop an ONNX file. It is checked and measured before anything may run it.", href: "/models/new", action: "Upload" },
    { done: steps.rolledOut, title: "Roll it out", text: "Make a build of the model and take it to your devices in waves.", href: steps.uploaded ? "/builds/new" : "/rollouts", action: steps.uploaded ? "Make a build" : "See how" },
  ];
  const next = list.findIndex((step) => !step.done);
  return (
    <section aria-label="First steps" className="grid gap-2">
      <h2 className="text-ui font-semibold">Three steps to a model on a device</h2>
      <ol className="grid gap-3 sm:grid-cols-3">
        {list.map((step, i) => (
          <li key={step.title} className={`grid content-between gap-3 rounded-lg border bg-surface p-4 ${i === next ? "border-accent" : "border-line"}`}>
            <div>
              <p className="flex items-center gap-2 text-ui font-medium">
                {step.done ? <CircleCheck size={16} className="text-ok" aria-hidden /> : <span aria-hidden="true" className="grid size-4 place-items-center rounded-full border border-line-strong text-[10px] tabular-nums">{i + 1}</span>}
                {step.title}<span className="sr-only">{step.done ? ", done" : ", not done"}</span>
              </p>
              <p className="mt-1 text-ui text-pretty text-muted">{step.text}</p>
            </div>
            {!step.done && <Link href={step.href as Route} className={`inline-flex h-8 items-center justify-self-start rounded-md px-3 text-ui font-medium max-sm:h-11 ${i === next ? "bg-accent text-accent-ink" : "border border-line-strong"}`}>{step.action}</Link>}
          </li>
        ))}
      </ol>
    </section>
  );
}
