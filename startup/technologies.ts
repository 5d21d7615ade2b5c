import type { Connection } from "../kube/connection.ts";
import { isKubeError } from "../kube/kube-error.ts";
import { Unavailable, type Driver } from "./driver.ts";
import { openAppWake } from "./drivers/app-wake.ts";
import { openContainerd } from "./drivers/containerd.ts";
import { openDebianVm } from "./drivers/debian-vm.ts";
import { KubeSession } from "./drivers/kube-session.ts";
import { openMicroVm } from "./drivers/microvm.ts";
import { openNodeContainer, openOciRuntime } from "./drivers/oci-runtime.ts";
import { openPod, type ContainerProgram } from "./drivers/pod.ts";
import { openProcess } from "./drivers/process.ts";
import { openWasmApp, type WasmProgram } from "./drivers/wasm-app.ts";
import { WasmHost } from "./drivers/wasm-host.ts";
import { openWasm } from "./drivers/wasm.ts";

/** What drivers need to be told of the machine. */
export interface StartupSettings {
  /** Folders below which a kernel for virtual machines may be. */
  kernelRoots: readonly string[];
  /** The folder of the virtual machine with Debian, as `npm run startup:debian` builds it. */
  debianFolder?: string;
  /** Folders in which programs are looked for, as PATH has them. */
  searchPath: string;
  /** A cluster to start pods and WasmApps on; nothing is started on any other. */
  cluster?: Connection | undefined;
  /** The image of the program, as the cluster's nodes have it or can pull it. */
  image?: string | undefined;
  /** A part of a cluster that is used instead of a namespace of its own, and whose end is somebody else's. */
  session?: KubeSession | undefined;
  /** Somebody's own program instead of ours, for what is started on a cluster. */
  app?: WasmProgram | undefined;
  container?: ContainerProgram | undefined;
  /** Aborted when the comparison is to stop. */
  signal?: AbortSignal;
}

/** What drivers share: it is started when the first one asks for it, and ends with all. */
export class StartupContext implements AsyncDisposable {
  readonly settings: StartupSettings;
  readonly signal: AbortSignal;
  #wasmHost: Promise<WasmHost> | undefined;
  #session: Promise<KubeSession> | undefined;

  constructor(settings: StartupSettings) {
    this.settings = settings;
    this.signal = settings.signal ?? new AbortController().signal;
  }

  /** Returns the node runtime in which all ways of starting the component on this machine are started. */
  wasmHost(): Promise<WasmHost> {
    this.#wasmHost ??= WasmHost.start(this.signal);
    return this.#wasmHost;
  }

  /** Returns a namespace on the cluster that was named. Throws Unavailable where none was, or it cannot be used. */
  async kubeSession(): Promise<KubeSession> {
    const { cluster, session } = this.settings;
    if (session !== undefined) return session;
    if (cluster === undefined) throw new Unavailable("no cluster was named by --kubeconfig");
    this.#session ??= KubeSession.open(cluster, this.signal);
    try {
      return await this.#session;
    } catch (thrown) {
      this.#session = undefined;
      throw isKubeError(thrown) ? new Unavailable(thrown.message) : thrown;
    }
  }

  /** Returns the program as a container. Throws Unavailable where no image was named. */
  get container(): ContainerProgram {
    const { image, container } = this.settings;
    if (container !== undefined) return container;
    if (image === undefined)
      throw new Unavailable("no image of the program was named by --image; npm run startup:image writes one");
    return { image };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopHost = async (): Promise<void> => (await this.#wasmHost)?.stop();
    const endSession = async (): Promise<void> => (await this.#session)?.[Symbol.asyncDispose]();
    // What never started has nothing to end, and keeps the other from nothing.
    await Promise.allSettled([stopHost(), endSession()]);
  }
}

type Open = (context: StartupContext) => Promise<Driver>;

/** Everything that can be compared, by its name, in the order of the report. */
const TECHNOLOGIES = {
  "wasm-wake": async (context) => openWasm("wasm-wake", await context.wasmHost()),
  "wasm-new": async (context) => openWasm("wasm-new", await context.wasmHost()),
  "wasm-artifact": async (context) => openWasm("wasm-artifact", await context.wasmHost()),
  process: ({ signal }) => openProcess(signal),
  crun: ({ settings, signal }) => openOciRuntime("crun", settings.searchPath, signal),
  runc: ({ settings, signal }) => openOciRuntime("runc", settings.searchPath, signal),
  containerd: ({ settings, signal }) => openContainerd(settings.searchPath, signal),
  "crun-node": ({ settings, signal }) => openNodeContainer(settings.searchPath, signal),
  "app-wake": async (context) => openAppWake(await context.kubeSession(), context.settings.app),
  "wasm-app": async (context) => openWasmApp(await context.kubeSession(), context.settings.app),
  pod: async (context) => openPod(await context.kubeSession(), context.container, undefined),
  microvm: ({ settings, signal }) => openMicroVm(settings.kernelRoots, settings.searchPath, signal),
  "debian-vm": ({ settings, signal }) => openDebianVm(settings.debianFolder, settings.searchPath, signal),
} as const satisfies Record<string, Open>;

/** The names of all; `pod-CLASS` is also one, for each RuntimeClass of the cluster. */
export const TECHNOLOGY_NAMES: readonly string[] = Object.keys(TECHNOLOGIES);

/** Those that need no cluster, and seconds at most. */
export const QUICK_TECHNOLOGIES = TECHNOLOGY_NAMES.filter(
  (name) => !["app-wake", "wasm-app", "pod", "debian-vm"].includes(name),
);

/** Opens a technology by its name; throws Unavailable where it cannot be started here. */
export async function openTechnology(name: string, context: StartupContext): Promise<Driver> {
  const open = (TECHNOLOGIES as Partial<Record<string, Open>>)[name];
  if (open !== undefined) return open(context);
  if (!name.startsWith("pod-")) throw new Unavailable(`no technology is called ${name}`);
  const runtimeClass = name.slice("pod-".length);
  return openPod(await context.kubeSession(), context.container, runtimeClass);
}
