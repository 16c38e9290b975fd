import { cva, type VariantProps } from "class-variance-authority";
import Link from "next/link";
import type { ComponentProps } from "react";
import { cn } from "../../lib/class-names.ts";

const look = cva(
  "inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap select-none transition-colors disabled:cursor-not-allowed disabled:opacity-50 aria-disabled:cursor-not-allowed aria-disabled:opacity-50 [&_svg]:shrink-0",
  {
    variants: {
      kind: {
        primary: "border-transparent bg-accent text-accent-ink shadow-lift hover:not-disabled:bg-accent-hover",
        secondary: "border-line-strong bg-raised text-ink shadow-lift hover:not-disabled:bg-hover",
        quiet: "border-transparent text-muted hover:not-disabled:bg-hover hover:not-disabled:text-ink",
        danger: "border-bad/50 bg-raised text-bad shadow-lift hover:not-disabled:bg-bad-soft",
      },
      size: {
        sm: "h-7 px-2 text-xs max-sm:h-9 max-sm:px-3",
        md: "h-8 px-3 text-ui max-sm:h-10",
        lg: "h-9 px-4 text-sm max-sm:h-11",
        icon: "size-8 max-sm:size-10",
        "icon-sm": "size-7 max-sm:size-9",
      },
    },
    defaultVariants: { kind: "secondary", size: "md" },
  },
);

type Look = VariantProps<typeof look>;

/** Classes of a button, for elements that are none (a link, a menu's trigger). */
export function buttonClass(options: Look & { className?: string | undefined } = {}): string {
  return cn(look({ kind: options.kind, size: options.size }), options.className);
}

/** `busy` keeps the label and says that something is under way; the button cannot be pressed meanwhile. */
export function Button({ kind, size, busy = false, className, disabled, children, ...rest }: ComponentProps<"button"> & Look & { busy?: boolean }) {
  return (
    <button type="button" className={buttonClass({ kind, size, className })} disabled={disabled === true || busy} aria-busy={busy || undefined} {...rest}>
      {busy && <Spinner />}
      {children}
    </button>
  );
}

/** A link that looks like a button. */
export function LinkButton({ kind, size, className, ...rest }: ComponentProps<typeof Link> & Look) {
  return <Link className={buttonClass({ kind, size, className })} {...rest} />;
}

/** A button with a picture only: `label` is its name and its tooltip. */
export function IconButton({ label, kind = "quiet", size = "icon", ...rest }: Omit<ComponentProps<typeof Button>, "aria-label" | "title"> & { label: string }) {
  return <Button kind={kind} size={size} aria-label={label} title={label} {...rest} />;
}

export function Spinner({ className }: { className?: string }) {
  return <span aria-hidden className={cn("inline-block size-3.5 animate-spin rounded-full border-2 border-current border-r-transparent", className)} />;
}
