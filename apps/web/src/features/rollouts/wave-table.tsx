"use client";
import { Plus, Trash2 } from "lucide-react";
import type { RolloutPreview } from "@flotilla/fleet";
import { Button, IconButton } from "../../components/ui/button.tsx";
import { Input } from "../../components/ui/field.tsx";
import { formatDuration, formatNoun } from "../../lib/format.ts";
import { presetOf, wavePresets, waveProblems, withWaveAdded, withWaveRemoved, type PlannedWave, type PresetKey } from "./wave-plan.ts";

/** The waves as a table one types into; presets fill it. `preview` adds how many devices each wave reaches. */
export function WaveTable({ waves, onChange, preview }: { waves: readonly PlannedWave[]; onChange: (waves: PlannedWave[]) => void; preview: RolloutPreview | null }) {
  const problems = waveProblems(waves);
  const preset = presetOf(waves);
  const set = (row: number, change: Partial<PlannedWave>) => onChange(waves.map((wave, i) => (i === row ? { ...wave, ...change } : wave)));
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-3">
      <fieldset className="flex flex-wrap gap-2">
        <legend className="sr-only">Preset</legend>
        {(Object.keys(wavePresets) as PresetKey[]).map((key) => (
          <label key={key} className="flex min-h-10 cursor-pointer items-center gap-2 rounded-md border border-line-strong px-3 text-ui has-checked:border-accent has-checked:bg-accent-soft has-focus-visible:outline-2">
            <input type="radio" name="preset" className="accent-accent" checked={preset === key} onChange={() => onChange([...wavePresets[key].waves])} />
            {wavePresets[key].label}
          </label>
        ))}
        {preset === null && <span className="self-center text-ui text-muted">your own plan</span>}
      </fieldset>
      <p className="text-ui text-muted">{preset === null ? "Shares add up: each wave keeps the devices of the one before." : wavePresets[preset].why}</p>
      <div className="relative overflow-x-auto">
        <table className="w-full max-w-2xl border-collapse text-ui">
          <thead>
            <tr className="text-left text-xs text-muted">
              <th scope="col" className="py-1 pr-3 font-medium">Wave</th><th scope="col" className="py-1 pr-3 font-medium">Reaches</th><th scope="col" className="py-1 pr-3 font-medium">Then soaks</th>
              <th scope="col" className="py-1 pr-3 font-medium">Halts above</th><th scope="col" className="py-1 pr-3 font-medium">Devices</th><th scope="col"><span className="sr-only">Remove</span></th>
            </tr>
          </thead>
          <tbody>
            {waves.map((wave, row) => {
              const wrong = problems.filter((problem) => problem.row === row);
              return (
                // Rows have no identity but their place.
                <tr key={row} className="border-t border-line align-top">
                  <th scope="row" className="py-2.5 pr-3 text-left font-medium">{row + 1}</th>
                  <td className="py-1 pr-3 whitespace-nowrap"><NumberCell label={`Share of wave ${row + 1} in percent`} value={wave.percent} onValue={(percent) => set(row, { percent })} invalid={wrong.length > 0} /> %</td>
                  <td className="py-1 pr-3 whitespace-nowrap"><NumberCell label={`Soak time of wave ${row + 1} in seconds`} value={wave.soakSeconds} onValue={(soakSeconds) => set(row, { soakSeconds })} invalid={false} /> s{wave.soakSeconds >= 60 && <span className="ml-1 text-xs text-muted">{formatDuration(wave.soakSeconds * 1000)}</span>}</td>
                  <td className="py-1 pr-3 whitespace-nowrap"><NumberCell label={`Highest share of failures of wave ${row + 1} in percent`} value={wave.maxFailurePercent} onValue={(maxFailurePercent) => set(row, { maxFailurePercent })} invalid={false} /> % failures</td>
                  <td className="py-2.5 pr-3 whitespace-nowrap text-muted tabular-nums">{preview === null ? "…" : formatNoun(preview.waves[row]?.devices ?? 0, "device")}</td>
                  <td className="py-1">
                    <IconButton disabled={waves.length === 1} label={`Remove wave ${row + 1}`} onClick={() => onChange(withWaveRemoved(waves, row))}><Trash2 size={14} aria-hidden /></IconButton>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {problems.length > 0 && <ul role="alert" className="text-ui text-bad">{problems.map((problem) => <li key={`${problem.row}${problem.problem}`}>Wave {problem.row + 1}: {problem.problem}</li>)}</ul>}
      <div>
        <Button size="sm" disabled={waves.length >= 20} onClick={() => onChange(withWaveAdded(waves))}><Plus size={14} aria-hidden />Add a wave</Button>
      </div>
    </div>
  );
}

function NumberCell({ label, value, onValue, invalid }: { label: string; value: number; onValue: (value: number) => void; invalid: boolean }) {
  return <Input type="number" inputMode="decimal" min={0} step="any" aria-label={label} aria-invalid={invalid || undefined} className="w-20 text-right tabular" value={Number.isNaN(value) ? "" : value} onChange={(event) => onValue(event.target.value === "" ? Number.NaN : Number(event.target.value))} />;
}
