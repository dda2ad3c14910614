/** The subcommand of `bench` that compares with other engines. */
import { Command } from "commander";
import { type Options, withDevice } from "../command.ts";
import { comparePeers, selectJobs } from "./compare.ts";
import { INSTALL_FAISS } from "./engines/faiss.ts";
import { requireInstalled } from "./engines/load.ts";
import { jobs } from "./jobs/index.ts";

async function benchPeers(_: unknown, command: Command): Promise<void> {
  const { seconds, only, ...options } = command.optsWithGlobals<Options>();
  requireInstalled();
  const wanted = selectJobs(jobs, only);
  await withDevice(options, (device) => {
    console.log("");
    return comparePeers(device, wanted, seconds);
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
    .addHelpText("after", HELP)
    .exitOverride()
    .action(benchPeers);
}
