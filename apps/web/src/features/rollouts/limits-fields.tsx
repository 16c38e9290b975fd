"use client";
import { Field, Input } from "../../components/ui/field.tsx";
import { defaultVerifyMinutes, limitProblems, limitsInShort, type PlannedLimits } from "./rollout-limits.ts";

/** Limits that seldom need a hand, behind a line that says what holds now. */
export function LimitsFields({ limits, onChange }: { limits: PlannedLimits; onChange: (limits: PlannedLimits) => void }) {
  const problems = limitProblems(limits);
  return (
    <details className="max-w-2xl text-ui">
      <summary className="min-h-6 cursor-pointer">Advanced <span className="text-muted">({limitsInShort(limits)})</span></summary>
      <div className="grid gap-4 pt-3 sm:grid-cols-2">
        <Field
          label="Time to confirm, in minutes" optional error={problems.verifyMinutes}
          hint="From the switch to the new build on, a device has this long to say that it works. Later counts as a failure."
        >
          <LimitInput value={limits.verifyMinutes} placeholder={`${defaultVerifyMinutes} (default)`} onValue={(verifyMinutes) => onChange({ ...limits, verifyMinutes })} />
        </Field>
        <Field
          label="Devices at once, at most" optional error={problems.maxInFlight}
          hint="Counted from the offer until a device is done. With a limit, only devices that can be reached are offered the build."
        >
          <LimitInput value={limits.maxInFlight} placeholder="no limit (default)" onValue={(maxInFlight) => onChange({ ...limits, maxInFlight })} />
        </Field>
      </div>
    </details>
  );
}

function LimitInput({ value, placeholder, onValue }: { value: number | null; placeholder: string; onValue: (value: number | null) => void }) {
  return <Input type="number" inputMode="decimal" min={1} step="any" className="max-w-44 tabular" placeholder={placeholder} value={value ?? ""} onChange={(event) => onValue(event.target.value === "" ? null : Number(event.target.value))} />;
}
