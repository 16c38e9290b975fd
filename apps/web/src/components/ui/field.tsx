"use client";
import { createContext, use, useId, type ComponentProps, type ReactNode } from "react";
import { cn } from "../../lib/class-names.ts";

type FieldIds = { control: string; describedBy: string | undefined; invalid: boolean };
const FieldContext = createContext<FieldIds | null>(null);

/** A labelled control with a hint below it, or what is wrong with it. One Input, Select or Textarea goes inside. */
export function Field({ label, hint, error, optional = false, className, children }: { label: ReactNode; hint?: ReactNode; error?: ReactNode; optional?: boolean; className?: string; children: ReactNode }) {
  const id = useId();
  const hasError = error !== undefined && error !== null && error !== "";
  const hasHint = hint !== undefined;
  const describedBy = [hasError && `${id}-error`, hasHint && `${id}-hint`].filter(Boolean).join(" ") || undefined;
  return (
    <FieldContext value={{ control: id, describedBy, invalid: hasError }}>
      <div className={cn("min-w-0", className)}>
        <label htmlFor={id} className="mb-1 block text-xs font-medium text-ink">
          {label}
          {optional && <span className="ml-1 font-normal text-muted">optional</span>}
        </label>
        {children}
        {hasError && <p id={`${id}-error`} role="alert" className="mt-1 text-xs text-bad">{error}</p>}
        {hasHint && <p id={`${id}-hint`} className="mt-1 text-xs text-pretty text-muted">{hint}</p>}
      </div>
    </FieldContext>
  );
}

export const controlClass =
  "w-full min-w-0 rounded-md border border-line-strong bg-raised px-2.5 text-ui text-ink shadow-lift outline-none transition-colors hover:not-disabled:border-muted/60 focus-visible:border-accent-text focus-visible:ring-3 focus-visible:ring-accent/20 disabled:cursor-not-allowed disabled:opacity-60 aria-invalid:border-bad max-sm:text-base";

function useFieldProps() {
  const field = use(FieldContext);
  return field === null ? {} : { id: field.control, "aria-describedby": field.describedBy, "aria-invalid": field.invalid || undefined };
}

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input {...useFieldProps()} className={cn(controlClass, "h-8 max-sm:h-10", className)} {...rest} />;
}

export function Textarea({ className, ...rest }: ComponentProps<"textarea">) {
  return <textarea {...useFieldProps()} className={cn(controlClass, "min-h-18 py-1.5", className)} {...rest} />;
}

/** The browser's own select: works on phones and with every keyboard. */
export function Select({ className, children, ...rest }: ComponentProps<"select">) {
  return (
    <span className={cn("relative block", className)}>
      <select {...useFieldProps()} className={cn(controlClass, "h-8 appearance-none pr-7 max-sm:h-10")} {...rest}>{children}</select>
      <svg aria-hidden viewBox="0 0 12 12" className="pointer-events-none absolute top-1/2 right-2 size-3 -translate-y-1/2 text-muted"><path d="M3 4.5 6 7.5 9 4.5" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" /></svg>
    </span>
  );
}

/** A box to tick, with its words; the words are part of what can be pressed. */
export function Checkbox({ label, hint, className, ...rest }: Omit<ComponentProps<"input">, "type"> & { label: ReactNode; hint?: ReactNode }) {
  return (
    <label className={cn("flex items-start gap-2 py-1 text-ui", className)}>
      <input type="checkbox" className="mt-0.5 size-4 accent-(--accent)" {...rest} />
      <span>{label}{hint !== undefined && <span className="block text-xs text-muted">{hint}</span>}</span>
    </label>
  );
}
