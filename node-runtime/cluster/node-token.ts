import { messageOf } from "../../common/errors.ts";
import type { Secret } from "../../common/secret.ts";
import type { Timing } from "../../common/timing.ts";
import { nodeAccountName } from "../../crds/wasm-replica/node-account.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isKubeError } from "../../kube/kube-error.ts";

/*
 * Pods of one DaemonSet share a ServiceAccount; what the apps on a node refer to is open to an account of the node alone.
 * A node runtime asks for that account's tokens with its own, which says on which node it is.
 */

const LIFE_SECONDS = 3600;
/** How much of a token's life is used. */
const USED_SHARE = 0.8;
/** How long to do with the pod's own token when the node has no account. */
const FALLBACK_MS = 10_000;

export interface NodeTokenOptions {
  client: Pick<KubeClient, "createToken">;
  nodeName: string;
  /** The namespace of the pod, and of the nodes' accounts. */
  namespace: string;
  /** The pod's own token. */
  podToken: () => Promise<Secret | undefined>;
  timing: Timing;
  /** Told once per change of which token is used. */
  onChange: (message: string) => void;
}

/** The token of a node's own ServiceAccount; that of the pod where the node has none. */
export class NodeToken {
  readonly #options: NodeTokenOptions;
  #held: { token: Secret | undefined; untilMs: number } | undefined;
  #asking: Promise<Secret | undefined> | undefined;
  #hasAccount: boolean | undefined;

  constructor(options: NodeTokenOptions) {
    this.#options = options;
  }

  /** Returns the token of the moment; throws KUBE_* errors when there is none to be had. */
  async get(): Promise<Secret | undefined> {
    if (this.#held !== undefined && this.#options.timing.now() < this.#held.untilMs) {
      return this.#held.token ?? this.#options.podToken();
    }
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /** Asks anew the next time: the API server did not accept it. */
  refresh(): void {
    this.#held = undefined;
  }

  async #ask(): Promise<Secret | undefined> {
    const { client, nodeName, namespace, podToken, timing } = this.#options;
    const name = nodeAccountName(nodeName);
    try {
      const spec = { expirationSeconds: LIFE_SECONDS };
      const { token, expirationTimestamp } = await client.createToken({ namespace, name }, spec);
      const lifeMs = Math.max(0, Date.parse(expirationTimestamp) - timing.date().getTime());
      this.#held = { token, untilMs: timing.now() + lifeMs * USED_SHARE };
      this.#note(true, `reads what apps refer to as ServiceAccount ${namespace}/${name}`);
      return token;
    } catch (thrown) {
      if (!isKubeError(thrown, "KUBE_FORBIDDEN", "KUBE_NOT_FOUND")) throw thrown;
      this.#held = { token: undefined, untilMs: timing.now() + FALLBACK_MS };
      this.#note(false, `reads what apps refer to as the pod itself: ${messageOf(thrown)}`);
      return podToken();
    }
  }

  #note(hasAccount: boolean, message: string): void {
    if (this.#hasAccount !== hasAccount) this.#options.onChange(message);
    this.#hasAccount = hasAccount;
  }
}
