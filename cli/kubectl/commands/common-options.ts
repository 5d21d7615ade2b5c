import { Option } from "commander";
import { WasmletError } from "../../../common/errors.ts";

/** Every namespace at once. */
export function allNamespacesOption(): Option {
  return new Option("-A, --all-namespaces", "the apps of all namespaces");
}

/** A name alone means one app of one namespace; throws CLI_USAGE, as kubectl does. */
export function needOneNamespace(names: readonly unknown[], isAll = false): void {
  if (!isAll || names.length === 0) return;
  throw new WasmletError("CLI_USAGE", "an app can't be named across all namespaces", {
    fix: "Name its namespace with -n, or leave its name out.",
  });
}
