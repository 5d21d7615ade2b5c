/** What an alert does at one moment of an invented past. */
export interface AlertCase {
  /** As a claim: "fires when …", "is quiet while …". */
  name: string;
  /** Series by name, with one value a minute in promtool's notation: `0+3x20` grows by 3 each minute, 20 times. */
  series: Readonly<Record<string, string>>;
  /** When it is looked at, as `15m`. */
  at: string;
  /** What fires then. */
  firing: readonly Firing[];
}

export interface Firing {
  /** Beside `severity`. */
  labels?: Readonly<Record<string, string>>;
  /** Its value, as people read it in the summary and the description. */
  value?: string;
}

/** Returns a case in which the alert fires once. */
export function fires(when: string, at: string, series: AlertCase["series"], ...firing: Firing[]): AlertCase {
  return { name: `fires when ${when}`, at, series, firing: firing.length === 0 ? [{}] : firing };
}

/** Returns a case in which nothing fires. */
export function quiet(when: string, at: string, series: AlertCase["series"]): AlertCase {
  return { name: `is quiet ${when}`, at, series, firing: [] };
}

/** Returns a histogram's buckets: by upper bound, how many samples each has more every minute. */
export function buckets(
  histogram: string,
  labels: string,
  perMinute: Readonly<Record<string, number>>,
  minutes: number,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(perMinute).map(([le, count]) => [
      `${histogram}_bucket{${labels},le="${le}"}`,
      `0+${count}x${minutes}`,
    ]),
  );
}
