import { expect, test } from "vitest";
import { readTestEnvironment } from "../cluster/environment.ts";
import { canRunCluster } from "../cluster/requirements.ts";

/**
 * Returns whether an API server can be started here; where none can, adds a test that says why, and that fails under
 * continuous integration.
 */
export function needControlPlane(): boolean {
  const possible = canRunCluster("control-plane");
  if (possible.can) return true;
  test("an API server is needed for the tests of this file", (context) => {
    expect(readTestEnvironment().isCi, possible.why).toBe(false);
    process.stderr.write(`skipped without an API server: ${possible.why}\n`);
    context.skip();
  });
  return false;
}
