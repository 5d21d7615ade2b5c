/** A process that wants to lead: `node election-candidate.ts KUBECONFIG IDENTITY` prints when it begins and ends to. */
import { KubeClient } from "../../kube/client.ts";
import { connectFromKubeconfig } from "../../kube/connection.ts";
import { LeaderElection } from "../../kube/leader-election.ts";

const [kubeconfig, identity] = process.argv.slice(2) as [string, string];
const client = new KubeClient(await connectFromKubeconfig(kubeconfig), { fieldManager: "wasmlet-test" });
const election = new LeaderElection({
  client,
  lease: { namespace: "default", name: "election" },
  identity,
  leaseDurationMs: 5000,
  renewDeadlineMs: 3000,
  retryPeriodMs: 500,
  onStarted: () => process.stdout.write("started\n"),
  onStopped: () => void process.stdout.write("stopped\n"),
});
process.once("SIGTERM", () => {
  void election.stop().then(() => client.close());
});
election.start();
