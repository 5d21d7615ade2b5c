/** Returns the name of a node's ServiceAccount in Wasmlet's namespace: nodes have names of at most 240 characters there. */
export function nodeAccountName(nodeName: string): string {
  return `wasmlet-node-${nodeName}`;
}
