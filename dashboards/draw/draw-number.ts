import { INK, NAMED_COLORS, curve, text, type Box } from "./svg.ts";
import { linearScale } from "./scale.ts";
import type { PanelData } from "./panel-data.ts";
import { formatValue } from "./units.ts";

interface NumberDefaults {
  unit: string;
  decimals?: number;
  color: { mode: string; fixedColor: string };
  thresholds: { steps: { value: number | null; color: string }[] };
}

/** Draws a panel of one number, and its line behind it. */
export function drawNumber({ panel, answers, range }: PanelData, box: Box): string {
  const defaults = panel.fieldConfig.defaults as unknown as NumberDefaults;
  const [answer] = answers;
  const points = answer?.series[0]?.points.filter(([, value]) => Number.isFinite(value)) ?? [];
  const value = answer?.samples[0]?.value ?? points.at(-1)?.[1];
  const color = colorOf(defaults, value);
  const scale = linearScale(points.map(([, point]) => point));
  const places = points.map(([at, point]): [number, number] => [
    box.x + ((at - range.from) / (range.to - range.from)) * box.w,
    box.y + box.h - 2 - scale.place(point) * box.h * 0.28,
  ]);
  const words = formatValue(value, defaults.unit, defaults.decimals);
  const size = words.length > 9 ? 24 : 30;
  const y = box.y + box.h * (points.length > 1 ? 0.5 : 0.62);
  const number = text(box.x + box.w / 2, y, words, { size, color, anchor: "middle", weight: "bold" });
  return number + (places.length > 1 ? curve([places], color) : "");
}

function colorOf({ color, thresholds }: NumberDefaults, value = 0): string {
  if (color.mode === "fixed") return NAMED_COLORS[color.fixedColor] ?? INK;
  const step = thresholds.steps.findLast((candidate) => candidate.value === null || value >= candidate.value);
  return NAMED_COLORS[step?.color ?? ""] ?? INK;
}
