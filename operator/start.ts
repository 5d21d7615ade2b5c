import { SYSTEM_TIMING } from "../common/timing.ts";
import { KubeClient } from "../kube/client.ts";
import { EventRecorder } from "../kube/event-recorder.ts";
import { LeaderElection } from "../kube/leader-election.ts";
import { CONFIG_MAPS, SECRETS } from "../kube/resources.ts";
import { AppController } from "./apps/app-controller.ts";
import { TagResolver } from "./apps/tag-resolver.ts";
import { BenchmarkController } from "./benchmarks/benchmark-controller.ts";
import { BenchmarkMetrics } from "./benchmarks/benchmark-metrics.ts";
import type { ProbeSettings } from "./benchmarks/resources.ts";
import { ClusterState, runtimeNameOf } from "./cluster-state.ts";
import { ManagementServer } from "./management-server.ts";
import { OperatorMetrics } from "./metrics.ts";
import { FIELD_MANAGER } from "./objects.ts";
import type { Operator, OperatorOptions } from "./operator-api.ts";
import { PoolRegistries } from "./pool-registries.ts";
import { pullSecretOf } from "./pull-secret.ts";
import { keepDefaultRuntime } from "./runtimes/default-runtime.ts";
import { RuntimeController } from "./runtimes/runtime-controller.ts";
import { Writer } from "./writer.ts";

const LEASE = "wasmlet-operator";
const CONCURRENCY = 32;
/** How often everything is looked at again, for what shows in no event. */
const RESYNC_MS = 10 * 60_000;

/** Starts an operator; it works once it leads. Resolves when its management port listens. */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const { connection, namespace, identity, log, timing = SYSTEM_TIMING, concurrency = CONCURRENCY } = options;
  const client = new KubeClient(connection, { fieldManager: FIELD_MANAGER, timing, maxConnections: concurrency + 8 });
  const metrics = new OperatorMetrics();
  const state = new ClusterState({
    client,
    namespace,
    timing,
    onError: (resource, thrown, retryAfterMs) => {
      metrics.relists.inc({ resource });
      log.warn(`the watch of ${resource} broke`, { error: String(thrown), retryAfterMs: Math.round(retryAfterMs) });
    },
  });
  const events = new EventRecorder({ client, controller: "wasmlet.dev/operator", instance: identity, timing });
  const writer = new Writer(client, state, metrics);
  const registries = new PoolRegistries({
    registries: { ...options.registries, timing },
    runtimeOf: (name) => state.runtimes.get({ name }),
    readConfigMap: (name) => client.get(CONFIG_MAPS, { namespace, name }),
  });
  const starts = new BenchmarkMetrics(metrics.registry);
  const controllers: { apps?: AppController; runtimes?: RuntimeController; benchmarks?: BenchmarkController } = {};

  const lead = (signal: AbortSignal): void => {
    const resolver = new TagResolver({
      registriesOf: (app) => registries.of(runtimeNameOf(app)),
      readPullSecret: async (secretNamespace, name) =>
        pullSecretOf(await client.get(SECRETS, { namespace: secretNamespace, name }), secretNamespace, name),
      onResolved: (key) => controllers.apps?.add(key),
      timing,
    });
    const settings = {
      namespace,
      image: options.runtimeImage,
      imagePullPolicy: options.runtimeImagePullPolicy,
      imagePullSecrets: options.runtimeImagePullSecrets ?? [],
      podMonitors: options.podMonitors,
    };
    const shared = { state, writer, metrics, log, timing };
    const apps = new AppController({ ...shared, resolver, events, systemNamespace: namespace, concurrency });
    const runtimes = new RuntimeController({ ...shared, client, settings });
    const benchmarks = new BenchmarkController({
      ...shared,
      client,
      events,
      starts,
      settings: probeSettingsOf(options),
    });
    Object.assign(controllers, { apps, runtimes, benchmarks });
    log.info("leading", { identity });
    runtimes.start();
    apps.start();
    benchmarks.start();
    if (options.defaultRuntimeFile !== undefined) {
      keepDefaultRuntime(options.defaultRuntimeFile, { client, log, timing, signal });
    }
  };
  const election = new LeaderElection({
    client,
    lease: { namespace, name: LEASE },
    identity,
    timing,
    onStarted: lead,
    onStopped: async () => {
      log.info("no longer leading", { identity });
      await Promise.all(Object.values(controllers).map((controller) => controller.stop()));
      delete controllers.apps;
      delete controllers.runtimes;
      delete controllers.benchmarks;
    },
    onFollowing: (leader) => log.info("waiting: another one leads", { leader }),
    onError: (thrown) => log.warn("the lease could not be renewed", { error: String(thrown) }),
  });
  const resync = setInterval(() => {
    controllers.apps?.resync();
    controllers.runtimes?.resync();
    controllers.benchmarks?.resync();
  }, RESYNC_MS);

  const management = new ManagementServer({
    isReady: () => state.isSynced,
    metrics: () => {
      const all = [...state.apps.values()];
      const ready = all.filter(
        ({ status }) => status?.conditions?.find(({ type }) => type === "Ready")?.status === "True",
      );
      return metrics.text({
        depths: {
          wasmapp: controllers.apps?.depth ?? 0,
          wasmruntime: controllers.runtimes?.depth ?? 0,
          startupbenchmark: controllers.benchmarks?.depth ?? 0,
        },
        isLeader: election.isLeader,
        isSynced: state.isSynced,
        readyApps: ready.length,
        otherApps: all.length - ready.length,
        droppedEvents: events.dropped,
      });
    },
  });
  const managementUrl = await management.listen(options.managementHost, options.managementPort);
  // Whoever waits for the lead watches too: it goes on at once when it gets it.
  void state.start().then(() => election.start());
  return {
    managementUrl,
    stop: async () => {
      clearInterval(resync);
      await election.stop();
      await Promise.all([state.stop(), events.stop(), registries.close()]);
      await client.close();
      management.close();
    },
  };
}

function probeSettingsOf({
  runtimeImage,
  runtimeImagePullPolicy,
  startupProbeImage,
}: OperatorOptions): ProbeSettings | undefined {
  if (startupProbeImage === undefined) return undefined;
  return { image: runtimeImage, probeImage: startupProbeImage, imagePullPolicy: runtimeImagePullPolicy };
}
