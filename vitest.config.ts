import { defineConfig } from "vitest/config";

/** Tests that need a cluster. */
const E2E = ["test/cluster/{cluster,control-plane}.test.ts", "test/{e2e,kube,operator,monitoring}/**/*.test.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "{common,config,crds,oci,kube,operator,cli,node-runtime,bench,startup,examples,image,charts,dashboards,alerts}/**/*.test.ts",
          ],
          pool: "forks",
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/**/*.test.ts"],
          exclude: E2E,
          pool: "forks",
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: E2E,
          pool: "forks",
          // One cluster for all, which starts when the first test asks for it: after those that measure times.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          globalSetup: ["test/cluster/shared-cluster-setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
