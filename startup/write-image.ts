import { readFileSync, writeFileSync } from "node:fs";
import { buildProgramImage, PROGRAM_IMAGE } from "./program-image.ts";
import { requireBinary } from "./program.ts";

const HELP = `Usage: npm run startup:image -- FILE

Writes the container image of the program that is started in comparisons as an OCI archive, for this machine's architecture. Nodes
take it with \`ctr -n k8s.io images import FILE\`, and a registry with \`crane push FILE REFERENCE\`. Its name in the archive is
${PROGRAM_IMAGE}.
`;

const [file, ...others] = process.argv.slice(2);
if (file === "--help" || file === "-h") process.stdout.write(HELP);
else if (file === undefined || others.length > 0 || file.startsWith("-")) {
  process.stderr.write(HELP);
  process.exitCode = 2;
} else {
  writeFileSync(file, await buildProgramImage(readFileSync(requireBinary())));
  process.stdout.write(`${PROGRAM_IMAGE}\n`);
}
