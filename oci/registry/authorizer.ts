import { readChallenges, type Challenge } from "./challenge.ts";
import { basicAuthorization, type CredentialSource } from "./credentials.ts";
import { withRetries } from "./retry.ts";
import { fetchToken, type TokenContext } from "./token.ts";

/** What is authorised: an origin, and there a repository with what is done to it. */
export interface Realm {
  /** The origin that is asked, which alone gets what is found here. */
  origin: URL;
  /** The registry by which credentials are kept: `docker.io`, or a mirror's host. */
  registry: string;
  repository: string;
  /** As in `repository:team/hello:pull`; several are separated by spaces. */
  scope: string;
}

/** Authorisations that are remembered; the oldest go first. */
const MAX_REMEMBERED = 256;

/** Finds the Authorization header that a registry accepts, and remembers it while it lasts. */
export class Authorizer {
  readonly #credentials: CredentialSource;
  readonly #context: TokenContext;
  readonly #remembered = new Map<string, { value: string; expiresMs: number }>();
  readonly #asking = new Map<string, Promise<string | undefined>>();

  constructor(credentials: CredentialSource, context: TokenContext) {
    this.#credentials = credentials;
    this.#context = context;
  }

  /** Returns the header that was accepted before, if it still is. */
  known(realm: Realm): string | undefined {
    const found = this.#remembered.get(keyOf(realm));
    return found !== undefined && found.expiresMs > this.#context.timing.date().getTime() ? found.value : undefined;
  }

  /**
   * Answers what a registry said with 401 to a request with the header `rejected`. Returns undefined when there is nothing
   * better to send. Throws what asking for a token throws. Requests that are refused at once ask once.
   */
  async answer(
    realm: Realm,
    authenticate: readonly string[],
    rejected: string | undefined,
  ): Promise<string | undefined> {
    const key = keyOf(realm);
    const known = this.known(realm);
    if (known !== undefined && known !== rejected) return known;
    this.#remembered.delete(key);
    const asking = this.#asking.get(key) ?? this.#ask(realm, readChallenges(authenticate));
    this.#asking.set(key, asking);
    try {
      const value = await asking;
      return value === rejected ? undefined : value;
    } finally {
      this.#asking.delete(key);
    }
  }

  async #ask(realm: Realm, challenges: readonly Challenge[]): Promise<string | undefined> {
    const credentials = await this.#credentials(realm.registry, realm.repository);
    if (credentials?.kind === "registry-token") return this.#remember(realm, `Bearer ${credentials.token.reveal()}`);
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer !== undefined) {
      const { token, expiresMs } = await withRetries(
        () => fetchToken(realm.origin, bearer, realm.scope, credentials, this.#context),
        this.#context,
      );
      return this.#remember(realm, `Bearer ${token}`, expiresMs);
    }
    const wantsBasic = challenges.some(({ scheme }) => scheme === "basic");
    if (!wantsBasic || credentials?.kind !== "password") return undefined;
    return this.#remember(realm, basicAuthorization(credentials.username, credentials.password));
  }

  #remember(realm: Realm, value: string, expiresMs = Number.POSITIVE_INFINITY): string {
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size >= MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    this.#remembered.set(keyOf(realm), { value, expiresMs });
    return value;
  }
}

function keyOf({ origin, registry, repository, scope }: Realm): string {
  return `${origin.origin} ${registry}/${repository} ${scope}`;
}
