"use client";

/** Only when the frame of all pages breaks: no styles, no components, nothing else that could break. */
export default function GlobalError({ error, retry }: { error: Error & { digest?: string }; retry: () => void }) {
  return (
    <html lang="en">
      <body>
        <h1>Flotilla could not be loaded</h1>
        <p>Something broke on our side. {error.digest !== undefined && `Error id ${error.digest}.`}</p>
        <button type="button" onClick={retry}>Try again</button>
      </body>
    </html>
  );
}
