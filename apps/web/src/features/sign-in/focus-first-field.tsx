"use client";
import { useEffect, useRef } from "react";

/** In a form that is the whole page: puts the focus into its first field when the page opens. */
export function FocusFirstField() {
  const place = useRef<HTMLSpanElement>(null);
  useEffect(() => place.current?.closest("form")?.querySelector("input")?.focus(), []);
  return <span ref={place} hidden />;
}
