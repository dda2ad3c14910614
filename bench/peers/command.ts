/** The subcommand of `bench` that compares with other engines. */
import { Command } from "commander";
import { type Options, withDevice, writable } from "../command.ts";
import { capturePeers } from "./capture.ts";
import { comparePeers, selectJobs } from "./compare.ts";
import { INSTALL_FAISS } from "./engines/faiss.ts";
import { requireInstalled } from "./engines/load.ts";
import { jobs } from "./jobs/index.ts";
import { stepJob } from "./jobs/step.ts";

interface PeersOptions extends Options {
  readonly capture?: string;
}

async function benchPeers(_: unknown, command: Command): Promise<void> {
  const { seconds, only, capture, ...options } = command.optsWithGlobals<PeersOptions>();
  requireInstalled();
  // The step is made of the other ops at other sizes, in hundreds of shaders.
  const all = capture && only === "" ? jobs.filter((job) => job !== stepJob) : jobs;
  const wanted = selectJobs(all, only);
  const written = capture ? { ...options, json: capture } : options;
  await withDevice(written, (device) => {
    console.log("");
    return capture ? capturePeers(device, wanted) : comparePeers(device, wanted, seconds);
  });
}

const HELP = `
FAISS stands beside the pool search where Python has it with a fast BLAS:
  ${INSTALL_FAISS}
It is not timed with the reference BLAS, which python3-faiss brings where no other is there.

Which engines are peers, which are not and why: bench/peers/README.md.`;

/** The subcommand; its options are those of `bench`. */
export function peersCommand(): Command {
  return new Command("peers")
    .description("The same ops on other engines, in turns with ours (bench/peers).")
    .option(
      "--capture <file>",
      "time nothing, and write the WGSL that they run to a file",
      writable,
    )
    .addHelpText("after", HELP)
    .exitOverride()
    .action(benchPeers);
}
