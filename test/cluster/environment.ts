import { resolve } from "node:path";
import { repositoryFile } from "../harness.ts";

/** What the environment says about tests with clusters; read here alone. */
export interface TestEnvironment {
  /** The folder of built tools: `WASMLET_TEST_CACHE`, which several checkouts may share, else `.cache` of this one. */
  cacheFolder: string;
  /** A cluster to use instead of one that is started: `WASMLET_TEST_KUBECONFIG`. */
  kubeconfig: string | undefined;
  /** Under continuous integration nothing may be left out. */
  isCi: boolean;
}

/** Reads the environment; an empty variable counts as unset. */
export function readTestEnvironment(environment: NodeJS.ProcessEnv = process.env): TestEnvironment {
  const { WASMLET_TEST_CACHE: cache, WASMLET_TEST_KUBECONFIG: kubeconfig, CI: ci } = environment;
  return {
    cacheFolder: cache ? resolve(cache) : repositoryFile(".cache"),
    kubeconfig: kubeconfig ? resolve(kubeconfig) : undefined,
    isCi: ci === "true",
  };
}
