/** The engines beside ours, opened. */
import type { Device } from "../../../engine/device.ts";
import type { Peer } from "../job.ts";
import { findFaiss } from "./faiss.ts";
import { openJax } from "./jax.ts";
import { offerGpu } from "./navigator.ts";
import { openOrt } from "./ort.ts";
import { openOrtWeb } from "./ortWeb.ts";
import { openTfjs } from "./tfjs.ts";

/** Some engines, and how to be done with them. */
export interface OpenedPeers {
  readonly peers: readonly Peer[];
  readonly close: () => void;
}

/**
 * Those that run on `navigator.gpu`. Ours must be open already, or it would take the offered GPU
 * for a browser's.
 */
export async function openOnNavigator(device: Device): Promise<OpenedPeers> {
  const withdrawGpu = await offerGpu();
  const peers = [await openTfjs(device), await openJax(device), await openOrtWeb(device)];
  const close = () => {
    for (const peer of peers) peer.close();
    withdrawGpu();
  };
  return { peers, close };
}

/** All of them. */
export async function openPeers(device: Device): Promise<OpenedPeers> {
  const opened = await openOnNavigator(device);
  const ort = await openOrt(device);
  const faiss = findFaiss();
  const others = [ort, ...(faiss ? [faiss] : [])];
  const close = () => {
    for (const peer of others) peer.close();
    opened.close();
  };
  return { peers: [...opened.peers, ...others], close };
}
