import { spawn } from "node:child_process";

/* A page of documentation as a test: its commands in order, and what they are to print. */

/** A command of a page, and what the page says that it prints; nothing where it says nothing. */
export interface Step {
  command: string;
  output?: string;
  line: number;
}

/** Returns the commands of a page's `sh` blocks; a `text` block right after one shows what the last command of it prints. */
export function readSteps(markdown: string): Step[] {
  const steps: Step[] = [];
  for (const { 0: block, 1: language, 2: body = "", index } of markdown.matchAll(/^```(sh|text)\n(.*?)^```$/gms)) {
    const line = markdown.slice(0, index).split("\n").length + 1;
    if (block === "") continue;
    if (language === "text") steps.at(-1)!.output = body;
    else steps.push(...commandsOf(body).map(({ command, offset }) => ({ command, line: line + offset })));
  }
  return steps;
}

/** Returns whether a text is what a page shows: line by line, with spaces as wide as they are and `…` for anything. */
export function matches(text: string, shown: string): boolean {
  const pattern = shown
    .trim()
    .split("\n")
    .map((line) =>
      line
        .trim()
        .split(/\s+/)
        .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll("…", ".*"))
        .join(String.raw`\s+`),
    )
    .join(String.raw`\s*\n\s*`);
  return new RegExp(`^\\s*${pattern}\\s*$`).test(text);
}

/** Runs a command in a shell and returns what it prints; throws with all of that when it fails. */
export async function runStep(
  command: string,
  { folder, env, timeoutMs }: { folder: string; env: NodeJS.ProcessEnv; timeoutMs: number },
): Promise<string> {
  const child = spawn("bash", ["-euo", "pipefail", "-c", command], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  let out = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  if (code === 0) return out;
  throw new Error(`${command}\nended with ${code ?? "a signal"}\n${out}${errors}`);
}

/** A line that ends with a backslash goes on. */
function commandsOf(block: string): { command: string; offset: number }[] {
  const commands: { command: string; offset: number }[] = [];
  let isContinued = false;
  for (const [offset, line] of block.split("\n").entries()) {
    if (isContinued) commands.at(-1)!.command += `\n${line}`;
    else if (line.trim() !== "" && !line.startsWith("#")) commands.push({ command: line, offset });
    isContinued = line.endsWith("\\");
  }
  return commands;
}
