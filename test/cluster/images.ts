import { readFileSync } from "node:fs";
import { binaryPath } from "./binaries.ts";
import { PAUSE_IMAGE } from "./component-config.ts";
import { buildImageTar } from "../../oci/image-tar.ts";

/** The image of busybox, with all that tests ask of a container: a shell, httpd, wget (whose -T crashes in Debian 12), nslookup. */
export const BUSYBOX_IMAGE = "localhost/busybox:1";

/** What pods call; a link to busybox each. */
const APPLETS = ["sh", "cat", "date", "echo", "env", "hostname", "httpd", "id", "ls", "mkdir", "nc", "nslookup"];
APPLETS.push(
  "ps",
  "sleep",
  "test",
  "true",
  "false",
  "wget",
  "tar",
  "head",
  "tail",
  "grep",
  "ip",
  "kill",
  "touch",
  "rm",
);

/** Returns the image that holds the namespaces of a pod. */
export function pauseImage(): Promise<Buffer> {
  const layers = [{ "/pause": { bytes: readFileSync(binaryPath("pause")), mode: 0o755 } }];
  return buildImageTar({ name: PAUSE_IMAGE, layers, config: { Entrypoint: ["/pause"] } });
}

/** Returns an image of this machine's busybox, under a name. */
export function busyboxImage(name = BUSYBOX_IMAGE): Promise<Buffer> {
  const links = Object.fromEntries(APPLETS.map((name) => [`/bin/${name}`, { link: "busybox" }]));
  const layer = {
    "/bin/busybox": { bytes: readFileSync("/bin/busybox"), mode: 0o755 },
    "/etc/passwd": { bytes: "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n" },
    "/etc/group": { bytes: "root:x:0:\nnogroup:x:65534:\n" },
    "/tmp/.keep": { bytes: "" },
    ...links,
  };
  const config = { Cmd: ["/bin/sh"], Env: ["PATH=/bin"] };
  return buildImageTar({ name, layers: [layer], config });
}
