/** The subcommand of `bench` that compares with other engines. */
import { Command } from "commander";
import { type Options, withDevice } from "../command.ts";
import { comparePeers, selectJobs } from "./compare.ts";
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

/** The subcommand; its options are those of `bench`. */
export function peersCommand(): Command {
  return new Command("peers")
    .description("The same ops on other engines, in turns with ours (bench/peers).")
    .exitOverride()
    .action(benchPeers);
}
