/** The name with its sign: three boats in formation. */
export function Wordmark({ size = 18 }: { size?: number }) {
  return (
    <span className="inline-flex items-center gap-2 text-sm font-semibold tracking-tight">
      <svg viewBox="0 0 20 20" width={size} height={size} aria-hidden className="text-accent-text">
        <path d="M10 1.5 14.5 10h-9z" fill="currentColor" />
        <path d="M4.5 10 8 17H1z" fill="currentColor" opacity="0.65" />
        <path d="M15.5 10 19 17h-7z" fill="currentColor" opacity="0.4" />
      </svg>
      Flotilla
    </span>
  );
}
