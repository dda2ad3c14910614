/** `roclip data`: the data sets that models are measured on, and whether one is all there. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import {
  checkSet,
  EVALUATION_SETS,
  type EvaluationSet,
  evaluationSet,
} from "../data/evaluationSets.ts";
import { UserError } from "../errors.ts";
import { formatCells } from "../table.ts";

const NAMED = 10; // missing files that are named
const INCOMPLETE = 1; // exit code when something is missing

/** What a set is, where it is had from and what its folder must hold. */
async function describe(set: EvaluationSet): Promise<void> {
  const { name, title, origin, top, needs, splitting, prompts } = set;
  console.log(`${title} (${name})`);
  if (name !== "folders") {
    const { classes, templates } = await prompts("");
    console.log(`${classes.length} classes, ${templates.length} prompts: "${templates[0]}" …`);
  }
  if (splitting !== undefined) console.log(`Split: ${splitting}.`);
  console.log(`From: ${origin}`);
  console.log(`In ${top === "" ? "its folder" : `${top}/`}: ${needs.join(", ")}`);
}

/** Look at a folder, and say what is missing and where it is had from. */
async function check(set: EvaluationSet, folder: string): Promise<void> {
  if (!existsSync(folder))
    throw new UserError(`${folder}: --check must name a folder; it is not there; check the path`);
  const { root, missing, images, empty } = await checkSet(set, folder);
  if (images)
    console.log(
      `${set.title} in ${root}: ${images.train} training images, ${images.test} for testing.`,
    );
  const list = (what: string, names: readonly string[]) => {
    if (names.length === 0) return;
    const rest = names.length > NAMED ? `, and ${names.length - NAMED} more` : "";
    console.log(`${what}: ${names.slice(0, NAMED).join(", ")}${rest}.`);
  };
  list(`Missing in ${root}`, missing);
  list("Classes without a test image", empty);
  if (missing.length + empty.length === 0) {
    console.log(`All is there. Use it: roclip evaluate <run> --on ${set.name}=${folder}`);
    return;
  }
  console.log(`It is had from: ${set.origin}`);
  process.exitCode = INCOMPLETE;
}

async function runData(
  name: string | undefined,
  options: { readonly check?: string },
): Promise<void> {
  if (name === undefined) {
    const cells = EVALUATION_SETS.map((set) => [set.name, set.title, set.origin]);
    const columns = ["name", "data set", "from"].map((title) => ({ title }));
    console.log(formatCells(columns, cells));
    return;
  }
  const set = evaluationSet(name);
  if (options.check === undefined) await describe(set);
  else await check(set, options.check);
}

/** Add the command to the program. */
export function addData(program: Command): void {
  const command = program
    .command("data")
    .description("The data sets that evaluate --on measures on: where they are had from.")
    .argument("[name]", "one of them; without it all are listed")
    .option("--check <folder>", "whether it is all there, and what is missing");
  command.addHelpText(
    "after",
    `
Examples:
  roclip data
  roclip data cifar10 --check cifar-10-batches-bin`,
  );
  command.action(runData);
}
