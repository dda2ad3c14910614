/** Checks that files and functions stay within the budgets that keep them readable. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import ts from "typescript";

const MAX_TS_LINES = 300;
const MAX_WGSL_LINES = 150;
const MAX_FUNCTION_LINES = 40;
const MAX_WIDTH = 100;

const lineCount = (text: string) => text.trimEnd().split("\n").length;

function functionFaults(path: string, text: string): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const faults: string[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isFunctionLike(node) && "body" in node && node.body) {
      const lines = lineCount(node.getText(file));
      const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
      if (lines > MAX_FUNCTION_LINES)
        faults.push(`${path}:${line + 1}: a function has ${lines} lines, of ${MAX_FUNCTION_LINES}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return faults;
}

/** Every budget that a file breaks, in words. */
export function sizeFaults(path: string, text: string): string[] {
  const most = path.endsWith(".wgsl") ? MAX_WGSL_LINES : MAX_TS_LINES;
  const lines = lineCount(text);
  const faults = lines > most ? [`${path}: the file has ${lines} lines, of ${most}`] : [];
  text.split("\n").forEach((line, i) => {
    // The formatter breaks code; a text is not broken for its length.
    if ([...line].length > MAX_WIDTH && !/["`/]/.test(line.replace(/\/\/.*|\/\*.*/, "")))
      faults.push(`${path}:${i + 1}: the line has ${[...line].length} characters, of ${MAX_WIDTH}`);
  });
  // In a test, describe() and it() callbacks are lists of cases rather than functions.
  const counted = path.endsWith(".ts") && !path.endsWith(".test.ts");
  return counted ? [...faults, ...functionFaults(path, text)] : faults;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.ts", "*.wgsl"]);
  const paths = listed.toString().trim().split("\n").filter(existsSync);
  const faults = paths.flatMap((path) => sizeFaults(path, readFileSync(path, "utf8")));
  for (const fault of faults) console.error(`size: ${fault}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
