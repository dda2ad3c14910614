/** Where numbers come from: the facts that stand above every table and in every file of rows. */
import { availableParallelism, cpus, totalmem } from "node:os";
import type { Device } from "../engine/device.ts";

const GIB = 2 ** 30;

/** An adapter and its host. */
export interface Machine extends Host {
  /** The adapter in words; a software driver names its version here. */
  readonly adapter: string;
  readonly hardware: string;
  readonly software: boolean;
}

/** A computer on a day. */
export interface Host {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  /** By UTC: 2026-01-31. */
  readonly date: string;
}

/** What the host is, whatever computes. */
export function hostFacts(): Host {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / GIB),
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** What the device and its host are. */
export function machineOf({ name, software, gpu: { adapterInfo } }: Device): Machine {
  const { vendor, architecture, device } = adapterInfo;
  const hardware = [vendor, architecture, device].filter(Boolean).join(" ");
  return { adapter: name, hardware, software, ...hostFacts() };
}

/** The same as the lines above a table. */
export function formatMachine({ adapter, hardware, software, cpu, cores, node }: Machine): string {
  const host = `${cores} cores (${cpu})`;
  const kind = software ? `runs on the CPU, ${host}` : `GPU; host: ${host}`;
  return `adapter  ${adapter}\n         ${hardware}\n         ${kind}; Node ${node}`;
}

/** The folder of `bench/results` that a machine's rows belong in: `llvmpipe`. */
export function folderOf(adapter: string): string {
  const [name = ""] = adapter.split(/[:(]/);
  return name
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");
}
