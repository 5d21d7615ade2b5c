const TIMEOUT_MS = 10_000;

/** Returns what a program that cannot be seen from here tells of its own memory; null where it does not. */
export async function memoryTold(url: string): Promise<number | null> {
  const response = await fetch(new URL("/memory", url), { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const bytes = Number(await response.text());
  return response.ok && Number.isSafeInteger(bytes) && bytes > 0 ? bytes : null;
}
