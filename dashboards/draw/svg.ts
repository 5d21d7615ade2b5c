/* SVG as text. Sizes are in pixels. */

/** Where something is drawn. */
export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

export const INK = "#24292e";
export const FAINT = "#6e7781";
export const RULE = "#e1e4e8";
export const SERIES_COLORS = [
  "#56a64b",
  "#3274d9",
  "#e0b400",
  "#e02f44",
  "#a352cc",
  "#ff780a",
  "#1f9ea8",
  "#7b6f64",
  "#806eb7",
  "#37872d",
  "#c15c17",
  "#8ab8ff",
] as const;
export const NAMED_COLORS: Readonly<Record<string, string>> = {
  green: "#56a64b",
  blue: "#3274d9",
  yellow: "#d9a700",
  orange: "#ff780a",
  red: "#e02f44",
};

/** About how wide a letter is, as a share of the size of its font. */
const LETTER_WIDTH = 0.54;

interface TextStyle {
  size?: number;
  color?: string;
  anchor?: "start" | "middle" | "end";
  weight?: "normal" | "bold";
  maxWidth?: number;
}

/** Returns a line of text whose baseline begins, ends or has its middle at a point. */
export function text(x: number, y: number, words: string, style: TextStyle = {}): string {
  const { size = 11, color = INK, anchor = "start", weight = "normal", maxWidth } = style;
  const shown = maxWidth === undefined ? words : shorten(words, maxWidth, size);
  const bold = weight === "bold" ? ' font-weight="600"' : "";
  const at = anchor === "start" ? "" : ` text-anchor="${anchor}"`;
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${color}"${at}${bold}>${escape(shown)}</text>`;
}

export function rectangle({ x, y, w, h }: Box, fill: string, more = ""): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(Math.max(w, 0))}" height="${round(Math.max(h, 0))}" fill="${fill}"${more}/>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, color = RULE): string {
  return `<path d="M${round(x1)} ${round(y1)}L${round(x2)} ${round(y2)}" stroke="${color}" fill="none"/>`;
}

/** Returns a path through points, of which each piece is one without a gap. */
export function curve(pieces: readonly (readonly (readonly [number, number])[])[], color: string): string {
  const path = pieces.map((piece) =>
    piece.map(([x, y], at) => `${at === 0 ? "M" : "L"}${round(x)} ${round(y)}`).join(""),
  );
  return `<path d="${path.join("")}" stroke="${color}" stroke-width="1.4" stroke-linejoin="round" stroke-linecap="round" fill="none"/>`;
}

/** Returns an area between two lines. */
export function area(
  upper: readonly (readonly [number, number])[],
  lower: readonly (readonly [number, number])[],
  color: string,
): string {
  const points = [...upper, ...lower.toReversed()].map(([x, y]) => `${round(x)} ${round(y)}`).join("L");
  return points === "" ? "" : `<path d="M${points}Z" fill="${color}" fill-opacity="0.3"/>`;
}

export function widthOf(words: string, size = 11): number {
  return words.length * size * LETTER_WIDTH;
}

function shorten(words: string, width: number, size: number): string {
  const letters = Math.floor(width / (size * LETTER_WIDTH));
  return words.length <= letters ? words : `${words.slice(0, Math.max(letters - 1, 1))}…`;
}

function escape(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
