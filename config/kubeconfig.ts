import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the kubeconfig files that count when the command line names none, as with kubectl: those of `KUBECONFIG` that are
 * there, else `~/.kube/config`; none outside a user's reach.
 */
export function findKubeconfigs(environment: Environment = process.env, home: string = homedir()): string[] {
  const listed = (environment["KUBECONFIG"] ?? "").split(delimiter).filter((file) => file !== "");
  const files = listed.length > 0 ? [...new Set(listed)] : [join(home, ".kube", "config")];
  return files.filter((file) => existsSync(file));
}
