/** SVG path of values on a scale from 0; a lone value between gaps becomes a dot (a line of no length with round caps). */
export function sparkPath(values: readonly (number | null)[], box: { width: number; height: number; top: number }): string {
  const step = box.width / Math.max(1, values.length - 1);
  let open = false;
  let path = "";
  values.forEach((value, i) => {
    if (value === null) {
      open = false;
      return;
    }
    const point = `${(i * step).toFixed(1)} ${(box.height - 2 - (value / box.top) * (box.height - 4)).toFixed(1)}`;
    path += open ? `L${point}` : `M${point}h0`;
    open = true;
  });
  return path;
}
