/** One series at one moment. */
export interface Sample {
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** One series over time: seconds since 1970, and values. */
export interface Series {
  labels: Readonly<Record<string, string>>;
  points: [number, number][];
}

interface Answer {
  status: string;
  error?: string;
  data: { result: { metric: Record<string, string>; value: [number, string]; values: [number, string][] }[] };
}

/** Asks a Prometheus (https://prometheus.io/docs/prometheus/latest/querying/api/). */
export class PrometheusClient {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Returns what an expression is now, or then; throws with what is wrong with it. */
  async query(expr: string, time?: number): Promise<Sample[]> {
    const { data } = await this.#ask("query", { query: expr, ...(time !== undefined && { time: String(time) }) });
    return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** Returns what an expression was from one time to another, in steps of seconds. */
  async queryRange(expr: string, from: number, to: number, step: number): Promise<Series[]> {
    const range = { start: String(from), end: String(to), step: String(step) };
    const { data } = await this.#ask("query_range", { query: expr, ...range });
    return data.result.map(({ metric, values }) => ({
      labels: metric,
      points: values.map(([at, value]) => [at, Number(value)]),
    }));
  }

  /** Returns the rules that were evaluated, and what was wrong. */
  async rules(): Promise<{ name: string; health: string; lastError?: string }[]> {
    const response = await fetch(`${this.#url}/api/v1/rules`);
    const { data } = (await response.json()) as {
      data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] };
    };
    return data.groups.flatMap(({ rules }) => rules);
  }

  async #ask(what: string, parameters: Record<string, string>): Promise<Answer> {
    const body = new URLSearchParams(parameters);
    const response = await fetch(`${this.#url}/api/v1/${what}`, { method: "POST", body });
    const answer = (await response.json()) as Answer;
    if (answer.status === "success") return answer;
    throw new Error(`${parameters["query"] ?? what}: ${answer.error ?? response.status}`);
  }
}
