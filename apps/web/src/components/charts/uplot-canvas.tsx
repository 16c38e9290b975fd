"use client";
import { useEffect, useEffectEvent, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useThemeVersion } from "./css-color.ts";

export type UplotOptions = Omit<uPlot.Options, "width" | "height">;

/**
 * uPlot in React: one instance per `options` identity (keep it stable with useMemo), new data by setData, new size by ResizeObserver,
 * repainted when the theme changes. `onReady` gets the instance, and null when it is gone.
 */
export function UplotCanvas({ options, data, height, onReady }: { options: UplotOptions; data: uPlot.AlignedData; height: number; onReady?: (plot: uPlot | null) => void }) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const themeVersion = useThemeVersion();
  const ready = useEffectEvent((instance: uPlot | null) => onReady?.(instance));
  const firstData = useEffectEvent(() => data);

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const instance = new uPlot({ ...options, width: Math.max(1, element.clientWidth), height }, firstData(), element);
    plot.current = instance;
    ready(instance);
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width > 0 && width !== instance.width) instance.setSize({ width, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current = null;
      ready(null);
      instance.destroy();
    };
  }, [options, height]);

  useEffect(() => {
    if (plot.current !== null && plot.current.data !== data) plot.current.setData(data);
  }, [data]);

  useEffect(() => {
    plot.current?.redraw(false, true);
  }, [themeVersion]);

  return <div ref={host} style={{ height }} aria-hidden="true" />;
}
