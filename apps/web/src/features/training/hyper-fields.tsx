"use client";
import { Checkbox, Field, Select } from "../../components/ui/field.tsx";
import { NumberField, type Change } from "./number-field.tsx";
import type { TrainingDraft } from "./training-draft.ts";

type Props = { draft: TrainingDraft; onChange: Change };

/** What everybody decides: how long, how fast, how many at once. */
export function MainFields({ draft, onChange }: Props) {
  return (
    <div className="grid grid-cols-2 items-start gap-3 lg:grid-cols-4">
      <Field label="It ends after"><Select value={draft.budget} onChange={(event) => onChange({ budget: event.target.value as TrainingDraft["budget"] })}><option value="epochs">a number of epochs</option><option value="minutes">a time</option></Select></Field>
      {draft.budget === "epochs"
        ? <NumberField draft={draft} field="epochs" label="Epochs" hint="one goes over all examples" onChange={onChange} />
        : <NumberField draft={draft} field="minutes" label="Minutes" hint="of training, waiting not counted" onChange={onChange} />}
      <NumberField draft={draft} field="learningRate" label="Learning rate" hint="how far each step goes" onChange={onChange} />
      <NumberField draft={draft} field="batchSize" label="Batch size" hint="examples per step" onChange={onChange} />
    </div>
  );
}

/** The rest, folded away: the defaults are good. */
export function AdvancedFields({ draft, isOfClasses, onChange }: Props & { isOfClasses: boolean }) {
  return (
    <details className="rounded-lg border bg-surface shadow-lift">
      <summary className="px-4 py-2.5 text-ui font-semibold max-sm:py-3">Advanced <span className="ml-2 text-xs font-normal text-muted">{OPTIMIZERS[draft.optimizer]}, {SCHEDULES[draft.schedule]}, seed {draft.seed}</span></summary>
      <div className="grid gap-4 border-t p-4">
        <div className="grid grid-cols-2 items-start gap-3 lg:grid-cols-3">
          <Field label="Optimizer"><Select value={draft.optimizer} onChange={(event) => onChange({ optimizer: event.target.value as TrainingDraft["optimizer"] })}>{Object.entries(OPTIMIZERS).map(([value, label]) => <option key={value} value={value}>{label}</option>)}</Select></Field>
          <Field label="Loss"><Select value={draft.loss} onChange={(event) => onChange({ loss: event.target.value as TrainingDraft["loss"] })}>{losses(draft, isOfClasses).map(([value, label]) => <option key={value} value={value}>{label}</option>)}</Select></Field>
          <Field label="Learning rate over time"><Select value={draft.schedule} onChange={(event) => onChange({ schedule: event.target.value as TrainingDraft["schedule"] })}>{Object.entries(SCHEDULES).map(([value, label]) => <option key={value} value={value}>{label}</option>)}</Select></Field>
          <NumberField draft={draft} field="warmupEpochs" label="Warm-up" hint="epochs until the full rate" onChange={onChange} />
          {draft.optimizer === "sgd" && <NumberField draft={draft} field="momentum" label="Momentum" onChange={onChange} />}
          <NumberField draft={draft} field="weightDecay" label="Weight decay" hint="not of biases and norms" onChange={onChange} />
          <NumberField draft={draft} field="clipNorm" label="Longest gradient" placeholder="no limit" hint="longer ones are shortened to it" onChange={onChange} />
          <NumberField draft={draft} field="accumulation" label="Batches per step" hint="more than one: a larger batch in the same memory" onChange={onChange} />
          {isOfClasses && <NumberField draft={draft} field="labelSmoothing" label="Label smoothing" hint="0.1 where labels are not all right" onChange={onChange} />}
          <NumberField draft={draft} field="emaDecay" label="Averaged weights" placeholder="off" hint="decay, for example 0.999" onChange={onChange} />
          <NumberField draft={draft} field="patience" label="Stop early after" placeholder="never" hint="epochs without a better validation loss" onChange={onChange} />
          <NumberField draft={draft} field="seed" label="Seed" hint="the same gives the same weights on one kind of machine" onChange={onChange} />
        </div>
        {isOfClasses && <Checkbox label="Rare classes count more" hint="Each class weighs the same in the loss, however many examples it has." checked={draft.balanced} onChange={(event) => onChange({ balanced: event.target.checked })} />}
      </div>
    </details>
  );
}

const OPTIMIZERS: Record<TrainingDraft["optimizer"], string> = { adam: "Adam", adamw: "AdamW", sgd: "SGD with momentum" };
const SCHEDULES: Record<TrainingDraft["schedule"], string> = { cosine: "falls along a cosine", constant: "constant", step: "falls in steps" };

/** What can be asked of the answers. Templates that answer classes end in shares that add up to 1: for them there is one loss. */
function losses({ start }: TrainingDraft, isOfClasses: boolean): [TrainingDraft["loss"], string][] {
  if (!isOfClasses) return [["fitting", "squared error"], ["mean_absolute_error", "absolute error"], ["huber", "Huber: squared near 0, absolute beyond"]];
  return start === "template" ? [["fitting", "cross-entropy"]] : [["fitting", "cross-entropy"], ["binary_cross_entropy", "binary cross-entropy, each class by itself"], ["triplet", "triplets: its answers are points, near for one class"]];
}
